"""From text to rows and numbers: what every format of annotations has in common."""

import csv
import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sonotype.clips import Rejected
from sonotype.errors import DataError
from sonotype.events import Event, Events

# What `float` takes and no table means: 1_000, infinity, digits of other scripts.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def split_csv(text: str, path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of each row that is not blank.

    Raises:
        DataError: If a quoted cell never ends or is absurdly long.
    """
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in rows:
            if any(cell.strip() for cell in cells):
                yield rows.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise DataError(
            f"{path}: line {rows.line_num} is not CSV ({error}); save the table again"
        ) from None


def to_number(text: str, what: str) -> float:
    """Return the number a cell holds.

    Args:
        text: The cell.
        what: What it is, for the message.

    Raises:
        DataError: If it is not a finite decimal number.

    Example:
        >>> to_number("1.5e3", "begin time")
        1500.0
    """
    if not is_number(text):
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise DataError(f"its {what} {shown!r} is not a number")
    return float(text)


def is_number(text: str) -> bool:
    """Return whether a cell holds a finite decimal number.

    Example:
        >>> [is_number(text) for text in ("-1.", "1e3", "1_000", "nan", "")]
        [True, True, False, False, False]
    """
    return bool(_NUMBER.fullmatch(text)) and math.isfinite(float(text))


def to_optional_number(text: str, what: str) -> float | None:
    """Return the number a cell holds, `None` if it holds nothing.

    Raises:
        DataError: If it is not a finite decimal number.
    """
    return to_number(text, what) if text else None


class EventCollector:
    """Gathers the events of one annotation file, and the rows that hold none.

    Args:
        path: The annotation file.
        unit: What a row of it is called in messages.
    """

    def __init__(self, path: Path, *, unit: str = "line") -> None:
        self.path = path
        self._unit = unit
        self._events: list[Event] = []
        self._rejected: list[Rejected] = []

    def add(self, event: Event) -> None:
        """Take an event."""
        self._events.append(event)

    @contextmanager
    def row(self, number: int) -> Iterator[None]:
        """Set a row aside, with its number, if anything in this block is wrong."""
        try:
            yield
        except DataError as error:
            self.reject(f"{self._unit} {number}: {error}")

    def reject(self, reason: str) -> None:
        """Set something aside."""
        self._rejected.append(Rejected(self.path, reason))

    def events(self) -> Events:
        """Return the table of what was gathered."""
        return Events.of(self._events, self._rejected)
