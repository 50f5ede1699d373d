"""Events as files, one writer a format; `EVENT_FORMATS` lists them.

What sonotype reads annotations from, it reads back from these: all but `json`.
"""

import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from sonotype.errors import SettingError
from sonotype.inference.event_detection import RecordingEvents

# To a microsecond: far less than a sample, and no digits that mean nothing.
_DECIMALS = 6
_COLUMNS = pl.Schema(
    {
        "recording": pl.String(),
        "label": pl.String(),
        "start_seconds": pl.Float64(),
        "end_seconds": pl.Float64(),
        "score": pl.Float64(),
        "site": pl.String(),
        "begins_at": pl.String(),
        "ends_at": pl.String(),
    }
)


def event_table(found: Iterable[RecordingEvents]) -> pl.DataFrame:
    """Return all events with where and when they were.

    Args:
        found: The events of some recordings.

    Returns:
        One row an event: `recording`, `label`, `start_seconds`, `end_seconds`, `score`,
        `site`, and `begins_at` and `ends_at` in ISO 8601, null where nothing tells when
        the recording began; without a zone they are what its clock showed.
    """
    empty = pl.DataFrame(schema=_COLUMNS)
    return pl.concat([empty, *(_rows(each) for each in found)])


def _rows(found: RecordingEvents) -> pl.DataFrame:
    began = found.info.recorded_at
    zone = (
        "" if began is None else began.isoformat()[19 + 7 * bool(began.microsecond) :]
    )
    clock = pl.lit(began.replace(tzinfo=None) if began else None, pl.Datetime("us"))

    def at(seconds: str) -> pl.Expr:
        microseconds = (pl.col(seconds) * 1e6).round().cast(pl.Int64)
        shown = clock + pl.duration(microseconds=microseconds)
        return shown.dt.strftime("%Y-%m-%dT%H:%M:%S%.3f") + zone

    return found.events.frame.select(
        *("recording", "label", "start_seconds", "end_seconds", "score"),
        site=pl.lit(found.info.site, pl.String),
        begins_at=at("start_seconds"),
        ends_at=at("end_seconds"),
    )


def to_csv(found: Sequence[RecordingEvents]) -> bytes:
    """Return CSV with a row an event."""
    return _rounded(event_table(found)).write_csv().encode()


def to_json(found: Sequence[RecordingEvents]) -> bytes:
    """Return a JSON array with an object an event."""
    rows = _rounded(event_table(found)).to_dicts()
    return (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode()


def to_json_lines(found: Sequence[RecordingEvents]) -> bytes:
    """Return JSON lines with an object an event."""
    return _rounded(event_table(found)).write_ndjson().encode()


def to_parquet(found: Sequence[RecordingEvents]) -> bytes:
    """Return a Parquet file with a row an event."""
    stream = io.BytesIO()
    event_table(found).write_parquet(stream)
    return stream.getvalue()


def to_raven(found: Sequence[RecordingEvents]) -> bytes:
    """Return a selection table for Raven.

    In a table of several recordings, times run through all of them, as they do where
    Raven opens them as one sound; `File Offset (s)` is the time in each. Boxes span all
    frequencies that the model hears.

    Raises:
        SettingError: If a name holds a tab or a line break.
    """
    lines = [
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t"
        "High Freq (Hz)\tBegin Path\tFile Offset (s)\tLabel\tScore"
    ]
    before = 0.0
    for each in found:
        path = _cell(each.info.recording, "raven")
        highest = each.info.sample_rate / 2
        columns = each.events.frame.select(
            "start_seconds", "end_seconds", "label", "score"
        )
        for start, end, label, score in columns.iter_rows():
            lines.append(
                f"{len(lines)}\tSpectrogram 1\t1\t{before + start:.6f}\t"
                f"{before + end:.6f}\t0\t{highest:g}\t{path}\t{start:.6f}\t"
                f"{_cell(label, 'raven')}\t{score:.6f}"
            )
        before += each.duration_seconds
    return "".join(f"{line}\n" for line in lines).encode()


def to_audacity(found: Sequence[RecordingEvents]) -> bytes:
    """Return a label track for Audacity, which is about one recording.

    Raises:
        SettingError: If there are several recordings, or a label holds a tab or a line
            break.
    """
    if len(found) > 1:
        raise SettingError(
            f"a label track of Audacity is about one recording, but these are "
            f"{len(found)}; write each to a file of its own with --out FOLDER"
        )
    rows = (
        f"{event.start_seconds:.6f}\t{event.end_seconds:.6f}\t"
        f"{_cell(event.label, 'audacity')}\n"
        for each in found
        for event in each.events
    )
    return "".join(rows).encode()


def _rounded(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(
        pl.col("start_seconds", "end_seconds", "score").round(_DECIMALS)
    )


def _cell(text: str, name: str) -> str:
    if not set("\t\r\n").isdisjoint(text):
        raise SettingError(
            f"{text!r} holds a tab or a line break, which the format {name} cannot "
            "hold; use csv or json"
        )
    return text


@dataclass(frozen=True)
class EventFormat:
    """A format of events.

    Args:
        suffix: What its files' names end with.
        write: Returns the content of a file.
        is_text: Whether a person can read it.
        is_per_recording: Whether a file is best about one recording.
    """

    suffix: str
    write: Callable[[Sequence[RecordingEvents]], bytes]
    is_text: bool = True
    is_per_recording: bool = False


EVENT_FORMATS = {
    "csv": EventFormat(".csv", to_csv),
    "json": EventFormat(".json", to_json),
    "jsonl": EventFormat(".jsonl", to_json_lines),
    "raven": EventFormat(".selections.txt", to_raven, is_per_recording=True),
    "audacity": EventFormat(".txt", to_audacity, is_per_recording=True),
    "parquet": EventFormat(".parquet", to_parquet, is_text=False),
}
