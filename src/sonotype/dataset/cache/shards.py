"""Decoded sound on disk: int16 samples in large flat files, each with an index.

A shard is `<random>.i16`, little-endian samples one clip after the other, and its
index `<random>-<checksum>.parquet`. The samples are on the disk before the index
appears, and the index appears at once, so a process killed at any moment leaves nothing
that could be mistaken for a shard. Names are random and nothing is ever changed: any
number of processes may add shards to one folder at the same time.
"""

import errno
import io
import os
import shutil
import uuid
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from sonotype.atomic import atomic_file
from sonotype.dataset.cache.stored import StoredAudio
from sonotype.errors import DataError

# Small enough to lose little when killed, large enough for few open files.
SHARD_BYTES = 64 * 2**20
# What is left to others when the disk runs full.
RESERVED_BYTES = 256 * 2**20
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_WRITE_BYTES = 2**20  # one large write takes less time than many small ones

_INDEX = pl.Schema(
    {
        "key": pl.String(),
        "offset": pl.Int64(),
        "n_samples": pl.Int64(),
        "scale": pl.Float64(),
    }
)
_SAMPLE = np.dtype("<i2")


@dataclass
class _NewShard:
    """A shard that is being written.

    Args:
        samples: The file of its samples.
        stream: The same, open.
        rows: The rows of its index so far.
        n_samples: Samples written so far.
    """

    samples: Path
    stream: BinaryIO
    rows: list[tuple[str, int, int, float]] = field(default_factory=list)
    n_samples: int = 0

    def finish(self) -> None:
        """Get the samples onto the disk, then make the index appear."""
        index = io.BytesIO()
        pl.DataFrame(self.rows, schema=_INDEX, orient="row").write_parquet(index)
        content = index.getvalue()
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.stream.close()
        name = f"{self.samples.stem}-{zlib.crc32(content):08x}.parquet"
        with atomic_file(self.samples.with_name(name)) as unnamed:
            unnamed.write_bytes(content)

    def discard(self) -> None:
        """Leave nothing of it."""
        with suppress(OSError):  # closing writes what was buffered
            self.stream.close()
        with suppress(OSError):
            self.samples.unlink(missing_ok=True)


