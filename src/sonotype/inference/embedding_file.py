"""Embeddings as files: a Parquet table, or an array of numpy and a table beside it."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from sonotype.atomic import atomic_file
from sonotype.errors import SettingError, unknown_name
from sonotype.inference.embedding import Embeddings

VECTORS = "embedding"
_ROWS = pl.Schema(
    {"path": pl.String(), "start_seconds": pl.Float64(), "end_seconds": pl.Float64()}
)
_KIND = np.dtype("<f4")
# Windows that are written at a time.
_GROUP_WINDOWS = 4096


def write_embeddings(path: Path, found: Iterable[Embeddings]) -> int:
    """Write the embeddings of recordings, however many; return how many windows.

    Args:
        path: `NAME.parquet` has a row a window, with the columns `path`,
            `start_seconds`, `end_seconds` and `embedding`, an array of float32.
            `NAME.npy` is an array `(n_windows, n_channels)`, and `NAME.csv` beside it
            has the other columns. What was there is replaced, whole or not at all.
        found: The embeddings; where there are none, nothing is written.

    Raises:
        SettingError: If the name ends otherwise, or a file cannot be written.
    """
    write = writer_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without a name, so that a run that is killed leaves nothing of it behind.
        with TemporaryFile(dir=path.parent) as vectors:
            rows, n_channels = _spool(vectors, found)
            if len(rows):
                write(path, rows, vectors, n_channels)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SettingError(f"{path} cannot be written: {error}") from error
    return len(rows)


_Write = Callable[[Path, pl.DataFrame, IO[bytes], int], None]


def writer_of(path: Path) -> _Write:
    """Return what writes files of this name.

    Raises:
        SettingError: If nothing does.
    """
    if path.suffix not in _WRITERS:
        raise unknown_name(f"{path}: ending", path.suffix, _WRITERS)
    return _WRITERS[path.suffix]


def _spool(vectors: IO[bytes], found: Iterable[Embeddings]) -> tuple[pl.DataFrame, int]:
    """Write vectors one after another; return what they are of, and their length."""
    parts = [pl.DataFrame(schema=_ROWS)]
    n_channels = 0
    for each in found:
        vectors.write(each.vectors.astype(_KIND).tobytes())
        n_channels = each.vectors.shape[1]
        times = {"start_seconds": each.start_seconds, "end_seconds": each.end_seconds}
        name = pl.lit(_text(each.path), pl.String())
        parts.append(pl.DataFrame(times).select(name.alias("path"), *times))
    vectors.seek(0)
    return pl.concat(parts), n_channels


def _text(path: Path | None) -> str | None:
    """Return a path with bytes that are not UTF-8 as numbers."""
    if path is None:
        return None
    return str(path).encode(errors="backslashreplace").decode()


def _to_parquet(
    path: Path, rows: pl.DataFrame, vectors: IO[bytes], n_channels: int
) -> None:
    schema = pl.Schema({**_ROWS, VECTORS: pl.Array(pl.Float32(), n_channels)})

    def frames(*_: object) -> Iterator[pl.DataFrame]:
        for part in rows.iter_slices(_GROUP_WINDOWS):
            content = vectors.read(len(part) * n_channels * _KIND.itemsize)
            values = np.frombuffer(content, _KIND).reshape(len(part), n_channels)
            column = pl.Series(VECTORS, values, schema[VECTORS])
            yield part.with_columns(column)

    with atomic_file(path) as partial:
        register_io_source(frames, schema=schema).sink_parquet(
            partial, row_group_size=_GROUP_WINDOWS
        )


def _to_npy(
    path: Path, rows: pl.DataFrame, vectors: IO[bytes], n_channels: int
) -> None:
    header = {
        "descr": _KIND.str,
        "fortran_order": False,
        "shape": (len(rows), n_channels),
    }
    table = path.with_suffix(".csv")
    with atomic_file(table) as listed, atomic_file(path) as partial:
        rows.write_csv(listed)
        with partial.open("wb") as stream:
            np.lib.format.write_array_header_1_0(stream, header)
            shutil.copyfileobj(vectors, stream)


_WRITERS: dict[str, _Write] = {".parquet": _to_parquet, ".npy": _to_npy}
