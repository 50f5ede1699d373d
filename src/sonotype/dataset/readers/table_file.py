"""Tables of four formats as one: named columns, and the number of every row."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sonotype.dataset.parquet_file import read_parquet
from sonotype.dataset.readers.audio_files import is_text
from sonotype.dataset.text_file import read_head, read_text
from sonotype.errors import DataError, SettingError, unknown_name

# What stands between the labels of one cell.
SEPARATOR = ";"
# Tried in this order: a label may hold a comma, but a name of a column rarely a tab.
_DELIMITERS = ("\t", ";", ",")
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


def read_column_names(path: Path) -> list[str]:
    """Return the columns of a table; of JSON lines, those of the first row.

    Args:
        path: A file of JSON lines or Parquet.

    Raises:
        DataError: If the file cannot be read.
    """
    if path.suffix.lower() == ".parquet":
        return read_parquet(path).columns
    row = _parse_json(read_head(path).lstrip().partition("\n")[0])
    return [] if isinstance(row, str) else list(row)


def text_cells(column: pl.Series, table: Path) -> pl.Series:
    """Return a column as text without spaces around; empty cells are null.

    Args:
        column: A column of any type.
        table: Where it stands, for messages.

    Raises:
        DataError: If it is of a type that is no text and no number.
    """
    kind = column.dtype
    if kind.is_nested() or kind.is_temporal() or kind in (pl.Binary, pl.Object):
        raise DataError(
            f"{table}: column {column.name!r} holds {kind}; it must hold text or "
            "numbers"
        )
    stripped = column.cast(pl.String).str.strip_chars()
    return stripped.set(stripped == "", None)


def label_cells(column: pl.Series, table: Path, separator: str) -> pl.Series:
    """Return the different labels of each row, in their order; an empty cell is null.

    Args:
        column: A column of text, numbers, or lists of them.
        table: Where it stands, for messages.
        separator: What stands between the labels of one cell.

    Raises:
        SettingError: If there is no separator.
        DataError: If the column is of a type that is no text and no number.
    """
    if not separator:
        raise SettingError("the separator of labels is empty; the usual one is ';'")
    if isinstance(column.dtype, pl.List):
        inner = column.dtype.inner
        if inner is not None and getattr(inner, "is_nested", lambda: False)():
            raise DataError(f"{table}: column {column.name!r} holds lists of lists")
        cells = column.cast(pl.List(pl.String))
    else:
        cells = text_cells(column, table).str.split(separator)
    name = pl.element().str.strip_chars()
    cells = cells.list.eval(name.filter(name != ""))
    return cells.list.unique(maintain_order=True)


def _read_separated(path: Path) -> TableFile:
    text = read_text(path)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else find_delimiter(text)
    header, rows, rejected = _separated_rows(text, delimiter)
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


def find_delimiter(text: str) -> str:
    """Return what separates the cells of a table's first line.

    Example:
        >>> find_delimiter("file;start;end,or so")
        ';'
    """
    first = text.lstrip("\ufeff\r\n").partition("\n")[0]
    return next((mark for mark in _DELIMITERS if mark in first), ",")


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
    """Return a value as text, or several; an object is its JSON, which shows."""
    if isinstance(value, list):
        cells = [_json_cell(item) for item in value]
        return [cell for cell in cells if isinstance(cell, str)]
    if isinstance(value, str):
        return value
    return None if value is None else json.dumps(value)


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
