"""A file of clips to int16 sound in the cache.

Each file is read once to hash it. The bytes of a short one are then still in memory,
which is all that the plainest WAV needs; libsndfile reads the others.
"""

import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from sonotype.audio.io import read_audio
from sonotype.audio.resample import resample_blocks
from sonotype.audio.sound_file import check_file
from sonotype.dataset.cache.int16 import FULL_SCALE, to_int16
from sonotype.dataset.cache.plain_wav import read_plain_wav
from sonotype.errors import AudioError

_SHORT_FILE_BYTES = 2**22
Interval = tuple[float | None, float | None]
Digests = dict[tuple[int, ...], str]
_WHOLE: Interval = (None, None)


class Sink(Protocol):
    """Where decoded clips go, by their keys."""

    def __contains__(self, key: object) -> bool: ...

    def add(self, key: str, samples: np.ndarray, scale: float) -> None:
        """Keep int16 samples and their scale; they change after the call."""


@dataclass(frozen=True)
class StoredFile:
    """What became of clips of one file; clips are named by their row in the table.

    Args:
        path: The file.
        digest: SHA-256 of its bytes; empty if it cannot be read.
        state: Place on the disk, size and time of change of the file that was hashed.
        keys: The key of each clip that can be used.
        lengths: Samples of the keys that were decoded now.
        reasons: Why the other clips cannot be used.
    """

    path: str
    digest: str = ""
    state: tuple[int, ...] = ()
    keys: dict[int, str] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)


class _Scratch(threading.local):
    """Memory of a thread for the bytes of a short file."""

    def __init__(self) -> None:
        self.content = memoryview(bytearray(_SHORT_FILE_BYTES))


_scratch = _Scratch()


def store_file(
    path: str,
    intervals: Mapping[int, Interval],
    sample_rate: int,
    sink: Sink,
    digests: Digests,
) -> StoredFile:
    """Hash a file and decode those of its clips that are not stored yet.

    A clip's key is made of the content of its file and its interval, not of names.

    Args:
        path: An audio file, or what is said to be one.
        intervals: Where each clip lies in it, by the clip's row.
        sample_rate: Rate wanted, in hertz.
        sink: Where decoded clips go; keys it has are not decoded.
        digests: Files hashed before, by their state; added to.

    Returns:
        What became of each clip. What is wrong with the file is in there.

    Raises:
        DataError: If the sink raises it.
    """
    try:
        state, content = _hash_file(path, digests)
    except AudioError as error:
        reason = _reason(path, error)
        return StoredFile(path, reasons=dict.fromkeys(intervals, reason))
    file = StoredFile(path, digests[state], state)
    for row, interval in intervals.items():
        start, end = interval
        words = f"{file.digest} {start!r} {end!r}"
        key = hashlib.sha256(words.encode()).hexdigest()
        if key not in sink and key not in file.lengths:
            try:
                samples, scale = decode_clip(path, interval, sample_rate, content)
            except AudioError as error:
                file.reasons[row] = _reason(path, error)
                continue
            sink.add(key, samples, scale)
            file.lengths[key] = len(samples)
        file.keys[row] = key
    return file


def decode_clip(
    path: Path | str,
    interval: Interval,
    sample_rate: int,
    content: memoryview | None = None,
) -> tuple[np.ndarray, float]:
    """Return one clip as int16 samples and their scale.

    Args:
        path: An audio file.
        interval: Where the clip starts and ends, in seconds; `None` is where the file
            does.
        sample_rate: Rate wanted, in hertz.
        content: All bytes of the file, if they were read already; the samples may
            share memory with them.

    Returns:
        int16 of shape `(n_samples,)`, and the scale that makes it float32 sound.

    Raises:
        AudioError: If it cannot be decoded.
    """
    plain = read_plain_wav(content) if content and interval == _WHOLE else None
    if plain is not None:
        whole, native_rate = plain
        if native_rate == sample_rate:
            return whole, 1 / FULL_SCALE
        samples = resample_blocks(
            [whole.astype(np.float32) * np.float32(1 / FULL_SCALE)],
            from_rate=native_rate,
            to_rate=sample_rate,
        )
    else:
        start, end = interval
        samples = read_audio(path, sample_rate, start_seconds=start, end_seconds=end)
    if len(samples) == 0:
        raise AudioError(f"{path}: is shorter than one sample at {sample_rate} Hz")
    return to_int16(samples)


def _hash_file(
    path: str, digests: Digests
) -> tuple[tuple[int, ...], memoryview | None]:
    """Return a file's state, and its bytes where they had to be read at once."""
    check_file(Path(path))
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - takes longer
            status = os.fstat(stream.fileno())
            state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            if state in digests:
                return state, None
            content = None
            # In one piece, which takes less time than a buffer for short files.
            if status.st_size < _SHORT_FILE_BYTES:
                n_bytes = stream.readinto(_scratch.content)
                content = _scratch.content[:n_bytes]
                digest = hashlib.sha256(content)
            else:
                digest = hashlib.file_digest(stream, "sha256")
            digests[state] = digest.hexdigest()
            return state, content
    except OSError as error:
        raise AudioError(f"{path}: cannot be read: {error.strerror}") from error


def _reason(path: str, error: AudioError) -> str:
    return str(error).removeprefix(f"{Path(path)}: ").removeprefix(f"{path}: ")
