"""Decoded sound on disk: int16 samples in large flat files, each with an index.

A shard is `<random>.i16`, little-endian samples one clip after the other, and its
index `<random>-<checksum>.parquet`. The samples are on the disk before the index
appears, and the index appears at once, so a process killed at any moment leaves nothing
that could be mistaken for a shard. Names are random and nothing is ever changed: any
number of processes may add shards to one folder at the same time.
"""

import io
import os
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from sonotype.atomic import atomic_file
from sonotype.errors import DataError

# Small enough to lose little when killed, large enough for few open files.
SHARD_BYTES = 64 * 2**20
FULL_SCALE = 32_768

_INDEX = pl.Schema(
    {
        "key": pl.String(),
        "offset": pl.Int64(),
        "n_samples": pl.Int64(),
        "scale": pl.Float64(),
    }
)
_SAMPLE = np.dtype("<i2")


@dataclass(frozen=True)
class StoredAudio:
    """Where the sound of some clips lies; arrays of shape `(n_clips,)`.

    Sample `i` of clip `c` is `scales[c] * shards[shard_of[c]][offsets[c] + i]`.
    """

    shards: tuple[np.ndarray, ...]
    shard_of: np.ndarray
    offsets: np.ndarray
    lengths: np.ndarray
    scales: np.ndarray

    def __getitem__(self, clip: int) -> np.ndarray:
        """Return the int16 samples of a clip, shape `(lengths[clip],)`."""
        start = self.offsets[clip]
        return self.shards[self.shard_of[clip]][start : start + self.lengths[clip]]

    def select(self, clips: np.ndarray) -> "StoredAudio":
        """Return the same for some of the clips."""
        return StoredAudio(
            self.shards,
            self.shard_of[clips],
            self.offsets[clips],
            self.lengths[clips],
            self.scales[clips],
        )


class ShardFolder:
    """All shards in a folder, and one more that is being written.

    Args:
        folder: Where they lie; made if it is missing.

    Raises:
        DataError: If the folder cannot be made or read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: list[str] = []
        self._places: dict[str, tuple[int, int, int, float]] = {}
        self._new: list[tuple[str, int, int, float]] = []
        self._stream: BinaryIO | None = None
        self._n_samples = 0
        with self._disk_errors():
            folder.mkdir(parents=True, exist_ok=True)
            for index in sorted(folder.glob("[!.]*.parquet")):
                self._open(index)

    def __enter__(self) -> "ShardFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Keep what was added, also when interrupted, unless the disk refuses it."""
        if kind is not None and issubclass(kind, DataError):
            self._discard()
        else:
            self.commit()

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def add(self, key: str, samples: np.ndarray, scale: float) -> None:
        """Append the int16 samples of a clip; a key that is there already is left.

        Raises:
            DataError: If they cannot be written.
        """
        if key in self._places:
            return
        with self._disk_errors():
            if self._stream is None:
                self._names.append(uuid.uuid4().hex)
                self._stream = self._file(self._names[-1], "i16").open("xb")
            self._stream.write(samples.astype(_SAMPLE, copy=False).data)
        self._new.append((key, self._n_samples, len(samples), scale))
        self._places[key] = (len(self._names) - 1, *self._new[-1][1:])
        self._n_samples += len(samples)
        if self._n_samples * _SAMPLE.itemsize >= SHARD_BYTES:
            self.commit()

    def commit(self) -> None:
        """Finish the shard that is being written, if there is one.

        Raises:
            DataError: If it cannot be written.
        """
        if self._stream is None:
            return
        index = io.BytesIO()
        pl.DataFrame(self._new, schema=_INDEX, orient="row").write_parquet(index)
        content = index.getvalue()
        with self._disk_errors():
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            name = f"{self._names[-1]}-{zlib.crc32(content):08x}"
            with atomic_file(self._file(name, "parquet")) as unnamed:
                unnamed.write_bytes(content)
        self._stream, self._new, self._n_samples = None, [], 0

    def locate(self, keys: Sequence[str]) -> StoredAudio:
        """Return where the clips with these keys lie, in that order.

        Samples are mapped into memory, not read.
        """
        places = [self._places[key] for key in keys]
        shard_of = np.array([place[0] for place in places], np.int64)
        used, shard_of = np.unique(shard_of, return_inverse=True)
        with self._disk_errors():
            shards = tuple(
                np.memmap(self._file(self._names[shard], "i16"), _SAMPLE, mode="r")
                for shard in used
            )
        return StoredAudio(
            shards=shards,
            shard_of=shard_of,
            offsets=np.array([place[1] for place in places], np.int64),
            lengths=np.array([place[2] for place in places], np.int64),
            scales=np.array([place[3] for place in places], np.float32),
        )

    def _file(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}.{suffix}"

    def _open(self, index: Path) -> None:
        """Take in a shard; one that is damaged counts as not there."""
        name, _, checksum = index.stem.partition("-")
        content = index.read_bytes()
        samples = self._file(name, "i16")
        # Before polars sees it, which ends the process on some damaged files.
        if f"{zlib.crc32(content):08x}" != checksum or not samples.is_file():
            return
        frame = pl.read_parquet(content)
        end = int((frame["offset"] + frame["n_samples"]).to_numpy().max())
        if end * _SAMPLE.itemsize != samples.stat().st_size:
            return
        for key, *place in frame.iter_rows():
            self._places[key] = (len(self._names), *place)
        self._names.append(name)

    def _discard(self) -> None:
        """Give up the shard that is being written, if there is one."""
        if self._stream is None:
            return
        with suppress(OSError):  # closing writes what was buffered
            self._stream.close()
        self._stream = None
        with suppress(OSError):
            self._file(self._names[-1], "i16").unlink(missing_ok=True)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._discard()
            raise DataError(
                f"{self._folder}: the cache of decoded audio cannot be written or read "
                f"({error.strerror}); make room there, or choose another folder with "
                "--cache or the environment variable SONOTYPE_CACHE"
            ) from error


def to_int16(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """Return samples as int16 and the factor that undoes it.

    What was 16-bit sound comes back exactly. Anything else is scaled to its own peak,
    so that a very quiet recording keeps its resolution and one above full scale, as
    floating-point files may be, is not clipped.

    Args:
        samples: float32 of shape `(n_samples,)`, all finite.

    Returns:
        int16 of the same shape, and the scale.

    Example:
        >>> stored, scale = to_int16(np.array([0.5, -2.0], np.float32))
        >>> (stored * scale).round(4)
        array([ 0.5, -2. ])
    """
    # A product with a power of two is exact, but for infinity, which is refused below.
    with np.errstate(over="ignore"):
        scaled = samples * np.float32(FULL_SCALE)
    rounded = np.rint(scaled)
    if (
        (rounded == scaled).all()
        and rounded.min() >= -FULL_SCALE
        and rounded.max() < FULL_SCALE
    ):
        return rounded.astype(np.int16), 1 / FULL_SCALE
    # -600 dB and below is silence; its scale would be too small for a float32.
    peak = max(float(np.abs(samples).max()), 1e-30)
    whole = np.rint(samples * np.float32((FULL_SCALE - 1) / peak))
    return whole.astype(np.int16), peak / (FULL_SCALE - 1)
