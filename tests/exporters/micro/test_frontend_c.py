"""The front end in C: compiled without a warning, it says what the Keras layers say."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.exporters.golden import golden_inputs
from sonotype.exporters.micro import c_source
from sonotype.exporters.micro.arena import Arena
from sonotype.exporters.micro.frontend_constants import read_frontend
from sonotype.exporters.micro.operators import IntegerGraph, Quantization
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.pad import Pad
from sonotype.frontend.standardize import Standardize

COMPILER = shutil.which("cc")
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
LABELS = ("yes", 'say "no"', "\u00d6l \\ ??/", "%d\n")
# Clips on stdin; features, then labels, on stdout.
PROGRAM = """
#include <stdio.h>
#include "frontend.h"
#include "model.h"

static int16_t clip[SONOTYPE_N_SAMPLES];
static int8_t features[SONOTYPE_N_FRAMES * SONOTYPE_N_BANDS];

int main(void)
{
    int label;
    while (fread(clip, sizeof clip, 1, stdin) == 1) {
        sonotype_features(clip, features);
        fwrite(features, sizeof features, 1, stdout);
    }
    for (label = 0; label < SONOTYPE_N_LABELS; label++)
        fwrite(sonotype_labels[label], 1, 1, stdout);
    fwrite(sonotype_model, sizeof sonotype_model, 1, stdout);
    return ((size_t)sonotype_model % 16) != 0;
}
"""
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")


def write_c(folder: Path, frontend: keras.Model, quantization: Quantization) -> None:
    graph = IntegerGraph(
        content=bytes(range(256)),
        operators={"CONV_2D": 2},
        input_shape=(1, *frontend.output_shape[1:], 1),
        features=quantization,
        scores=Quantization(1 / 256, -128),
        n_labels=len(LABELS),
    )
    constants = read_frontend(frontend)
    files = {
        "model.h": c_source.model_header(graph, Arena(1_000, None)),
        "model.c": c_source.model_source(graph, LABELS),
        "frontend.h": c_source.frontend_header(constants),
        "frontend.c": c_source.frontend_source(),
        "frontend_tables.h": c_source.frontend_tables(constants),
        "program.c": PROGRAM,
    }
    for name, text in files.items():
        (folder / name).write_text(text)


def build(folder: Path) -> Path:
    assert COMPILER is not None
    sources = [str(path) for path in sorted(folder.glob("*.c"))]
    command = [COMPILER, *STRICT, "-O1", *sources, "-lm", "-o", str(folder / "program")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return folder / "program"


def clips(sample_rate: int, n_samples: int) -> np.ndarray:
    """Return the golden clips, and one that is as loud as can be."""
    rng = np.random.default_rng(5)
    square = np.where(rng.random(n_samples) < 0.5, -32_768, 32_767)
    golden = golden_inputs(n_samples, sample_rate)
    return np.stack([*golden.values(), square.astype(np.int16)])


def log_mel(sample_rate: int, **settings: Any) -> LogMel:
    return LogMel(sample_rate=sample_rate, **settings)


@pytest.mark.parametrize(
    ("n_samples", "layers"),
    [
        (  # the default recipe
            16_000,
            [
                log_mel(
                    16_000, n_mels=40, hop_seconds=0.015, low_hz=60.0, high_hz=7_800.0
                ),
                Standardize(-6.0, 4.0),
            ],
        ),
        (
            2_001,
            [
                Pad(seconds=0.01, sample_rate=8_000),
                log_mel(8_000, n_mels=20, framing="centre_reflect", log="decibels"),
                Standardize(-30.0, 20.0),
            ],
        ),
        (
            4_000,
            [
                log_mel(
                    8_000,
                    n_mels=20,
                    framing="centre_zeros",
                    log="floored",
                    power=1.0,
                    filters="slaney",
                    window="hamming",
                ),
                Standardize(-8.0, 3.0),
            ],
        ),
        (
            4_000,
            [
                log_mel(8_000, n_mels=20, log="decibels", floor=1e-10, range_db=50.0),
                Standardize(-30.0, 20.0),
            ],
        ),
        (4_000, [log_mel(8_000, n_mels=20, framing="fft", n_fft=1024)]),
    ],
    ids=["default", "decibels", "magnitudes", "range", "long"],
)
def test_it_compiles_anywhere_and_says_what_the_layers_say(
    n_samples: int, layers: list[keras.layers.Layer], tmp_path: Path
) -> None:
    audio = keras.Input((n_samples,))
    flow = audio
    for layer in layers:
        flow = layer(flow)
    frontend = keras.Model(audio, flow)
    samples = clips(8_000, n_samples)
    expected = frontend.predict(samples / np.float32(32_768), verbose=0)
    scale = (expected.max() - expected.min()) / 255
    quantization = Quantization(
        float(np.float32(scale)), -128 - round(float(expected.min() / scale))
    )
    write_c(tmp_path, frontend, quantization)
    done = subprocess.run(
        [build(tmp_path)], input=samples.tobytes(), capture_output=True, check=True
    )
    n_features = expected.size
    found = np.frombuffer(done.stdout[:n_features], np.int8).reshape(expected.shape)
    steps = np.abs(found.astype(int) - quantization.quantize(expected))
    assert steps.max() <= 1
    assert (steps == 0).mean() > 0.99
    firsts = b"".join(label.encode()[:1] for label in LABELS)
    assert done.stdout[n_features:] == firsts + bytes(range(256))
