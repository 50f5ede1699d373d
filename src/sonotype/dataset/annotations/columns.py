"""Columns of annotation tables, known by the names people give them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sonotype.dataset.annotations.text import to_number, to_optional_number
from sonotype.errors import DataError, unknown_name
from sonotype.events import Event

# Names in the form `plain_name` gives them; the first that a table has is taken.
# A score is what a model gave, so only names that say so are taken for one.
NAMES: dict[str, tuple[str, ...]] = {
    "recording": (
        *("recording", "path", "file", "filename", "file name", "file path"),
        *("filepath", "audio", "audio file", "audio path", "sound file", "wav"),
        *("in file", "begin path", "begin file", "recording id"),
    ),
    # "offset" is a start beside a duration (Kaleidoscope), and an end beside an onset.
    "start": (
        *("start seconds", "start", "start time", "start s", "begin", "begin time"),
        *("begin time s", "start time s", "start sec", "onset", "onset s", "t min"),
        *("time", "offset"),
    ),
    "end": (
        *("end seconds", "end", "end time", "end s", "stop", "stop time"),
        *("end time s", "end sec", "stop s", "offset", "offset s", "t max"),
    ),
    "duration": (
        *("duration", "duration seconds", "duration s", "length seconds", "delta time"),
        "delta time s",
    ),
    "label": (
        *("label", "labels", "annotation", "species", "class", "category"),
        *("event label", "tags", "tag", "manual id", "common name", "species code"),
        *("call type", "sound type", "type"),
    ),
    "low": (
        *("low hz", "low freq hz", "low freq", "low frequency", "min freq"),
        *("min frequency", "freq min", "freq low", "f min", "fmin", "extent start"),
    ),
    "high": (
        *("high hz", "high freq hz", "high freq", "high frequency", "max freq"),
        *("max frequency", "freq max", "freq high", "f max", "fmax", "extent end"),
    ),
    "score": ("score", "confidence", "probability"),
}


def plain_name(name: str) -> str:
    """Return a column's name without case, punctuation and double spaces.

    Example:
        >>> plain_name("Begin Time (s)"), plain_name("start_seconds")
        ('begin time s', 'start seconds')
    """
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


@dataclass(frozen=True)
class Columns:
    """Where the parts of an event stand in the rows of a table.

    Args:
        positions: Column of each part that the table has; parts as in `NAMES`.
        label: The label of every row, instead of a column.
    """

    positions: Mapping[str, int]
    label: str | None = None

    def has(self, part: str) -> bool:
        """Return whether the table has a column for a part."""
        return part in self.positions

    def cell(self, cells: Sequence[str], part: str) -> str:
        """Return a row's cell; empty if the row is too short or has no such column."""
        position = self.positions.get(part, len(cells))
        return cells[position].strip() if position < len(cells) else ""

    def event(
        self, cells: Sequence[str], recording: Path, *, is_present: bool = True
    ) -> Event:
        """Return the event a row describes.

        Args:
            cells: The row.
            recording: The audio file it is in.
            is_present: Whether the row says that it is heard.

        Raises:
            DataError: If the row is not an event; the message says why.
        """
        start = to_number(self.cell(cells, "start"), "start")
        return Event(
            recording=recording,
            label=self.cell(cells, "label") if self.label is None else self.label,
            start_seconds=start,
            end_seconds=self._end(cells, start),
            low_hz=to_optional_number(self.cell(cells, "low"), "low frequency"),
            high_hz=to_optional_number(self.cell(cells, "high"), "high frequency"),
            score=to_optional_number(self.cell(cells, "score"), "score"),
            is_present=is_present,
        )

    def _end(self, cells: Sequence[str], start: float) -> float:
        if self.has("end"):
            return to_number(self.cell(cells, "end"), "end")
        if self.has("duration"):
            duration = to_number(self.cell(cells, "duration"), "duration")
            if duration < 0:
                raise DataError(f"its duration {duration:.15g} s is negative")
            return start + duration
        return start


def find_columns(
    header: Sequence[str],
    path: Path,
    *,
    given: Mapping[str, str] | None = None,
    label: str | None = None,
) -> Columns:
    """Return where the parts of an event stand in a table.

    Args:
        header: The names of the columns.
        path: The table, for messages.
        given: The name of a part's column where it is not one of `NAMES`.
        label: The label of every row, instead of a column.

    Returns:
        The columns. A column is used for one part only.

    Raises:
        SettingError: If `given` names a part there is not.
        DataError: If `given` names a column there is not.

    Example:
        >>> columns = find_columns(["file", "onset", "offset", "species"], Path("x"))
        >>> columns.positions["end"], columns.positions["label"]
        (2, 3)
    """
    given = given or {}
    for part in given:
        if part not in NAMES:
            raise unknown_name("part of an event", part, NAMES)
    plain = [plain_name(name) for name in header]
    positions: dict[str, int] = {}
    for part, name in given.items():
        if plain_name(name) not in plain:
            shown = ", ".join(header)
            raise DataError(f"{path}: has no column {name!r}; it has: {shown}")
        positions[part] = plain.index(plain_name(name))
    for part, names in NAMES.items():
        free = [name for name in names if name in plain]
        used = positions.values()
        places = [plain.index(name) for name in free]
        place = next((place for place in places if place not in used), None)
        if part not in positions and place is not None:
            positions[part] = place
    return Columns(positions, label)


def need_columns(
    columns: Columns, parts: Sequence[str], header: Sequence[str], path: Path
) -> None:
    """Check that a table has what an event needs.

    Args:
        columns: From `find_columns`.
        parts: The parts that must be there.
        header: The names of the columns, for the message.
        path: The table, likewise.

    Raises:
        DataError: If a part has no column.
    """
    for part in parts:
        if not columns.has(part) and not (part == "label" and columns.label):
            raise DataError(
                f"{path}: no column looks like the {part} of an event; it has: "
                f"{', '.join(header)[:200]}; name the column"
            )
