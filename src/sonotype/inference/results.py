"""What prediction returns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """The scores of one clip, highest first.

    Args:
        labels: Label names, best first.
        scores: Their scores, which sum to one; not calibrated probabilities.
        path: The file the clip came from, if it came from one.

    Example:
        >>> prediction = Prediction.of([0.03, 0.97], ["robin", "wren"])
        >>> print(prediction)
        wren 0.97
        >>> dict(prediction)
        {'wren': 0.97, 'robin': 0.03}
    """

    labels: tuple[str, ...]
    scores: tuple[float, ...]
    path: Path | None = None

    @classmethod
    def of(
        cls,
        scores: np.ndarray | Sequence[float],
        labels: Sequence[str],
        path: Path | None = None,
    ) -> "Prediction":
        """Make a prediction from scores in the order of a model's labels."""
        order = np.argsort(-np.asarray(scores), kind="stable")
        return cls(
            labels=tuple(labels[position] for position in order),
            scores=tuple(float(scores[position]) for position in order),
            path=path,
        )

    @property
    def label(self) -> str:
        """The best label."""
        return self.labels[0]

    @property
    def score(self) -> float:
        """The best label's score."""
        return self.scores[0]

    def __str__(self) -> str:
        return f"{self.label} {self.score:.2f}"

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return iter(zip(self.labels, self.scores, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "path": None if self.path is None else str(self.path),
            "label": self.label,
            "score": self.score,
            "scores": dict(self),
        }
