"""The report of one evaluation: what a model got right, where, and how surely."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

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
from sonotype.labels import Labels

# Names an error message lists before it says how many more there are.
N_NAMES_SHOWN = 5


class Scorer(Protocol):
    """What can be evaluated: anything that knows its labels and scores clips."""

    @property
    def labels(self) -> Labels:
        """The labels, in the order of the scores."""

    def scores(self, clips: Clips) -> np.ndarray:
        """Return a score per clip and label, of shape `(n_clips, n_labels)`."""


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
            "accuracy_interval": _plain(vars(self.accuracy_interval)),
            "macro_f1": self.macro_f1,
            "classes": [_plain(vars(entry)) for entry in self.classes],
            "confusion": [list(row) for row in self.confusion],
            "mistakes": [
                _plain(vars(mistake)) | {"path": mistake.path.as_posix()}
                for mistake in self.mistakes
            ],
        }


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless there is one.

    Example:
        >>> counted(1, "group"), counted(1_500, "clip")
        ('1 group', '1,500 clips')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Replace nan, which JSON has no word for, by `None`."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in fields.items()
    }


def evaluate(model: Scorer, clips: Clips, *, seed: int = 0) -> Report:
    """Score clips with a model and report how well it did.

    Labels are matched by name, so the clips may list theirs in another order or carry
    only some of the model's.

    Args:
        model: What gives the scores.
        clips: Clips that carry one label each.
        seed: Seed of the resampling behind the interval.

    Returns:
        The report.

    Raises:
        DataError: If there is no clip, a clip does not carry exactly one label, the
            model does not know a label, or the scores do not fit the clips.

    Example:
        >>> from sonotype.clips import Clip
        >>> class AlwaysNo:
        ...     labels = Labels(("no", "yes"))
        ...     def scores(self, clips: Clips) -> np.ndarray:
        ...         return np.tile([0.8, 0.2], (len(clips), 1))
        >>> names = ("no", "no", "no", "yes")
        >>> clips = Clips.of(Clip(Path(f"{n}.wav"), (n,), "ann") for n in names)
        >>> print(evaluate(AlwaysNo(), clips))
        accuracy 0.750 (no 95 % interval: one group only) on 4 clips of 1 group, \
macro F1 0.429
    """
    # Before scoring, which can take an hour, rather than after.
    _true_indices(clips, model.labels)
    return report_from_scores(model.scores(clips), clips, model.labels, seed=seed)


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
        DataError: As for `evaluate`.

    Example:
        >>> from sonotype.clips import Clip
        >>> clips = Clips.of([Clip(Path(f"{n}.wav"), (n,), n) for n in ("no", "yes")])
        >>> scores = np.array([[0.3, 0.7], [0.1, 0.9]])
        >>> report = report_from_scores(scores, clips, Labels(("no", "yes")))
        >>> report.accuracy, report.mistakes[0].path.name, report.mistakes[0].score
        (0.5, 'no.wav', 0.7)
    """
    true = _true_indices(clips, labels)
    scores = _checked_scores(scores, clips, labels)
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


def _true_indices(clips: Clips, labels: Labels) -> np.ndarray:
    """Return the index of each clip's label in `labels`, int64 `(n_clips,)`."""
    if not len(clips):
        raise DataError("there are no clips to evaluate; give at least one")
    own = clips.label_indices()
    carried = [clips.labels[position] for position in np.unique(own)]
    unknown = [name for name in carried if name not in labels]
    if unknown:
        raise DataError(
            f"clips carry labels that the model does not know: {_shown(unknown)}. "
            f"It knows: {_shown(list(labels))}. Leave these clips out or rename "
            "their labels"
        )
    known = {name: position for position, name in enumerate(labels)}
    to_model = [known.get(name, -1) for name in clips.labels]
    return np.take(np.array(to_model, dtype=np.int64), own)


def _shown(names: list[str]) -> str:
    """List the first names, and how many there are beyond them."""
    first = ", ".join(repr(name) for name in names[:N_NAMES_SHOWN])
    n_more = len(names) - N_NAMES_SHOWN
    return f"{first} and {n_more} more" if n_more > 0 else first


def _checked_scores(scores: np.ndarray, clips: Clips, labels: Labels) -> np.ndarray:
    """Return the scores as float64, or say which clip's are no good."""
    scores = np.asarray(scores, dtype=np.float64)
    wanted = (len(clips), len(labels))
    if scores.shape != wanted:
        raise DataError(
            f"scores have shape {scores.shape}, but {counted(wanted[0], 'clip')} and "
            f"{counted(wanted[1], 'label')} need {wanted}; give one row a clip and "
            "one column a label"
        )
    is_usable = np.isfinite(scores).all(axis=1)
    if not is_usable.all():
        raise DataError(
            f"{counted(int((~is_usable).sum()), 'clip')} got scores that are not "
            f"finite numbers, first {clips[int(np.argmin(is_usable))].path}; look for "
            "broken samples in the file or broken weights in the model"
        )
    return scores


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
