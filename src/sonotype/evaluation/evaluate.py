"""Evaluate anything that scores clips."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from sonotype.clips import Clips
from sonotype.evaluation.multi_label import (
    MultiLabelReport,
    known_cells,
    multi_label_report,
)
from sonotype.evaluation.report import Report, report_from_scores, true_indices
from sonotype.labels import Labels, Task


class Scorer(Protocol):
    """What can be evaluated: anything that knows its labels and scores clips."""

    @property
    def labels(self) -> Labels:
        """The labels, in the order of the scores."""

    @property
    def task(self) -> Task:
        """Whether a clip carries one label or any number."""

    @property
    def thresholds(self) -> Mapping[str, float] | None:
        """From which score each label counts as heard, in a multi-label model."""

    def scores(self, clips: Clips) -> np.ndarray:
        """Return a score per clip and label, of shape `(n_clips, n_labels)`."""


def evaluate(
    model: Scorer, clips: Clips, *, seed: int = 0
) -> Report | MultiLabelReport:
    """Score clips with a model and report how well it did.

    Labels are matched by name, so the clips may list theirs in another order or carry
    only some of the model's.

    Args:
        model: What gives the scores; its task decides which report it is.
        clips: Clips that carry one label each, or any number if the model is for that.
        seed: Seed of the resampling behind the interval.

    Returns:
        The report.

    Raises:
        DataError: If there is no clip, a clip carries several labels or none and the
            model is for one a clip, the model does not know a label, or the scores do
            not fit the clips.

    Example:
        >>> from pathlib import Path
        >>> from sonotype.clips import Clip
        >>> class AlwaysNo:
        ...     labels = Labels(("no", "yes"))
        ...     task: Task = "single-label"
        ...     thresholds = None
        ...     def scores(self, clips: Clips) -> np.ndarray:
        ...         return np.tile([0.8, 0.2], (len(clips), 1))
        >>> names = ("no", "no", "no", "yes")
        >>> clips = Clips.of(Clip(Path(f"{n}.wav"), (n,), "ann") for n in names)
        >>> print(evaluate(AlwaysNo(), clips))
        accuracy 0.750 (no 95 % interval: one group only) on 4 clips of 1 group, \
macro F1 0.429
    """
    # Labels are looked at before scoring, which can take an hour, rather than after.
    if model.task == "multi-label":
        known_cells(clips, model.labels)
        return multi_label_report(
            model.scores(clips),
            clips,
            model.labels,
            thresholds=model.thresholds,
            seed=seed,
        )
    true_indices(clips, model.labels)
    return report_from_scores(model.scores(clips), clips, model.labels, seed=seed)