class ShardFolder:
    """All shards in a folder, and one more that is being written.

    Nothing more is added once the disk is full, which is no error: `is_full` tells.

    Args:
        folder: Where they lie; made if it is missing.

    Raises:
        DataError: If the folder cannot be made or read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: list[str] = []
        self._places: dict[str, tuple[int, int, int, float]] = {}
        self._shard: _NewShard | None = None
        # Waiting for the disk is left to a thread, so that decoding goes on.
        self._finishing: tuple[_NewShard, Future[None]] | None = None
        self._waiter = ThreadPoolExecutor(1)
        self.is_full = False
        self._seen: set[str] = set()
        with self._disk_errors():
            folder.mkdir(parents=True, exist_ok=True)
        self.refresh()

    def __enter__(self) -> "ShardFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Keep what was added, also when interrupted, unless the disk refuses it."""
        if kind is not None and issubclass(kind, DataError):
            self._discard(self._shard)
        self.commit()
        self._waiter.shutdown()

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, key: str, samples: np.ndarray, scale: float) -> None:
        """Append the int16 samples of a clip; a key that is there already is left.

        Raises:
            DataError: If they cannot be written for another reason than a full disk.
        """
        if key in self._places or self.is_full:
            return
        shard = self._shard or self._start_shard()
        if shard is None:
            return
        try:
            shard.stream.write(samples.astype(_SAMPLE, copy=False).data)
        except OSError as error:
            self._refuse(error, shard)
            return
        row = (key, shard.n_samples, len(samples), scale)
        shard.rows.append(row)
        self._places[key] = (len(self._names) - 1, *row[1:])
        shard.n_samples += len(samples)
        if shard.n_samples * _SAMPLE.itemsize >= SHARD_BYTES:
            self._finish()

    def commit(self) -> None:
        """Finish the shard that is being written, if there is one.

        Raises:
            DataError: If it cannot be written for another reason than a full disk.
        """
        self._finish()
        self._wait()

    def refresh(self) -> None:
        """Take in the shards that other processes have finished since."""
        with self._disk_errors():
            for index in sorted(self._folder.glob("[!.]*.parquet")):
                name = index.stem.partition("-")[0]
                if name not in self._seen:
                    self._seen.add(name)
                    self._open(index)

    def locate(self, keys: Sequence[str]) -> StoredAudio:
        """Return where the clips with these keys lie, in that order.

        Samples are mapped into memory, not read.
        """
        places = [self._places[key] for key in keys]
        shard_of = np.array([place[0] for place in places], np.int64)
        used, shard_of = np.unique(shard_of, return_inverse=True)
        files = [self._folder / f"{self._names[shard]}.i16" for shard in used]
        with self._disk_errors():
            # As plain arrays: a slice of a memmap takes ten times as long to make.
            shards = tuple(np.asarray(np.memmap(file, _SAMPLE, "r")) for file in files)
        return StoredAudio(
            shards=shards,
            shard_of=shard_of,
            offsets=np.array([place[1] for place in places], np.int64),
            lengths=np.array([place[2] for place in places], np.int64),
            scales=np.array([place[3] for place in places], np.float32),
        )

    def _open(self, index: Path) -> None:
        """Take in a shard; one that is damaged counts as not there."""
        name, _, checksum = index.stem.partition("-")
        content = index.read_bytes()
        samples = index.with_name(f"{name}.i16")
        # Before polars sees it, which ends the process on some damaged files.
        if f"{zlib.crc32(content):08x}" != checksum or not samples.is_file():
            return
        frame = pl.read_parquet(content)
        end = int((frame["offset"] + frame["n_samples"]).to_numpy().max())
        if end * _SAMPLE.itemsize != samples.stat().st_size:
            return
        keys, *places = (column.to_list() for column in frame.iter_columns())
        rows = zip(repeat(len(self._names)), *places, strict=False)
        self._places.update(zip(keys, rows, strict=True))
        self._names.append(name)

    def _start_shard(self) -> _NewShard | None:
        """Open a new shard, if the disk has room for one."""
        samples = self._folder / f"{uuid.uuid4().hex}.i16"
        with self._disk_errors():
            free = shutil.disk_usage(self._folder).free
            self.is_full = free < RESERVED_BYTES + SHARD_BYTES
            if not self.is_full:
                self._shard = _NewShard(samples, samples.open("xb", _WRITE_BYTES))
        if self._shard is None:
            return None
        self._names.append(samples.stem)
        self._seen.add(samples.stem)
        return self._shard

    def _finish(self) -> None:
        """Have the shard that is being written finished, after the one before it."""
        self._wait()
        if self._shard is not None:
            finished = self._waiter.submit(self._shard.finish)
            self._finishing, self._shard = (self._shard, finished), None

    def _wait(self) -> None:
        if self._finishing is not None:
            shard, finished = self._finishing
            self._finishing = None
            with self._disk_errors(shard):
                finished.result()

    def _discard(self, shard: _NewShard | None) -> None:
        """Give up a shard that is not finished."""
        if shard is None:
            return
        shard.discard()
        for key, *_ in shard.rows:
            del self._places[key]
        if shard is self._shard:
            self._shard = None

    @contextmanager
    def _disk_errors(self, shard: _NewShard | None = None) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._refuse(error, shard)

    def _refuse(self, error: OSError, shard: _NewShard | None) -> None:
        """Give a shard up; a full disk is no error."""
        self._discard(shard)
        if error.errno in _DISK_FULL:
            self.is_full = True
            return
        raise DataError(
            f"{self._folder}: the cache of decoded audio cannot be written or read "
            f"({error.strerror}); make room there, or choose another folder with "
            "--cache or the environment variable SONOTYPE_CACHE"
        ) from error
