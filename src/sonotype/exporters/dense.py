"""`model-dense.tflite`: the scores of many windows of a stretch of sound at once."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from sonotype.errors import ExportError
from sonotype.exporters.dense_model import DenseModel, build_dense
from sonotype.exporters.litert import to_litert

if TYPE_CHECKING:
    from sonotype.exporters.add_format import Examples

MOST_STRETCHES = 4
# Windows that are scored by themselves, too: long clips take long.
MOST_WINDOWS = 256
# Of scores: what the place of a window in its stretch may change.
SEAM_TOLERANCE = 0.02


def write_dense(model: keras.Model, _: np.ndarray | None, path: Path) -> None:
    """Write the graph that scores the windows of a stretch at once.

    Raises:
        ExportError: If the network does not allow it, or does not convert.
    """
    path.write_bytes(to_litert(build_dense(model).model))


def dense_examples(model: keras.Model, examples: "Examples") -> "Examples":
    """Return stretches to compare a dense graph on, and what is known of it.

    The sound is that of the real clips one after another in a shuffled order, or that
    of the golden inputs if there are none.

    Args:
        model: The classifier of clips.
        examples: What other formats are compared on.

    Returns:
        Examples whose samples are stretches. Their facts say where the windows of one
        lie, and how far their scores are from those of the same windows by themselves.

    Raises:
        ExportError: If the network does not allow it.
    """
    dense = build_dense(model)
    n_real = len(examples.samples) - examples.n_golden
    clips = examples.samples[examples.n_golden :] if n_real else examples.samples
    clips = np.random.default_rng(0).permutation(clips)
    length = dense.stretch_samples
    n_stretches = min(MOST_STRETCHES, -(-clips.size // length))
    stretches = np.resize(clips, (n_stretches, length))
    expected = dense.scores(stretches)
    golden = np.resize(examples.samples[: examples.n_golden], (1, length))
    facts = {
        "window_samples": dense.window_samples,
        "stretch_samples": length,
        "stride_samples": dense.stride,
        "first_sample": dense.first,
        "n_windows": dense.n_windows,
        "golden_scores": _windows(dense.scores(golden), dense)[0].tolist(),
        **_difference(model, dense, stretches, expected),
        "seam_difference": _seam_difference(dense, clips.ravel()),
    }
    return dataclasses.replace(
        examples,
        samples=stretches,
        expected=expected,
        n_golden=0,
        real=None,
        n_windows_each=dense.n_windows,
        facts=facts,
    )


def _windows(scores: np.ndarray, dense: DenseModel) -> np.ndarray:
    """Return the scores of stretches by window, `(n_windows in all, n_labels)`."""
    return scores.reshape(len(scores) * dense.n_windows, -1)


def _difference(
    model: keras.Model, dense: DenseModel, stretches: np.ndarray, scores: np.ndarray
) -> dict[str, Any]:
    """Compare dense scores with those of the windows by themselves."""
    every = -(-len(stretches) * dense.n_windows // MOST_WINDOWS)
    found = _windows(scores, dense)[::every]
    windows = dense.windows(stretches)[::every]
    alone = model.predict(windows, batch_size=32, verbose=0)
    same = found.argmax(axis=1) == alone.argmax(axis=1)
    if found.shape[1] == 1:  # of one label, whether it is heard
        same = ((found > 0.5) == (alone > 0.5))[:, 0]
    return {
        "n_windows_compared": len(found),
        "window_difference": float(np.abs(found - alone).mean()),
        "same_label": float(same.mean()),
    }


def _seam_difference(dense: DenseModel, sound: np.ndarray) -> float:
    """Return how much the place of a window in its stretch changes its scores.

    Raises:
        ExportError: If it is more than little.
    """
    n_shifted = dense.n_windows // 2
    shift = n_shifted * dense.stride
    long = np.resize(sound, dense.stretch_samples + shift)
    pair = np.stack([long[: dense.stretch_samples], long[shift:]])
    early, late = dense.scores(pair).reshape(2, dense.n_windows, -1)
    difference = float(np.abs(early[n_shifted:] - late[:-n_shifted]).max())
    if not difference <= SEAM_TOLERANCE:
        raise ExportError(
            "this network cannot be scanned densely: the scores of a window change by "
            f"{difference:.2g} with its place in a stretch of "
            f"{dense.stretch_samples} samples"
        )
    return difference
