"""Scores of a Keras model, clip by clip, as prediction gives them."""

from collections.abc import Iterable, Iterator

import keras
import numpy as np

BATCH_SIZE = 128


def score_windows(model: keras.Model, clips: Iterable[np.ndarray]) -> np.ndarray:
    """Score clips that were cut into windows; a clip's score is its windows' mean.

    Windows of several clips share a batch, and the last batch is filled up with zeros,
    so the model is compiled for one shape and the clips may come from a generator.

    Args:
        model: Samples `(batch, n_samples)` to scores `(batch, n_labels)`.
        clips: The windows of each clip, float32 `(n_windows, n_samples)`.

    Returns:
        Scores, float32 of shape `(n_clips, n_labels)`.
    """
    n_windows: list[int] = []

    def counted() -> Iterator[np.ndarray]:
        for windows in clips:
            n_windows.append(len(windows))
            yield from windows

    scored = [
        model.predict_on_batch(batch)[:n_real]
        for batch, n_real in _batches(counted(), model.input_shape[-1])
    ]
    if not scored:
        return np.empty((0, model.output_shape[-1]), np.float32)
    starts = np.cumsum([0, *n_windows[:-1]])
    sums: np.ndarray = np.add.reduceat(np.concatenate(scored), starts, axis=0)
    return (sums / np.array(n_windows)[:, None]).astype(np.float32)


def _batches(
    windows: Iterator[np.ndarray], n_samples: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield full batches, and how many of their rows are real."""
    batch, n_real = np.zeros((BATCH_SIZE, n_samples), np.float32), 0
    for window in windows:
        batch[n_real] = window
        n_real += 1
        if n_real == BATCH_SIZE:
            yield batch, n_real
            batch, n_real = np.zeros_like(batch), 0
    if n_real:
        yield batch, n_real
