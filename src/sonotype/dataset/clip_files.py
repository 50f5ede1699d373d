r"""The table of clips as a file: Parquet, or CSV for people and spreadsheets.

In CSV, the names in one cell are joined by `;`; a `;` or `\` in a name has a `\` before
it. In `absent`, an empty cell is `None`, every label that is not heard, and a `;` alone
is no label at all. One more column, empty in every row, is named after the labels of
the data set in their order, so that rows may be sorted or removed in a spreadsheet.
"""

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from sonotype.atomic import output_file
from sonotype.clips import SCHEMA, Clips
from sonotype.dataset.parquet_file import read_parquet
from sonotype.dataset.readers.audio_files import is_text
from sonotype.dataset.text_file import read_text
from sonotype.errors import DataError, unknown_name
from sonotype.labels import Labels

_LABELS_COLUMN = "labels="
_LISTS = ("labels", "absent")
# Of no label it is known that it is absent. Names are not empty, so it joins none.
_NONE = ";"
_SECONDS = ("start_seconds", "end_seconds")
# A name in a joined cell: anything but `;` and `\`, or one of them after a `\`.
_NAME = re.compile(r"((?:[^;\\]|\\.)*)(;|$)", re.DOTALL)


class _Format(NamedTuple):
    write: Callable[[pl.DataFrame, Labels, Path], None]
    read: Callable[[Path], tuple[pl.DataFrame, Labels]]


def write_clips(clips: Clips, path: Path | str) -> None:
    """Write a table of clips to a file that `read_clips` reads back equal.

    Recordings below the folder of the file are named relative to it, so that both can
    be moved together. What was set aside is not written.

    Args:
        clips: The table.
        path: A `.parquet` or `.csv` file; one that is there is replaced.

    Raises:
        SettingError: If the suffix is another or the file cannot be written.
        DataError: If a name is not valid UTF-8.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from sonotype.clips import Clip
        >>> with TemporaryDirectory() as folder:
        ...     clip = Clip(Path(folder) / "a.wav", ("robin", "wren"), group="a")
        ...     write_clips(Clips.of([clip]), Path(folder) / "clips.csv")
        ...     read_clips(Path(folder) / "clips.csv")[0] == clip
        True
    """
    path = Path(path)
    write = _format(path).write
    frame = clips.frame.with_columns(_stored(clips.frame["path"], path.parent))
    with output_file(path) as partial:
        write(frame, clips.labels, partial)


def read_clips(path: Path | str) -> Clips:
    """Return a table of clips from a file that `write_clips` made.

    The audio files are not looked at.

    Args:
        path: A `.parquet` or `.csv` file.

    Raises:
        SettingError: If the suffix is another.
        DataError: If the file cannot be read, is no such table, or has a name that is
            not valid UTF-8.
    """
    path = Path(path)
    read = _format(path).read
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    frame, labels = read(path)
    has_both = (pl.col("path") != "") & pl.col("group").is_not_null()
    if not frame.select(has_both.fill_null(value=False).all()).item():
        raise DataError(f"{path}: a clip has no path or no group; write the file again")
    return Clips(frame.with_columns(_found(frame["path"], path.parent)), labels)


def _format(path: Path) -> _Format:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise unknown_name("format of a table of clips", suffix or path.name, _FORMATS)
    # The recordings below its folder would have names that no table can hold.
    if not is_text(str(path)):
        raise DataError(f"{path}: its name is not valid UTF-8; rename it")
    return _FORMATS[suffix]


def _stored(paths: pl.Series, folder: Path) -> pl.Series:
    """Return the paths of recordings relative to `folder`, or else whole."""
    here = str(Path.cwd())
    below = str(Path.cwd() / folder) + os.sep
    # Text, not `Path`: a million of them would take a quarter of a minute.
    whole = [os.path.join(here, name) for name in paths]  # noqa: PTH118
    stored = [name.removeprefix(below).replace(os.sep, "/") for name in whole]
    try:
        return pl.Series("path", stored, dtype=pl.String)
    except UnicodeEncodeError as error:
        raise DataError(f"{error.object!r} is not valid UTF-8; rename it") from None


