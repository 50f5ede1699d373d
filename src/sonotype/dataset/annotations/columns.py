"""From a row of cells to an event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sonotype.dataset.annotations.text import to_number, to_optional_number
from sonotype.dataset.columns import find_columns, need_columns
from sonotype.errors import DataError
from sonotype.events import Event


@dataclass(frozen=True)
class Columns:
    """Where the parts of an event stand in the rows of a table.

    Args:
        positions: Column of each part that the table has; parts are the roles of
            `sonotype.dataset.columns.ROLES`.
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
        self,
        cells: Sequence[str],
        recording: Path,
        *,
        label: str | None = None,
        is_present: bool = True,
    ) -> Event:
        """Return the event a row describes.

        Args:
            cells: The row.
            recording: The audio file it is in.
            label: What is heard; `None` takes the row's.
            is_present: Whether the row says that it is heard.

        Raises:
            DataError: If the row is not an event; the message says why.
        """
        if label is None:
            label = self.cell(cells, "labels") if self.label is None else self.label
        start = to_number(self.cell(cells, "start"), "start")
        return Event(
            recording=recording,
            label=label,
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


def event_columns(
    header: Sequence[str],
    path: Path,
    *,
    needed: Sequence[str],
    columns: Mapping[str, str | None] | None = None,
    label: str | None = None,
) -> Columns:
    """Return where the parts of an event stand in a table.

    Args:
        header: The names of the columns.
        path: The table, for messages.
        needed: The parts that must be there.
        columns: The column of a part where its name is not known.
        label: The label of every row, instead of a column.

    Raises:
        SettingError: If `columns` has a part or a column that there is not.
        DataError: If a part is needed and has no column.

    Example:
        >>> header = ["file", "onset", "offset", "species"]
        >>> found = event_columns(header, Path("x.csv"), needed=["end", "labels"])
        >>> found.positions["end"], found.positions["labels"]
        (2, 3)
    """
    found = find_columns(header, columns, of_events=True)
    if label is not None:
        needed = [part for part in needed if part != "labels"]
    need_columns(found, needed, path, header)
    places = {part: header.index(column) for part, column in found.items()}
    return Columns(places, label)
