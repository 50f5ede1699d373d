"""The report of one evaluation: what a model got right, where, and how surely."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sonotype.clips import Clips
from sonotype.errors import DataError
from sonotype.evaluation.bootstrap import Interval, bootstrap_interval
from sonotype.evaluation.metrics import (
    accuracy,
    confusion_matrix,
    macro_f1,
    precision_recall_f1,
)
from sonotype.evaluation.scores import NO_CLIPS, checked_scores, refuse_unknown
from sonotype.evaluation.words import counted, plain
from sonotype.labels import Labels


@dataclass(frozen=True)
class ClassReport:
    """How one class fared.

    Args:
        label: The class.
        n_clips: Number of clips that carry it.
        precision: Share of the clips given this label that carry it; nan if none was.
        recall: Share of the clips that carry this label that were given it; nan if
            there is none.
        f1: Harmonic mean of the two, 0 if the class was always missed; nan if no clip
            carries it and none was given it.
    """

    label: str
    n_clips: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Mistake:
    """A clip that was given the wrong label.

    Args:
        path: The audio file.
        true: The label the clip carries.
        predicted: The label it was given.
        score: The score of the predicted label.
        start_seconds: Where the clip starts; `None` is the start of the file.
        end_seconds: Where it ends; `None` is the end of the file.
    """

    path: Path
    true: str
    predicted: str
    score: float
    start_seconds: float | None = None
    end_seconds: float | None = None


@dataclass(frozen=True)
class Report:
    """The outcome of an evaluation.

    Args:
        labels: The model's labels, which number the rows and columns of `confusion`.
        n_clips: Number of clips evaluated.
        n_groups: Number of groups they came from.
        accuracy: Share of the clips given their true label.
        accuracy_interval: Its interval, from resampling whole groups.
        macro_f1: Mean F1 of the classes, each counting the same.
        classes: One entry per label, in the order of `labels`.
        confusion: Number of clips of each true label (row) and predicted one (column).
        mistakes: The misclassified clips, those the model was surest of first: the
            ones to listen to, because they are often labelled wrong.
    """

    labels: Labels
    n_clips: int
    n_groups: int
    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    classes: tuple[ClassReport, ...]
    confusion: tuple[tuple[int, ...], ...] = field(repr=False)
    mistakes: tuple[Mistake, ...] = field(repr=False)

    def __str__(self) -> str:
        return (
            f"accuracy {self.accuracy:.3f} ({self.accuracy_interval}) on "
            f"{counted(self.n_clips, 'clip')} of {counted(self.n_groups, 'group')}, "
            f"macro F1 {self.macro_f1:.3f}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as what JSON can hold; an undefined number is `None`.

        Example:
            >>> from sonotype.clips import Clip
            >>> clips = Clips.of([Clip(Path("a.wav"), ("no",), "ann")])
            >>> report = report_from_scores(np.array([[0.9]]), clips, Labels(("no",)))
            >>> report.to_dict()["accuracy"], report.to_dict()["accuracy_interval"]
            (1.0, {'low': None, 'high': None, 'level': 0.95})
        """
        return {
            "labels": list(self.labels),
            "n_clips": self.n_clips,
            "n_groups": self.n_groups,
            "accuracy": self.accuracy,
            "accuracy_interval": plain(vars(self.accuracy_interval)),
            "macro_f1": self.macro_f1,
            "classes": [plain(vars(entry)) for entry in self.classes],
            "confusion": [list(row) for row in self.confusion],
            "mistakes": [
                plain(vars(mistake)) | {"path": mistake.path.as_posix()}
                for mistake in self.mistakes
            ],
        }


def report_from_scores(
    scores: np.ndarray, clips: Clips, labels: Labels, *, seed: int = 0
) -> Report:
    """Report how well scores that are already there fit the clips.

    Args:
        scores: One row a clip and one column a label, of shape `(n_clips, n_labels)`;
            the highest score of a row is the prediction, the first of equal ones.
        clips: Clips that carry one label each.
        labels: The labels, in the order of the columns.
        seed: Seed of the resampling behind the interval.

    Returns:
        The report.

    Raises:
        DataError: If there is no clip, a clip does not carry exactly one label, a label
            is not in `labels`, or the scores do not fit the clips.

    Example:
        >>> from sonotype.clips import Clip
        >>> clips = Clips.of([Clip(Path(f"{n}.wav"), (n,), n) for n in ("no", "yes")])
        >>> scores = np.array([[0.3, 0.7], [0.1, 0.9]])
        >>> report = report_from_scores(scores, clips, Labels(("no", "yes")))
        >>> report.accuracy, report.mistakes[0].path.name, report.mistakes[0].score
        (0.5, 'no.wav', 0.7)
    """
    true = true_indices(clips, labels)
    scores = checked_scores(scores, clips, labels)
    predicted = scores.argmax(axis=1)
    confusion = confusion_matrix(true, predicted, len(labels))
    groups = clips.groups()
    return Report(
        labels=labels,
        n_clips=len(clips),
        n_groups=len(set(groups)),
        accuracy=accuracy(confusion),
        accuracy_interval=bootstrap_interval(true == predicted, groups, seed=seed),
        macro_f1=macro_f1(confusion),
        classes=_class_reports(confusion, labels),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        mistakes=_mistakes(scores, true, clips, labels),
    )


def true_indices(clips: Clips, labels: Labels) -> np.ndarray:
    """Return the index of each clip's label in `labels`, int64 `(n_clips,)`.

    Raises:
        DataError: If there is no clip, one does not carry exactly one label, or
            carries one that is not in `labels`.
    """
    if not len(clips):
        raise DataError(NO_CLIPS)
    own = clips.label_indices()
    refuse_unknown([clips.labels[position] for position in np.unique(own)], labels)
    known = {name: position for position, name in enumerate(labels)}
    to_model = [known.get(name, -1) for name in clips.labels]
    return np.take(np.array(to_model, dtype=np.int64), own)


def _class_reports(confusion: np.ndarray, labels: Labels) -> tuple[ClassReport, ...]:
    """Return one entry per label, in plain Python numbers."""
    n_clips = confusion.sum(axis=1)
    columns = (n_clips, *precision_recall_f1(confusion))
    rows = zip(labels, *(column.tolist() for column in columns), strict=True)
    return tuple(ClassReport(*row) for row in rows)


def _mistakes(
    scores: np.ndarray, true: np.ndarray, clips: Clips, labels: Labels
) -> tuple[Mistake, ...]:
    """Return the misclassified clips, highest score first, ties as in the table."""
    predicted, highest = scores.argmax(axis=1), scores.max(axis=1)
    (wrong,) = np.nonzero(predicted != true)
    by_score = wrong[np.argsort(-highest[wrong], kind="stable")]
    return tuple(
        Mistake(
            path=clip.path,
            true=labels[true[position]],
            predicted=labels[predicted[position]],
            score=float(highest[position]),
            start_seconds=clip.start_seconds,
            end_seconds=clip.end_seconds,
        )
        for position, clip in zip(by_score, clips.select(by_score), strict=True)
    )
