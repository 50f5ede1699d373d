"""Tables of events as CSV, TSV, JSON lines or Parquet: one row an event."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from sonotype.dataset.annotations.columns import Columns
from sonotype.dataset.annotations.recordings import RecordingNames, find_recording
from sonotype.dataset.annotations.text import EventCollector, split_csv
from sonotype.dataset.columns import find_columns, need_columns
from sonotype.dataset.readers.split_names import split_name
from sonotype.dataset.readers.table_file import (
    SEPARATOR,
    TableFile,
    find_delimiter,
    label_cells,
    read_table_file,
    text_cells,
)
from sonotype.errors import DataError
from sonotype.events import Event, Events

_LABELS = ("labels", "absent")
_PART = re.compile(r"train|validation|test|fold\d+")


def is_event_table(head: str) -> bool:
    """Return whether a file begins with the names of an event's columns."""
    found = _roles(head)
    has_label = not found.keys().isdisjoint(_LABELS)
    return has_label and "start" in found and bool({"end", "duration"} & found.keys())


def has_boxes(head: str) -> bool:
    """Return whether a table of events tells frequencies, as no table of clips does."""
    return is_event_table(head) and bool({"low", "high"} & _roles(head).keys())


def has_scores(head: str) -> bool:
    """Return whether a table tells scores, as a model does and no person."""
    return "score" in _roles(head)


def table_names_recordings(head: str) -> bool:
    """Return whether a table has a column that names recordings."""
    return "path" in _roles(head)


def read_event_table(
    path: Path | str,
    *,
    recording: Path | None = None,
    columns: Mapping[str, str | None] | None = None,
    label: str | None = None,
    folder: Path | None = None,
    separator: str = SEPARATOR,
) -> Events:
    """Return the events of a table: recording, start, end or duration, and labels.

    A row with several labels is as many events; of those in its column `absent` it
    says that they are not there.

    Args:
        path: A `.csv`, `.tsv`, `.jsonl` or `.parquet` file. Times are in seconds,
            frequencies in hertz.
        recording: The audio file, whatever the table says. `None` takes its column, or
            without one the file that the table is named after.
        columns: The column of a role in `sonotype.dataset.columns.ROLES`, where its
            name is not known; `None` leaves a role unused.
        label: The label of every row, instead of a column.
        folder: Where the recordings' names are relative to; `None` is the folder of
            the table. A recording that is not there is looked for nearby by its name.
        separator: What stands between the labels of one cell.

    Returns:
        The events, in the order of the table.

    Raises:
        SettingError: If `columns` has another role, or the suffix is another.
        DataError: If it is no such table, or lacks a column.
    """
    path = Path(path)
    content = read_table_file(path)
    roles = find_columns(content.frame.columns, columns, of_events=True)
    _check_columns(roles, path, content, label)
    if recording is None and "path" not in roles:
        recording = find_recording(path)
    names = RecordingNames(path, folder)
    collector = EventCollector(path, unit="row")
    for number, reason in content.rejected:
        collector.reject(f"row {number}: {reason}")
    texts = _texts(content, roles, path)
    row = Columns({role: place for place, role in enumerate(texts.columns)})
    labels = _labels(content, roles, path, separator)
    for number, cells, known in zip(
        content.rows, texts.iter_rows(), labels, strict=True
    ):
        with collector.row(number):
            place = recording or names[row.cell(cells, "path")]
            for event in _events(row, cells, place, known if label is None else label):
                collector.add(event)
    return collector.events()


def column_names(head: str) -> list[str]:
    """Return the columns of a table that begins like this; none if it is none."""
    try:
        return next(split_csv(head, Path(), find_delimiter(head)), (0, []))[1]
    except DataError:
        return []


def _roles(head: str) -> dict[str, str]:
    return find_columns(column_names(head), of_events=True)


def _check_columns(
    roles: Mapping[str, str], path: Path, content: TableFile, label: str | None
) -> None:
    needed = ["start"]
    if "duration" not in roles:
        needed.append("end")
    if label is None and "absent" not in roles:
        needed.append("labels")
    need_columns(roles, needed, path, content.frame.columns)


def _texts(content: TableFile, roles: Mapping[str, str], path: Path) -> pl.DataFrame:
    """Return the columns that hold no labels as text, named by their roles."""
    texts = pl.DataFrame(
        {
            role: text_cells(content.frame[column], path)
            for role, column in roles.items()
            if role not in _LABELS
        }
    )
    if not {"split", "fold"}.isdisjoint(roles):
        said = pl.col("split" if "split" in roles else "fold")
        texts = texts.with_columns(split=split_name(roles).fill_null(said))
    return texts.fill_null("")


def _labels(
    content: TableFile, roles: Mapping[str, str], path: Path, separator: str
) -> Iterator[list[tuple[str, bool]]]:
    """Yield the labels of each row, and whether they are present."""
    nothing = pl.Series([[]] * len(content.rows), dtype=pl.List(pl.String))
    heard, absent = (
        label_cells(content.frame[roles[role]], path, separator).fill_null([])
        if role in roles
        else nothing
        for role in _LABELS
    )
    for present, denied in zip(heard, absent, strict=True):
        yield [
            *((name, True) for name in present),
            *((name, False) for name in denied),
        ]


def _events(
    row: Columns,
    cells: Sequence[str],
    recording: Path,
    labels: str | Sequence[tuple[str, bool]],
) -> Iterator[Event]:
    """Yield an event for each label of a row."""
    if not labels:
        raise DataError("it has no label")
    split = row.cell(cells, "split")
    if split and not _PART.fullmatch(split):
        raise DataError(
            f"{split[:40]!r} is neither train, validation or test nor a fold"
        )
    for label, is_present in [(labels, True)] if isinstance(labels, str) else labels:
        event = row.event(cells, recording, label=label, is_present=is_present)
        group = row.cell(cells, "group")
        yield replace(event, group=group or None, split=split or None)
