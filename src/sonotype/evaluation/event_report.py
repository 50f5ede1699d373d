"""The report on events that were found, against those that somebody has annotated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sonotype.errors import DataError, SettingError
from sonotype.evaluation.bootstrap import Interval, bootstrap_statistic
from sonotype.evaluation.event_matching import Agreement, Collar, match_events
from sonotype.evaluation.metrics import ratio
from sonotype.evaluation.words import counted, plain
from sonotype.events import Events

_ROUNDING_SECONDS = 1e-7


@dataclass(frozen=True)
class EventScore:
    """How the events of one label, or of all, fared.

    Args:
        label: The label.
        n_annotated: Number of events that are there.
        n_found: Number of events that were found.
        n_hits: Number of pairs, one of either.
        precision: Share of the found that are there; nan if nothing was found.
        recall: Share of those there that were found; nan if nothing is there.
        f1: Harmonic mean of the two: twice the hits in all that is there or was found.
    """

    label: str
    n_annotated: int
    n_found: int
    n_hits: int
    precision: float
    recall: float
    f1: float

    @property
    def n_misses(self) -> int:
        """Events that are there and were not found."""
        return self.n_annotated - self.n_hits

    @property
    def n_false_alarms(self) -> int:
        """Events that were found and are not there."""
        return self.n_found - self.n_hits

    def to_dict(self) -> dict[str, Any]:
        """Return the score as what JSON can hold; an undefined number is `None`."""
        counts = {"n_misses": self.n_misses, "n_false_alarms": self.n_false_alarms}
        return plain(vars(self)) | counts


@dataclass(frozen=True)
class EventReport:
    """How well found events agree with annotated ones.

    Args:
        agreement: What makes two events a pair.
        n_recordings: Number of recordings compared.
        overall: All events, whatever their label.
        f1_interval: The interval of its F1, from resampling whole recordings.
        classes: One entry a label, in the order of the labels.
        segment_seconds: Length of the segments behind `segment_f1`.
        segment_f1: F1 of which segments of the recordings hold which label: whether
            the right time was found, however it falls into events.
    """

    agreement: Agreement
    n_recordings: int
    overall: EventScore
    f1_interval: Interval
    classes: tuple[EventScore, ...]
    segment_seconds: float
    segment_f1: float

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the labels that are annotated; nan if none is."""
        f1 = [entry.f1 for entry in self.classes if entry.n_annotated]
        return float(np.mean(f1)) if f1 else float("nan")

    def __str__(self) -> str:
        return (
            f"event F1 {self.overall.f1:.3f} ({self.f1_interval}) on "
            f"{counted(self.overall.n_annotated, 'event')} of "
            f"{counted(self.n_recordings, 'recording')}, {self.agreement}; "
            f"F1 of segments of {self.segment_seconds:g} s {self.segment_f1:.3f}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as what JSON can hold; an undefined number is `None`."""
        numbers = {"segment_f1": self.segment_f1, "macro_f1": self.macro_f1}
        return {
            "agreement": vars(self.agreement),
            "n_recordings": self.n_recordings,
            "segment_seconds": self.segment_seconds,
            **plain(numbers),
            "overall": self.overall.to_dict(),
            "f1_interval": plain(vars(self.f1_interval)),
            "classes": [entry.to_dict() for entry in self.classes],
        }


def event_report(
    annotated: Events,
    found: Events,
    *,
    agreement: Agreement | None = None,
    recordings: Iterable[Path] | None = None,
    labels: Sequence[str] | None = None,
    segment_seconds: float = 1.0,
    seed: int = 0,
) -> EventReport:
    """Report how well found events agree with annotated ones.

    Everything in the recordings must have been annotated, for what is found and is not
    annotated counts as a false alarm.

    Args:
        annotated: What is there; events with `is_present=False` are not.
        found: What was found.
        agreement: What makes two events a pair; default: a collar of 0.2 s, and 20 %
            for ends.
        recordings: Those to compare, also those that hold nothing; `None` takes all
            that either table names.
        labels: Those to compare; `None` takes all that either table names.
        segment_seconds: Length of the segments behind `segment_f1`.
        seed: Seed of the resampling behind the interval.

    Raises:
        SettingError: If the length of a segment is not positive.
        DataError: If there is no recording to compare.

    Example:
        >>> from sonotype.events import Event
        >>> def calls(*starts):
        ...     return Events.of(Event(Path("a.wav"), "wren", s, s + 1) for s in starts)
        >>> report = event_report(calls(1.0, 5.0), calls(0.9, 3.0, 5.1))
        >>> report.overall.precision, report.overall.recall, report.overall.f1
        (0.6666666666666666, 1.0, 0.8)
        >>> report.overall.n_misses, report.overall.n_false_alarms
        (0, 1)
    """
    if not 0 < segment_seconds < float("inf"):
        raise SettingError(f"segment_seconds must be above 0, not {segment_seconds}")
    agreement = Collar() if agreement is None else agreement
    both = Events.concatenate([annotated, found])
    every = both.recordings() if recordings is None else recordings
    names = list(dict.fromkeys(str(path) for path in every))
    kinds = list(both.label_names() if labels is None else labels)
    if not names:
        raise DataError("there are no recordings to compare; give at least one")
    annotated, found = (_kept(table, names, kinds) for table in (annotated, found))
    hits = annotated.select(match_events(annotated, found, agreement=agreement)[:, 0])
    # Each (n_recordings, n_labels).
    there, given, hit = (
        _counts(t.frame, names, kinds) for t in (annotated, found, hits)
    )
    overall = _score("all", *(int(counts.sum()) for counts in (there, given, hit)))
    return EventReport(
        agreement=agreement,
        n_recordings=len(names),
        overall=overall,
        f1_interval=_f1_interval(hit.sum(axis=1), (there + given).sum(axis=1), seed),
        classes=tuple(
            _score(
                name, *(int(counts[:, place].sum()) for counts in (there, given, hit))
            )
            for place, name in enumerate(kinds)
        ),
        segment_seconds=segment_seconds,
        segment_f1=_segment_f1(annotated.frame, found.frame, segment_seconds),
    )


def _kept(events: Events, recordings: list[str], labels: list[str]) -> Events:
    is_kept = (
        pl.col("is_present")
        & pl.col("recording").is_in(recordings)
        & pl.col("label").is_in(labels)
    )
    return Events(events.frame.filter(is_kept))


def _counts(
    frame: pl.DataFrame, recordings: list[str], labels: list[str]
) -> np.ndarray:
    """Return how many events each recording has of each label."""
    row = {name: place for place, name in enumerate(recordings)}
    column = {name: place for place, name in enumerate(labels)}
    counts = np.zeros((len(recordings), len(labels)), np.int64)
    for recording, label, number in (
        frame.group_by("recording", "label").len().iter_rows()
    ):
        counts[row[recording], column[label]] = number
    return counts


def _score(label: str, n_annotated: int, n_found: int, n_hits: int) -> EventScore:
    shares = ratio(
        np.array([n_hits, n_hits, 2 * n_hits]),
        np.array([n_found, n_annotated, n_found + n_annotated]),
    )
    return EventScore(label, n_annotated, n_found, n_hits, *shares.tolist())


def _f1_interval(n_hits: np.ndarray, n_either: np.ndarray, seed: int) -> Interval:
    """Return the interval of F1, from the counts of each recording."""
    return bootstrap_statistic(
        lambda weights: ratio(2 * (weights @ n_hits), weights @ n_either),
        np.arange(len(n_hits)),
        n_resamples=2000,
        seed=seed,
    )


def _segment_f1(annotated: pl.DataFrame, found: pl.DataFrame, seconds: float) -> float:
    """Return F1 of the segments that events lie in, in whole or in part."""
    there, given = _segments(annotated, seconds), _segments(found, seconds)
    n_hits = there.join(given, on=there.columns).height
    whole = np.array([there.height + given.height])
    return float(ratio(np.array([2 * n_hits]), whole)[0])


def _segments(frame: pl.DataFrame, seconds: float) -> pl.DataFrame:
    first = ((pl.col("start_seconds") + _ROUNDING_SECONDS) / seconds).floor()
    after = ((pl.col("end_seconds") - _ROUNDING_SECONDS) / seconds).ceil()
    first, after = (bound.cast(pl.Int64) for bound in (first, after))
    # A point lies in the segment that it stands in.
    numbers = pl.int_ranges(first, pl.max_horizontal(first + 1, after))
    return (
        frame.select("recording", "label", segment=numbers).explode("segment").unique()
    )
