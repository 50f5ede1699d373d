"""Tables of four formats as one: named columns, and the number of every row."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sonotype.dataset.parquet_file import read_parquet
from sonotype.dataset.readers.audio_files import is_text
from sonotype.errors import DataError, unknown_name

# A line of JSON may bring new columns, but not a column or more for every row.
_MAX_COLUMNS = 1_000

# What a JSON value becomes: one cell holds text, several, or nothing.
_Cell = str | list[str] | None


@dataclass(frozen=True)
class TableFile:
    """The rows of a table file.

    Args:
        frame: Its columns; from CSV and JSON lines they are text or lists of text.
        rows: The number of each row as a person counts: in CSV the header is row 1, in
            JSON lines and Parquet the first row is.
        rejected: Numbers of rows that cannot be read, with the reason.
    """

    frame: pl.DataFrame
    rows: pl.Series
    rejected: tuple[tuple[int, str], ...] = ()


def read_table_file(path: Path) -> TableFile:
    """Return the rows of a CSV, TSV, JSON lines or Parquet file.

    Args:
        path: The file; its format is told from its suffix.

    Raises:
        SettingError: If no such format is known.
        DataError: If the file cannot be read as what its suffix says.
    """
    suffix = path.suffix.lower()
    if not is_text(str(path)):
        raise DataError(f"{path}: its name is not valid UTF-8; rename it")
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if suffix not in TABLE_FORMATS:
        raise unknown_name("format of a table", suffix or path.name, TABLE_FORMATS)
    return TABLE_FORMATS[suffix](path)


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 if it says so.

    Raises:
        DataError: If it cannot be read or is in another encoding.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8"
        ) from None


def _read_separated(path: Path) -> TableFile:
    text = read_text(path)
    header, rows, rejected = _separated_rows(text, _delimiter(path, text))
    twice = [name for name, n in Counter(header).items() if name and n > 1]
    if twice:
        raise DataError(f"{path}: several columns are called {twice[0]!r}; rename them")
    columns = {
        name: [row[position] for _, row in rows]
        for position, name in enumerate(header)
        if name
    }
    if not columns:
        raise DataError(f"{path}: is empty; its first line must name the columns")
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String()))
    return TableFile(frame, _numbers(rows), tuple(rejected))


def _delimiter(path: Path, text: str) -> str:
    """Return what stands between the first two columns."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    header = text.lstrip("\r\n").partition("\n")[0]
    first = re.search("[,;\t]", header)
    return first[0] if first else ","


def _separated_rows(
    text: str, delimiter: str
) -> tuple[list[str], list[tuple[int, list[str]]], list[tuple[int, str]]]:
    """Return the header, the rows that fit it, and what is wrong with the others."""
    header: list[str] | None = None
    rows: list[tuple[int, list[str]]] = []
    rejected: list[tuple[int, str]] = []
    for number, row in enumerate(_parse_separated(text, delimiter), start=1):
        if isinstance(row, csv.Error):
            rejected.append((number, f"is not CSV: {row}"))
        elif not any(cell.strip() for cell in row):
            continue
        elif header is None:
            header = [cell.strip() for cell in row]
        elif len(row) != len(header):
            reason = f"has {len(row)} cells, but there are {len(header)} columns"
            rejected.append((number, reason))
        else:
            rows.append((number, row))
    return header or [], rows, rejected


def _parse_separated(text: str, delimiter: str) -> Iterator[list[str] | csv.Error]:
    """Yield every row, or what is wrong with it."""
    # Strict, or a quotation mark that is never closed would swallow the rest.
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            yield next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            yield error


def _read_json_lines(path: Path) -> TableFile:
    rows: list[tuple[int, dict[str, _Cell]]] = []
    rejected: list[tuple[int, str]] = []
    names: dict[str, None] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        row = _parse_json(line)
        if isinstance(row, str):
            rejected.append((number, row))
            continue
        names.update(dict.fromkeys(row))
        if len(names) > _MAX_COLUMNS:
            raise DataError(f"{path}: has more than {_MAX_COLUMNS} different keys")
        rows.append((number, row))
    frame = pl.DataFrame([_json_column(name, rows) for name in names])
    return TableFile(frame, _numbers(rows), tuple(rejected))


def _parse_json(line: str) -> dict[str, _Cell] | str:
    """Return one row, or what is wrong with it."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    if not isinstance(value, dict):
        return f"is JSON, but no object with names and values: {line[:40]!r}"
    row = {name.strip(): _json_cell(cell) for name, cell in value.items()}
    flat = [text for cell in row.values() for text in _several(cell) or ()]
    if not all(is_text(text) for text in (*row, *flat)):
        return "holds text that is not valid Unicode"
    return row


def _json_cell(value: Any) -> _Cell:
    """Return a value as text, or several; an object or a list of lists is neither."""
    if isinstance(value, list):
        cells = [_json_cell(item) for item in value]
        return [cell for cell in cells if isinstance(cell, str)]
    if isinstance(value, str):
        return value
    return None if value is None or isinstance(value, dict) else json.dumps(value)


def _several(cell: _Cell) -> list[str] | None:
    return [cell] if isinstance(cell, str) else cell


def _json_column(name: str, rows: list[tuple[int, dict[str, _Cell]]]) -> pl.Series:
    cells = [row.get(name) for _, row in rows]
    if any(isinstance(cell, list) for cell in cells):
        lists = [_several(cell) for cell in cells]
        return pl.Series(name, lists, dtype=pl.List(pl.String))
    return pl.Series(name, cells, dtype=pl.String)


def _numbers(rows: Sequence[tuple[int, object]]) -> pl.Series:
    return pl.Series([number for number, _ in rows], dtype=pl.Int64)


def _read_parquet(path: Path) -> TableFile:
    frame = read_parquet(path)
    rows = pl.int_range(1, frame.height + 1, eager=True, dtype=pl.Int64)
    return TableFile(frame, rows)


TABLE_FORMATS: dict[str, Callable[[Path], TableFile]] = {
    ".csv": _read_separated,
    ".tsv": _read_separated,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}
