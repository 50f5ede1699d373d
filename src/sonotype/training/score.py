"""Scores of a Keras model, clip by clip, as prediction gives them."""

from collections.abc import Iterable, Iterator

import keras
import numpy as np

from sonotype.labels import Task
from sonotype.runtime import pool_windows

BATCH_SIZE = 128


def score_windows(
    model: keras.Model,
    clips: Iterable[np.ndarray],
    *,
    task: Task = "single-label",
) -> np.ndarray:
    """Score clips that were cut into windows, pooled as prediction does.

    Windows of several clips share a batch, and the last batch is filled up with zeros,
    so the model is compiled for one shape and the clips may come from a generator.

    Args:
        model: Samples `(batch, n_samples)` to scores `(batch, n_labels)`.
        clips: The windows of each clip, float32 `(n_windows, n_samples)`.
        task: What the scores mean.

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
    by_clip = np.split(np.concatenate(scored), np.cumsum(n_windows[:-1]))
    return np.stack([pool_windows(scores, task) for scores in by_clip])


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
