"""The C files of a model for microcontrollers, as text."""

from collections.abc import Iterable, Sequence
from importlib import resources
from string import Template

import numpy as np

from sonotype.exporters.micro.arena import Arena
from sonotype.exporters.micro.frontend_constants import FrontendConstants
from sonotype.exporters.micro.operators import IntegerGraph, resolver_function

FRAME = """/* Written by sonotype: write it again rather than change it. */

#ifndef SONOTYPE_$name
#define SONOTYPE_$name

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

$body
#ifdef __cplusplus
}
#endif

#endif
"""
MODEL = """/* Labels, in the order of the scores. */
#define SONOTYPE_N_LABELS $n_labels
extern const char *const sonotype_labels[SONOTYPE_N_LABELS];

/* The graph, for tflite::GetModel. */
#define SONOTYPE_MODEL_BYTES $n_bytes
extern const unsigned char sonotype_model[SONOTYPE_MODEL_BYTES];

/* Working memory of the interpreter:
   $how. */
#define SONOTYPE_ARENA_BYTES $arena

/* A feature or a score is (integer - ZERO_POINT) * SCALE. */
#define SONOTYPE_FEATURE_SCALE $feature_scale
#define SONOTYPE_FEATURE_ZERO_POINT ($feature_zero)
#define SONOTYPE_SCORE_SCALE $score_scale
#define SONOTYPE_SCORE_ZERO_POINT ($score_zero)
"""
FRONTEND = """/* What goes in: samples of one channel, so many a second. */
#define SONOTYPE_SAMPLE_RATE $sample_rate
#define SONOTYPE_N_SAMPLES $n_samples

/* Frames. The first one begins at FIRST_SAMPLE of the clip with N_PADDING samples of
   silence at each end; what is beyond is silence, or the clip MIRRORED. */
#define SONOTYPE_N_PADDING $n_padding
#define SONOTYPE_FIRST_SAMPLE ($first_sample)
#define SONOTYPE_MIRRORED $mirrored
#define SONOTYPE_FRAME_LENGTH $frame_length
#define SONOTYPE_HOP_LENGTH $hop_length
#define SONOTYPE_FFT_LENGTH $n_fft
#define SONOTYPE_N_FRAMES $n_frames

/* Bands: sums of weighted magnitudes to the POWER. The feature of a band is
   (LOG_SCALE * ln(max(sum, LOG_FLOOR) + LOG_OFFSET) - MEAN) / DEVIATION. If HAS_RANGE,
   the scaled logarithm is no more than RANGE below the largest of the clip. */
#define SONOTYPE_N_BANDS $n_bands
#define SONOTYPE_POWER $power
#define SONOTYPE_LOG_SCALE $log_scale
#define SONOTYPE_LOG_FLOOR $log_floor
#define SONOTYPE_LOG_OFFSET $log_offset
#define SONOTYPE_HAS_RANGE $has_range
#define SONOTYPE_RANGE $range
#define SONOTYPE_MEAN ($mean)
#define SONOTYPE_DEVIATION $deviation

/* SONOTYPE_N_SAMPLES samples to SONOTYPE_N_FRAMES * SONOTYPE_N_BANDS features, which
   are what the graph takes. */
void sonotype_features(const int16_t *samples, int8_t *features);

/* SONOTYPE_FRAME_LENGTH samples to the SONOTYPE_N_BANDS features of one frame, which
   knows nothing of the others and their RANGE. */
void sonotype_frame(const int16_t *samples, int8_t *features);
"""
ALIGNED = """#if defined(_MSC_VER)
__declspec(align(16))
#elif defined(__GNUC__) || defined(__clang__)
__attribute__((aligned(16)))
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Alignas(16)
#endif
"""
NUMBERS_A_LINE, BYTES_A_LINE = 6, 12


def model_header(graph: IntegerGraph, arena: Arena) -> str:
    """Return `model.h`: sizes, scales, and what `model.c` defines."""
    measured = arena.measured_by
    how = f"measured with {measured} on a 64-bit computer" if measured else "estimated"
    return _header(
        "MODEL_H",
        MODEL,
        n_labels=graph.n_labels,
        n_bytes=len(graph.content),
        how=how,
        arena=arena.n_bytes,
        feature_scale=_float(graph.features.scale),
        feature_zero=graph.features.zero_point,
        score_scale=_float(graph.scores.scale),
        score_zero=graph.scores.zero_point,
    )


