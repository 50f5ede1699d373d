"""What prediction returns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """The scores of one clip, highest first.

    Args:
        labels: Label names, best first.
        scores: Their scores, not calibrated probabilities: summing to one where a clip
            has one label, else each from 0 to 1.
        path: The file the clip came from, if it came from one.
        heard: In a multi-label model, the labels whose score reaches their threshold,
            best first: none, one or several. `None` where a clip has one label.

    Example:
        >>> prediction = Prediction.of([0.03, 0.97], ["robin", "wren"])
        >>> print(prediction)
        wren 0.97
        >>> dict(prediction)
        {'wren': 0.97, 'robin': 0.03}
        >>> thresholds = {"robin": 0.4, "wren": 0.6}
        >>> print(Prediction.of([0.5, 0.8], list(thresholds), thresholds=thresholds))
        wren 0.80, robin 0.50
    """

    labels: tuple[str, ...]
    scores: tuple[float, ...]
    path: Path | None = None
    heard: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        scores: np.ndarray | Sequence[float],
        labels: Sequence[str],
        path: Path | None = None,
        *,
        thresholds: Mapping[str, float] | None = None,
    ) -> "Prediction":
        """Make a prediction from scores in the order of a model's labels."""
        order = np.argsort(-np.asarray(scores), kind="stable")
        ranked = {labels[position]: float(scores[position]) for position in order}
        return cls(
            labels=tuple(ranked),
            scores=tuple(ranked.values()),
            path=path,
            heard=None
            if thresholds is None
            else tuple(name for name in ranked if ranked[name] >= thresholds[name]),
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
        if self.heard is None:
            return f"{self.label} {self.score:.2f}"
        scores = dict(self)
        return ", ".join(f"{name} {scores[name]:.2f}" for name in self.heard) or "-"

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return iter(zip(self.labels, self.scores, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        heard = {} if self.heard is None else {"heard": list(self.heard)}
        return {
            "path": None if self.path is None else str(self.path),
            "label": self.label,
            "score": self.score,
            **heard,
            "scores": dict(self),
        }
