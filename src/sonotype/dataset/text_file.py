"""Files of text, whatever wrote them: UTF-8 or UTF-16, any line ends, no surprises."""

import codecs
import re
import stat
from pathlib import Path

from sonotype.errors import DataError

# A million rows are 100 MB; more than this should be Parquet, or several files.
MAX_BYTES = 2**30
# Enough for the first line of any table, and to know a format by.
HEAD_BYTES = 2**14

# In the order in which they are tried: a BOM says how the rest is written.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LINE_END = re.compile(r"\r\n|\r|\n")


def read_bytes(path: Path | str) -> bytes:
    """Return the content of a file.

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
                f"{MAX_BYTES // 2**20} MiB a file of text may have; split it"
            )
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def read_text(path: Path | str) -> str:
    """Return a file as text: UTF-8, or UTF-16 with a byte order mark.

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


def _encoding(content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return encoding
    return "utf-8"
