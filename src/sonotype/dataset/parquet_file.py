"""Parquet files from anywhere, read without risk to the process that reads them.

A damaged Parquet file can make polars 2.1 panic or abort: a single changed byte in the
footer is enough. So it is read in a process of its own, which hands the table over as
an Arrow file.
"""

import io
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from sonotype.errors import DataError

_MAGIC = b"PAR1"
# Magic at both ends, and before the last one the length of the footer in four bytes.
_MIN_BYTES = 12
_TIMEOUT_SECONDS = 300
_CHILD = """
import sys, polars
table = polars.read_parquet(sys.argv[1], glob=False, hive_partitioning=False)
table.write_ipc(sys.argv[2])
"""


def read_parquet(path: Path) -> pl.DataFrame:
    """Return the table in a Parquet file.

    Args:
        path: A regular file.

    Raises:
        DataError: If it is not Parquet, damaged, or cannot be read.
    """
    _check_ends(path)
    with TemporaryDirectory() as folder:
        table = Path(folder) / "table.arrow"
        # -P: a file `polars.py` where the user happens to be is not imported.
        command = [sys.executable, "-P", "-c", _CHILD, str(path), str(table)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
                env={**os.environ, "RUST_BACKTRACE": "0"},
            )
        except subprocess.TimeoutExpired:
            raise DataError(
                f"{path}: could not be read in {_TIMEOUT_SECONDS} s; write it again"
            ) from None
        if done.returncode:
            raise DataError(f"{path}: is damaged ({_reason(done)}); write it again")
        # From memory: a mapped file could not be removed on every system.
        return pl.read_ipc(io.BytesIO(table.read_bytes()))


def _check_ends(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            begin = stream.read(len(_MAGIC))
            stream.seek(max(0, size - 8))
            end = stream.read(8)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if size < _MIN_BYTES or begin != _MAGIC or end[4:] != _MAGIC:
        raise DataError(
            f"{path}: is no whole Parquet file: it does not begin and end with PAR1"
        )
    n_footer = int.from_bytes(end[:4], "little")
    if not 0 < n_footer <= size - _MIN_BYTES:
        raise DataError(
            f"{path}: is damaged: its footer of {n_footer} bytes does not fit the "
            f"{size} bytes of the file; write it again"
        )


def _reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    if done.returncode < 0:
        return f"reading it ended with signal {-done.returncode}"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    last = lines[-1] if lines else "reading it failed"
    return last.rpartition("exceptions.")[2][:200]
