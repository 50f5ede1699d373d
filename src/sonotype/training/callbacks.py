"""What happens beside the fit: progress, keeping the best weights, noticing NaN."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from sonotype.errors import DataError
from sonotype.settings import TrainingSettings


@dataclass(frozen=True)
class Progress:
    """Where a fit stands after a step; validated epochs say so at their end.

    Accuracies are `None` where a clip may carry any number of labels. Epoch 0 is when
    clips are only listened to, and has no loss.
    """

    step: int
    n_steps: int
    epoch: int
    n_epochs: int
    loss: float = math.nan
    accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    def __str__(self) -> str:
        if not self.epoch:
            return "listening"
        if self.accuracy is None:
            return f"loss {self.loss:.3f}"
        return f"accuracy {self.accuracy:.3f}"


class ReportProgress(keras.callbacks.Callback):
    """Hand every step's numbers to a function; stop when they are no numbers.

    Args:
        on_progress: Called after each step and each epoch.
    """

    def __init__(self, on_progress: Callable[[Progress], None]) -> None:
        super().__init__()
        self._on_progress = on_progress
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember the epoch, counted from 1."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any]) -> None:
        """Report one step."""
        self._report(batch + 1, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Report the epoch with its validation numbers."""
        self._report(self.params["steps"], logs)

    def _report(self, batch: int, logs: dict[str, Any]) -> None:
        if not math.isfinite(logs["loss"]):
            raise DataError(
                f"training diverged in epoch {self._epoch}: the loss is "
                f"{logs['loss']}; lower training.learning_rate"
            )
        steps, epochs = self.params["steps"], self.params["epochs"]
        self._on_progress(
            Progress(
                step=(self._epoch - 1) * steps + batch,
                n_steps=epochs * steps,
                epoch=self._epoch,
                n_epochs=epochs,
                loss=float(logs["loss"]),
                accuracy=logs.get("accuracy"),
                validation_loss=logs.get("val_loss"),
                validation_accuracy=logs.get("val_accuracy"),
            )
        )


def fit_callbacks(
    settings: TrainingSettings, on_progress: Callable[[Progress], None]
) -> list[keras.callbacks.Callback]:
    """Return what goes on beside a fit, in order."""
    chosen: list[keras.callbacks.Callback] = []
    if settings.averaging:
        # Epochs are judged by the averages, and those of the best are kept.
        chosen.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if settings.keep == "best":
        chosen.append(KeepBest())
    return [*chosen, ReportProgress(on_progress)]


class KeepBest(keras.callbacks.Callback):
    """Give the model back the weights of its best epoch when training ends.

    Best is the lowest validation loss: accuracy on a few hundred clips moves in steps,
    and the highest step is often luck.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lowest = math.inf
        self._weights: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Keep a copy if this epoch was validated and beats all before it."""
        if logs.get("val_loss", math.inf) < self._lowest:
            self._lowest = logs["val_loss"]
            self._weights = self.model.get_weights()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Put the best weights back."""
        if self._weights:
            self.model.set_weights(self._weights)