def _found(stored: pl.Series, folder: Path) -> pl.Series:
    """Return `folder / path` for each stored path."""
    is_absolute = stored.str.starts_with("/")
    inside = stored.str.strip_prefix("/")
    prefix = str(folder / "x").removesuffix("x")
    full = (prefix + inside).zip_with(~is_absolute, stored)
    # Those that `Path` would write otherwise; of a million paths it would take seconds.
    is_odd = inside.str.contains(r"(^|/)\.?(/|$)") | (os.sep != "/")
    rows = is_odd.arg_true()
    odd = [str(folder / path) for path in stored.gather(rows)]
    return full.scatter(rows, pl.Series(odd, dtype=pl.String)).alias("path")


def _write_parquet(frame: pl.DataFrame, labels: Labels, path: Path) -> None:
    # An Enum keeps the labels and their order in the file's own description of types.
    names = pl.List(pl.Enum(labels.names))
    with path.open("wb") as stream:  # polars writes to no path that is not UTF-8
        frame.with_columns(pl.col(_LISTS).cast(names)).write_parquet(stream)


def _read_parquet(path: Path) -> tuple[pl.DataFrame, Labels]:
    frame = read_parquet(path)
    kind = frame.schema.get("labels")
    inner = kind.inner if isinstance(kind, pl.List) else None
    if not isinstance(inner, pl.Enum) or set(SCHEMA) - set(frame.columns):
        raise _other_table(path)
    try:
        frame = frame.select(pl.col(name).cast(SCHEMA[name]) for name in SCHEMA)
        frame = frame.with_columns(pl.col("labels").fill_null([]))
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: is no table of clips: {error}") from None
    return frame, Labels(tuple(inner.categories))


def _write_csv(frame: pl.DataFrame, labels: Labels, path: Path) -> None:
    text = io.StringIO()
    # Ends of lines of two characters, so that a path with either of them is quoted.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*SCHEMA, _LABELS_COLUMN + _join(labels)])
    for row in frame.iter_rows():
        cells = dict(zip(SCHEMA, row, strict=True))
        cells["labels"] = _join(cells["labels"])
        if cells["absent"] is not None:
            cells["absent"] = _join(cells["absent"]) or _NONE
        writer.writerow([*cells.values(), ""])
    path.write_bytes(text.getvalue().encode())


def _read_csv(path: Path) -> tuple[pl.DataFrame, Labels]:
    try:
        lines = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
        header = next(lines, [])
        rows = [row for row in lines if row]
    except csv.Error as error:
        raise DataError(f"{path}: is not CSV: {error}") from None
    stated = [name for name in header if name.startswith(_LABELS_COLUMN)]
    if len(stated) != 1 or set(SCHEMA) - set(header):
        raise _other_table(path)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise DataError(
                f"{path}: row {number} has {len(row)} cells, but there are "
                f"{len(header)} columns"
            )
    places = {name: header.index(name) for name in SCHEMA}
    columns = {
        name: _parse(path, name, [row[place] for row in rows])
        for name, place in places.items()
    }
    frame = pl.DataFrame(columns, schema=SCHEMA)
    return frame, Labels(tuple(_take_apart(stated[0].removeprefix(_LABELS_COLUMN))))


def _parse(path: Path, name: str, cells: Sequence[str]) -> Sequence[Any]:
    """Return the values of one column; an empty cell is no time and no split."""
    if name == "labels":
        return [_take_apart(cell) for cell in cells]
    if name == "absent":
        return [_parse_absent(cell) for cell in cells]
    if name in _SECONDS:
        try:
            return [float(cell) if cell else None for cell in cells]
        except ValueError as error:
            raise DataError(f"{path}: column {name}: {error}") from None
    return [cell or None for cell in cells] if name == "split" else cells


def _parse_absent(cell: str) -> list[str] | None:
    if not cell:
        return None
    return [] if cell == _NONE else _take_apart(cell)


def _join(names: Iterable[str]) -> str:
    return ";".join(re.sub(r"([;\\])", r"\\\1", name) for name in names)


def _take_apart(cell: str) -> list[str]:
    """Return the names that `_join` joined."""
    if not cell:
        return []
    if "\\" not in cell:
        return cell.split(";")
    names = []
    position = 0
    while match := _NAME.match(cell, position):
        names.append(re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL))
        position = match.end()
        if not match[2]:
            break
    return names


def _other_table(path: Path) -> DataError:
    return DataError(
        f"{path}: was not written by write_clips, or a column is missing; other tables "
        "are read by read_table"
    )


_FORMATS = {
    ".csv": _Format(_write_csv, _read_csv),
    ".parquet": _Format(_write_parquet, _read_parquet),
}
