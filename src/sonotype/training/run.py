"""What every part of a training run is told."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sonotype.labels import Task
from sonotype.settings import Settings
from sonotype.training.callbacks import Progress


@dataclass(frozen=True)
class Run:
    """One training run.

    Args:
        settings: All of its settings.
        task: One label a clip, or any number.
        noise: Background recordings at the model's rate, float32 `(samples,)`, for
            layers that mix noise in.
        on_progress: Called after every step, and while clips are listened to.
    """

    settings: Settings
    task: Task
    noise: np.ndarray | None = None
    on_progress: Callable[[Progress], None] = lambda progress: None

    def listening(self, done: int, total: int) -> None:
        """Report clips that were listened to, before the first epoch."""
        n_epochs = self.settings.training.epochs
        self.on_progress(Progress(done, total, epoch=0, n_epochs=n_epochs))
