"""The report where a clip may carry any number of labels, each known or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sonotype.clips import Clips
from sonotype.errors import DataError
from sonotype.evaluation.bootstrap import Interval, bootstrap_statistic
from sonotype.evaluation.metrics import ratio
from sonotype.evaluation.ranking import average_precision, mean_average_precision
from sonotype.evaluation.scores import NO_CLIPS, checked_scores, refuse_unknown
from sonotype.evaluation.thresholds import DEFAULT_THRESHOLD
from sonotype.evaluation.words import counted, plain
from sonotype.labels import Labels


@dataclass(frozen=True)
class LabelReport:
    """How one label fared.

    Args:
        label: The label.
        n_heard: Number of clips that are known to hold it.
        n_absent: Number of clips that are known not to.
        average_precision: How well the scores put the former before the latter, 0 to
            1, whatever the threshold; nan if there are not both kinds.
        threshold: The score from which it counts as heard.
        precision: Share of the clips above the threshold that hold it; nan if none is.
        recall: Share of the clips that hold it above the threshold; nan if none does.
        f1: Harmonic mean of the two; nan if no clip holds it and none is above.
    """

    label: str
    n_heard: int
    n_absent: int
    average_precision: float
    threshold: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class MultiLabelReport:
    """The outcome of evaluating a multi-label model.

    Args:
        labels: The model's labels.
        n_clips: Number of clips evaluated.
        n_groups: Number of groups they came from.
        mean_average_precision: Mean over the labels of `average_precision`.
        mean_average_precision_interval: Its interval, from resampling whole groups.
        macro_f1: Mean F1 of the labels that some clip holds, at the thresholds.
        classes: One entry per label, in the order of `labels`.
    """

    labels: Labels
    n_clips: int
    n_groups: int
    mean_average_precision: float
    mean_average_precision_interval: Interval
    macro_f1: float
    classes: tuple[LabelReport, ...]

    def __str__(self) -> str:
        return (
            f"mean average precision {self.mean_average_precision:.3f} "
            f"({self.mean_average_precision_interval}) on "
            f"{counted(self.n_clips, 'clip')} of {counted(self.n_groups, 'group')}, "
            f"macro F1 {self.macro_f1:.3f}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as what JSON can hold; an undefined number is `None`."""
        interval = plain(vars(self.mean_average_precision_interval))
        return plain(vars(self)) | {
            "labels": list(self.labels),
            "mean_average_precision_interval": interval,
            "classes": [plain(vars(entry)) for entry in self.classes],
        }


def multi_label_report(
    scores: np.ndarray,
    clips: Clips,
    labels: Labels,
    *,
    thresholds: Mapping[str, float] | None = None,
    seed: int = 0,
) -> MultiLabelReport:
    """Report how well scores that are already there fit multi-label clips.

    What is unknown of a clip takes no part in any number.

    Args:
        scores: One row a clip and one column a label, of shape `(n_clips, n_labels)`.
        clips: The clips, with what is known of each label.
        labels: The labels, in the order of the columns.
        thresholds: From which score each label counts as heard; default: 0.5.
        seed: Seed of the resampling behind the interval.

    Raises:
        DataError: If there is no clip, a clip carries an unknown label, or the scores
            do not fit the clips.

    Example:
        >>> from pathlib import Path
        >>> from sonotype.clips import Clip
        >>> heard = ((), ("owl",), ("owl", "wren"))
        >>> clips = Clips.of(Clip(Path(f"{len(n)}.wav"), n, str(n)) for n in heard)
        >>> scores = np.array([[0.1, 0.6], [0.7, 0.2], [0.9, 0.8]])
        >>> report = multi_label_report(scores, clips, clips.labels)
        >>> report.mean_average_precision, round(report.macro_f1, 3)
        (1.0, 0.833)
    """
    known = known_cells(clips, labels)
    scores = checked_scores(scores, clips, labels)
    groups = clips.groups()
    limits = np.array(
        [(thresholds or {}).get(name, DEFAULT_THRESHOLD) for name in labels]
    )
    classes = _label_reports(known, scores, labels, limits)
    f1 = [entry.f1 for entry in classes if entry.n_heard]
    return MultiLabelReport(
        labels=labels,
        n_clips=len(clips),
        n_groups=len(set(groups)),
        mean_average_precision=float(mean_average_precision(known, scores)[0]),
        mean_average_precision_interval=bootstrap_statistic(
            lambda weights: mean_average_precision(known, scores, weights),
            groups,
            seed=seed,
        ),
        macro_f1=float(np.mean(f1)) if f1 else float("nan"),
        classes=classes,
    )


def known_cells(clips: Clips, labels: Labels) -> np.ndarray:
    """Return what the clips say of a model's labels, in the order of its scores.

    Returns:
        `(n_clips, n_labels)`: 1 heard, 0 absent, nan unknown, as are all labels that
        the clips do not list.

    Raises:
        DataError: If there is no clip, or one carries a label that the model does not
            know.
    """
    if not len(clips):
        raise DataError(NO_CLIPS)
    own = clips.label_matrix()
    heard = np.nanmax(own, axis=0, initial=0) == 1
    refuse_unknown(
        [name for name, is_heard in zip(clips.labels, heard, strict=True) if is_heard],
        labels,
    )
    known = np.full((len(clips), len(labels)), np.nan)
    for position, name in enumerate(clips.labels):
        if name in labels:
            known[:, labels.index(name)] = own[:, position]
    return known


def _label_reports(
    known: np.ndarray, scores: np.ndarray, labels: Labels, thresholds: np.ndarray
) -> tuple[LabelReport, ...]:
    """Return one entry per label, in plain Python numbers."""
    heard, absent, given = known == 1, known == 0, scores >= thresholds
    n_hits = (heard & given).sum(axis=0)
    n_heard, n_absent = heard.sum(axis=0), absent.sum(axis=0)
    n_given = n_hits + (absent & given).sum(axis=0)
    ranked = [
        average_precision(truth, column)[0]
        for truth, column in zip(known.T, scores.T, strict=True)
    ]
    columns = (
        n_heard,
        n_absent,
        np.where((n_heard > 0) & (n_absent > 0), ranked, np.nan),
        thresholds,
        ratio(n_hits, n_given),
        ratio(n_hits, n_heard),
        ratio(2 * n_hits, n_heard + n_given),
    )
    rows = zip(labels, *(column.tolist() for column in columns), strict=True)
    return tuple(LabelReport(*row) for row in rows)
