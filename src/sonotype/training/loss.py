"""Losses: one a task, each told only what is known of a clip."""

from typing import Any

import keras
from keras import ops

from sonotype.labels import Task

# Below this a score counts as this, so that the logarithm stays finite.
LEAST_SCORE = 1e-7


class KnownCrossentropy(keras.losses.Loss):
    """Binary cross-entropy over the labels of which something is known.

    In multi-label data a label is present (1), absent (0) or unknown (nan). An unknown
    one adds nothing: every known cell of a batch weighs the same.

    Args:
        label_smoothing: How far targets are drawn from 0 and 1 towards 0.5, from 0 to
            below 1.
        name: Name of the loss.

    Example:
        >>> loss = KnownCrossentropy()
        >>> unsure = [[0.5, 0.9]]
        >>> round(float(loss([[1.0, float("nan")]], unsure)), 3)  # -log 0.5
        0.693
    """

    def __init__(
        self, label_smoothing: float = 0.0, *, name: str = "known_crossentropy"
    ) -> None:
        super().__init__(name=name, reduction="sum", dtype="float32")
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the mean over the known cells, a single number."""
        known = ops.logical_not(ops.isnan(y_true))  # (batch, classes)
        target = ops.where(known, y_true, 0.5)
        target = target * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
        scores = ops.clip(ops.convert_to_tensor(y_pred), LEAST_SCORE, 1.0 - LEAST_SCORE)
        cost = -target * ops.log(scores) - (1.0 - target) * ops.log(1.0 - scores)
        weight = ops.cast(known, cost.dtype)
        return ops.sum(cost * weight) / ops.maximum(ops.sum(weight), 1.0)


def build_loss(task: Task, label_smoothing: float) -> keras.losses.Loss:
    """Return the loss of a task."""
    if task == "multi-label":
        return KnownCrossentropy(label_smoothing)
    return keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
