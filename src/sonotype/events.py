"""The table of events: what was heard in a recording, and when."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sonotype.clips import Rejected
from sonotype.errors import DataError

SCHEMA = pl.Schema(
    {
        "recording": pl.String(),
        "label": pl.String(),
        "start_seconds": pl.Float64(),
        "end_seconds": pl.Float64(),
        "low_hz": pl.Float64(),
        "high_hz": pl.Float64(),
        "score": pl.Float64(),
        "is_present": pl.Boolean(),
        "group": pl.String(),
        "split": pl.String(),
    }
)


@dataclass(frozen=True)
class Event:
    """A label with a beginning and an end in a recording.

    Args:
        recording: The audio file.
        label: What is heard, or known not to be heard.
        start_seconds: Where it starts, from the start of the recording.
        end_seconds: Where it ends; the same as the start in an event that is a point.
        low_hz: Lower edge of the box drawn around it, if one was drawn.
        high_hz: Upper edge of the box.
        score: How sure a model is of it; `None` in what a person has annotated.
        is_present: `False` if somebody has looked and it is *not* there.
        group: What must not straddle a split, if the table says it: site, day, speaker.
        split: The part its recording is assigned to, if any.

    Raises:
        DataError: If the label is empty or padded, a number is not finite or negative,
            or an end lies before its start.

    Example:
        >>> Event(Path("a.wav"), "wren", 0.5, 2.0).duration_seconds
        1.5
    """

    recording: Path
    label: str
    start_seconds: float
    end_seconds: float
    low_hz: float | None = None
    high_hz: float | None = None
    score: float | None = None
    is_present: bool = True
    group: str | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no recording can hold."""
        if not self.label:
            raise DataError("it has no label")
        if self.label != self.label.strip():
            raise DataError(f"its label {self.label!r} is padded; rename it")
        _check_span("time", " s", self.start_seconds, self.end_seconds)
        _check_span("frequency", " Hz", self.low_hz, self.high_hz)
        if self.score is not None and not math.isfinite(self.score):
            raise DataError(f"its score {self.score} is not a finite number")

    @property
    def duration_seconds(self) -> float:
        """Length of the event."""
        return self.end_seconds - self.start_seconds


@dataclass(frozen=True)
class Events:
    """An immutable table of events.

    Args:
        frame: One row an event, with the columns of `SCHEMA`.
        rejected: Files and rows that were set aside while the table was made.

    Raises:
        DataError: If a column is missing or a row is not a possible event.

    Example:
        >>> events = Events.of([Event(Path("a.wav"), "wren", 0.5, 2.0)])
        >>> len(events), events.label_names(), events[0].end_seconds
        (1, ['wren'], 2.0)
    """

    frame: pl.DataFrame
    rejected: tuple[Rejected, ...] = field(default=())

    def __post_init__(self) -> None:
        """Check the columns and the rows once, here."""
        if self.frame.schema != SCHEMA:
            raise DataError(
                f"a table of events needs the columns {dict(SCHEMA)}, "
                f"but this one has {dict(self.frame.schema)}"
            )
        needed = ("recording", "label", "start_seconds", "end_seconds", "is_present")
        for name in needed:
            if self.frame[name].null_count():
                raise DataError(f"a table of events has rows without {name}")
        start, end = pl.col("start_seconds"), pl.col("end_seconds")
        is_possible = (
            start.is_finite() & end.is_finite() & (start >= 0) & (end >= start)
        )
        for row in self.frame.filter(~is_possible).head(1).iter_rows():
            _event(row)

    @classmethod
    def of(cls, events: Iterable[Event], rejected: Iterable[Rejected] = ()) -> "Events":
        """Make a table from single events.

        Raises:
            DataError: If a name is not valid text.
        """
        rows = [
            (
                str(event.recording),
                event.label,
                event.start_seconds,
                event.end_seconds,
                event.low_hz,
                event.high_hz,
                event.score,
                event.is_present,
                event.group,
                event.split,
            )
            for event in events
        ]
        try:
            frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        except UnicodeEncodeError as error:
            raise DataError(f"{error.object!r} is not valid UTF-8; rename it") from None
        return cls(frame, tuple(rejected))

    @classmethod
    def concatenate(cls, parts: "Sequence[Events]") -> "Events":
        """Return one table of all the parts' events, in their order."""
        if not parts:
            return cls.of([])
        rejected = tuple(item for part in parts for item in part.rejected)
        return cls(pl.concat([part.frame for part in parts]), rejected)

    def __len__(self) -> int:
        return self.frame.height

    def __getitem__(self, position: int) -> Event:
        return _event(self.frame.row(position))

    def __iter__(self) -> Iterator[Event]:
        return map(_event, self.frame.iter_rows())

    def recordings(self) -> list[Path]:
        """Return the distinct recordings, sorted."""
        return [Path(name) for name in self.frame["recording"].unique().sort()]

    def label_names(self) -> list[str]:
        """Return the distinct labels, sorted."""
        return self.frame["label"].unique().sort().to_list()

    def select(self, positions: Sequence[int] | np.ndarray) -> "Events":
        """Return the events at `positions`, in that order."""
        return Events(self.frame[np.asarray(positions, dtype=np.int64)])


def _event(row: tuple[Any, ...]) -> Event:
    """Return a row, its columns in the order of `SCHEMA`, as an event."""
    return Event(Path(row[0]), *row[1:])


def _check_span(what: str, unit: str, low: float | None, high: float | None) -> None:
    for value in (low, high):
        if value is not None and not math.isfinite(value):
            raise DataError(f"its {what} {value} is not a finite number")
        if value is not None and value < 0:
            raise DataError(f"its {what} {value:.15g}{unit} is negative")
    if low is not None and high is not None and high < low:
        raise DataError(
            f"its {what} ends at {high:.15g}{unit}, before it begins at "
            f"{low:.15g}{unit}"
        )
