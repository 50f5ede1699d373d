"""Tables of events as CSV: one row an event."""

from collections.abc import Mapping
from pathlib import Path

from sonotype.dataset.annotations.columns import (
    find_columns,
    need_columns,
)
from sonotype.dataset.annotations.recordings import RecordingNames, find_recording
from sonotype.dataset.annotations.text import EventCollector, read_text, split_csv
from sonotype.errors import DataError
from sonotype.events import Events

# Tried in this order: a label may hold a comma, but a name of a column rarely a tab.
_DELIMITERS = ("\t", ";", ",")


def is_csv_events(head: str) -> bool:
    """Return whether a file begins with the names of an event's columns."""
    try:
        header = next(split_csv(head, Path(), find_delimiter(head)), (0, []))[1]
        columns = find_columns(header, Path())
    except DataError:
        return False
    has_end = columns.has("end") or columns.has("duration")
    return columns.has("start") and columns.has("label") and has_end


def csv_names_recordings(head: str) -> bool:
    """Return whether a table has a column that names recordings."""
    header = next(split_csv(head, Path(), find_delimiter(head)), (0, []))[1]
    return find_columns(header, Path()).has("recording")


def find_delimiter(text: str) -> str:
    """Return what separates the cells of a table's first line.

    Example:
        >>> find_delimiter("file;start;end,or so")
        ';'
    """
    first = text.lstrip("\ufeff\r\n").partition("\n")[0]
    return next((mark for mark in _DELIMITERS if mark in first), ",")


def read_csv_events(
    path: Path | str,
    *,
    recording: Path | None = None,
    columns: Mapping[str, str] | None = None,
    label: str | None = None,
    folder: Path | None = None,
) -> Events:
    """Return the events of a table: recording, start, end or duration, and label.

    Args:
        path: Text with a header, separated by commas, semicolons or tabs. Times are in
            seconds, frequencies in hertz.
        recording: The audio file, whatever the table says. `None` takes its column, or
            without one the file that the table is named after.
        columns: Names of columns that are not known by theirs: keys from recording,
            start, end, duration, label, low, high and score.
        label: The label of every row, instead of a column.
        folder: Where the recordings' names are relative to; `None` is the folder of
            the table. A recording that is not there is looked for nearby by its name.

    Returns:
        The events, in the order of the table.

    Raises:
        SettingError: If `columns` has another key.
        DataError: If it is no such table, or lacks a column.
    """
    path = Path(path)
    text = read_text(path)
    rows = split_csv(text, path, find_delimiter(text))
    _, header = next(rows, (0, []))
    found = find_columns(header, path, given=columns, label=label)
    need_columns(found, ["start", "label"], header, path)
    if not found.has("end") and not found.has("duration"):
        need_columns(found, ["end"], header, path)
    if recording is None and not found.has("recording"):
        recording = find_recording(path)
    names = RecordingNames(path, folder)
    collector = EventCollector(path)
    for number, cells in rows:
        with collector.row(number):
            place = recording or names[found.cell(cells, "recording")]
            collector.add(found.event(cells, place))
    return collector.events()