def model_source(graph: IntegerGraph, labels: Sequence[str]) -> str:
    """Return `model.c`: the labels, and the graph as an aligned array of bytes."""
    names = ",\n".join(f"    {c_string(label)}" for label in labels)
    content = _lines((f"0x{byte:02x}" for byte in graph.content), BYTES_A_LINE)
    return (
        '#include "model.h"\n\n'
        "const char *const sonotype_labels[SONOTYPE_N_LABELS] = {\n"
        f"{names}\n}};\n\n"
        f"{ALIGNED}const unsigned char sonotype_model[SONOTYPE_MODEL_BYTES] = {{\n"
        f"{content}\n}};\n"
    )


def frontend_header(constants: FrontendConstants) -> str:
    """Return `frontend.h`: the constants of the front end, and its functions."""
    numbers = {
        name: _float(number) if isinstance(number, float) else int(number)
        for name, number in vars(constants).items()
        if isinstance(number, int | float)
    }
    return _header(
        "FRONTEND_H",
        FRONTEND,
        **numbers,
        n_bands=len(constants.bands),
        has_range=int(constants.level_range is not None),
        range=_float(constants.level_range or 0.0),
    )


def frontend_tables(constants: FrontendConstants) -> str:
    """Return `frontend_tables.h`: window, mel weights, and the waves of the FFT."""
    turns = 2 * np.pi * np.arange(constants.n_fft // 2) / constants.n_fft
    bands = constants.bands
    weights = [weight for band in bands for weight in band.weights]
    tables = [
        _table("float window", constants.window),
        _table("float cosines", np.cos(turns).astype(np.float32)),
        _table("float sines", np.sin(turns).astype(np.float32)),
        _table("uint16_t band_first_bins", [band.first_bin for band in bands]),
        _table("uint16_t band_lengths", [len(band.weights) for band in bands]),
        _table("float band_weights", weights),
    ]
    return _header("FRONTEND_TABLES_H", "\n".join(tables))


def frontend_source() -> str:
    """Return `frontend.c`, which is the same for every model."""
    return _resource("frontend.c")


def usage(
    graph: IntegerGraph, constants: FrontendConstants, labels: Sequence[str]
) -> str:
    """Return `README.md`: how the files are used with these operators."""
    adds = [f"resolver.{resolver_function(name)}();" for name in graph.operators]
    streams = (
        constants.n_padding == 0
        and constants.first_sample == 0
        and constants.level_range is None
    )
    return Template(_resource("usage.md")).substitute(
        n_labels=len(labels),
        sample_rate=constants.sample_rate,
        n_samples=constants.n_samples,
        n_frames=constants.n_frames,
        n_bands=len(constants.bands),
        n_operators=len(graph.operators),
        adds="\n".join(adds),
        streaming=_resource("streaming.md") if streams else "",
    )


def c_string(text: str) -> str:
    r"""Return a C string of the UTF-8 bytes of a text, whatever is in it.

    Example:
        >>> print(c_string('caf\xe9 "1"'))
        "caf\303\251 \"1\""
    """
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?"}
    return '"{}"'.format(
        "".join(
            plain.get(byte, chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
            for byte in text.encode()
        )
    )


def _header(name: str, body: str, **numbers: object) -> str:
    return Template(FRAME).substitute(
        name=name, body=Template(body).substitute(numbers)
    )


def _table(name: str, numbers: Sequence[float] | np.ndarray) -> str:
    texts = (_float(n) if "float" in name else str(n) for n in numbers)
    return (
        f"static const {name}[{len(numbers)}] = {{\n"
        f"{_lines(texts, NUMBERS_A_LINE)}\n}};\n"
    )


def _lines(items: Iterable[str], n_a_line: int) -> str:
    texts = list(items)
    rows = (texts[first : first + n_a_line] for first in range(0, len(texts), n_a_line))
    return ",\n".join("    " + ", ".join(row) for row in rows)


def _float(number: float) -> str:
    """Return a C literal of single precision that is exactly this number's nearest.

    Example:
        >>> _float(1e-6), _float(4.0)
        ('1e-06f', '4.0f')
    """
    return f"{np.float32(number)!s}f"


def _resource(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
