"""Annotation files to text, and text to rows: what every format has in common."""

import codecs
import csv
import io
import math
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sonotype.clips import Rejected
from sonotype.errors import DataError
from sonotype.events import Event, Events

# A week of calls, one a second, is 60 MB; more than this is not an annotation file.
MAX_BYTES = 2**28
# Enough for the first line of any table, and to know a format by.
HEAD_BYTES = 2**14

# In the order in which they are tried: a BOM says how the rest is written.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LINE_END = re.compile(r"\r\n|\r|\n")
# What `float` takes and no table means: 1_000, infinity, digits of other scripts.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def read_bytes(path: Path | str) -> bytes:
    """Return the content of an annotation file.

    Raises:
        DataError: If it cannot be read, is no regular file, or is too large.
    """
    path = Path(path)
    try:
        found = path.stat()
        # Opening a named pipe would wait for someone to write into it.
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path}: is not a regular file")
        if found.st_size > MAX_BYTES:
            raise DataError(
                f"{path}: has {found.st_size / 2**20:.0f} MiB, more than the "
                f"{MAX_BYTES // 2**20} MiB an annotation file may have; split it"
            )
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def read_text(path: Path | str) -> str:
    """Return an annotation file as text: UTF-8, or UTF-16 with a byte order mark.

    Raises:
        DataError: If it cannot be read or is not such text.
    """
    content = read_bytes(path)
    encoding = _encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not {encoding} text (byte {error.start}); save it as UTF-8"
        ) from None


def read_head(path: Path | str) -> str:
    """Return the first part of a file, with what is not text replaced.

    Raises:
        DataError: If it cannot be read.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path}: is not a regular file")
        with path.open("rb") as stream:
            content = stream.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return content.decode(_encoding(content), errors="replace")


def split_lines(text: str) -> list[str]:
    r"""Return the lines of a text; unlike `str.splitlines`, only real line ends count.

    Example:
        >>> split_lines("a\u2028b\r\nc")
        ['a\u2028b', 'c']
    """
    return _LINE_END.split(text)


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
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._events: list[Event] = []
        self._rejected: list[Rejected] = []

    def add(self, event: Event) -> None:
        """Take an event."""
        self._events.append(event)

    @contextmanager
    def row(self, line: int) -> Iterator[None]:
        """Set a row aside, with its line number, if anything in this block is wrong."""
        try:
            yield
        except DataError as error:
            self.reject(f"line {line}: {error}")

    def reject(self, reason: str) -> None:
        """Set something aside."""
        self._rejected.append(Rejected(self.path, reason))

    def events(self) -> Events:
        """Return the table of what was gathered."""
        return Events.of(self._events, self._rejected)


def _encoding(content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return encoding
    return "utf-8"
