"""Files of clips to int16 sound, on every core at once.

libsndfile, soxr and SHA-256 let other threads run while they work, so threads are
enough.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Container, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sonotype.audio.io import read_audio
from sonotype.audio.sound_file import check_file
from sonotype.clips import Clips
from sonotype.dataset.shards import to_int16
from sonotype.errors import AudioError

_SHORT_FILE_BYTES = 2**22
_Interval = tuple[float | None, float | None]


@dataclass(frozen=True)
class DecodedFile:
    """What became of one file's clips.

    Args:
        path: The file.
        n_clips: Clips that lie in it.
        digest: SHA-256 of its bytes; empty if it cannot be read.
        keys: The key of each clip that can be used, by its position in the table.
        decoded: int16 samples and scale of the keys that were not known before.
        reasons: Why the other clips cannot be used.
    """

    path: Path
    n_clips: int
    digest: str = ""
    keys: dict[int, str] = field(default_factory=dict)
    decoded: dict[str, tuple[np.ndarray, float]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def decode_files(
    clips: Clips,
    sample_rate: int,
    *,
    known: Container[str],
    digests: dict[tuple[int, ...], str],
) -> Iterator[DecodedFile]:
    """Hash each file once and decode those of its clips that are not known.

    A clip's key is made of the content of its file and its interval, not of names.

    Args:
        clips: Clips of any files and intervals.
        sample_rate: Rate wanted, in hertz.
        known: Keys that need no decoding.
        digests: Files hashed before, by their place on the disk, size and time of
            change; added to.

    Yields:
        One result a file, in the order in which the files first appear. What is wrong
        with a file is in its result.
    """
    intervals = clips.frame.select("start_seconds", "end_seconds").rows()
    wanted: dict[str, dict[int, _Interval]] = {}
    for row, path in enumerate(clips.frame["path"]):
        wanted.setdefault(path, {})[row] = intervals[row]

    def take(name: str, rows: dict[int, _Interval]) -> DecodedFile:
        path = Path(name)
        try:
            file = DecodedFile(path, len(rows), digest=_hash_file(path, digests))
        except AudioError as error:
            return DecodedFile(path, len(rows), reasons=[_reason(path, error)])
        for row, interval in rows.items():
            _add_clip(file, row, interval, sample_rate, known)
        return file

    yield from _in_order(take, wanted)


def _in_order(
    take: Callable[[str, dict[int, _Interval]], DecodedFile],
    wanted: dict[str, dict[int, _Interval]],
) -> Iterator[DecodedFile]:
    """Yield `take(path, rows)` for each file, worked on by every core."""
    n_workers = _count_cores()
    pending: deque[Future[DecodedFile]] = deque()
    with ThreadPoolExecutor(n_workers) as pool:
        try:
            for path, rows in wanted.items():
                pending.append(pool.submit(take, path, rows))
                # Few at a time: results wait in memory until they are asked for.
                if len(pending) > 4 * n_workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for job in pending:
                job.cancel()


def _count_cores() -> int:
    """Return the cores this process may use, which may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _hash_file(path: Path, digests: dict[tuple[int, ...], str]) -> str:
    check_file(path)
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            if state not in digests:
                # In one piece, which takes less time than a buffer for short files.
                if status.st_size < _SHORT_FILE_BYTES:
                    digest = hashlib.sha256(stream.read())
                else:
                    digest = hashlib.file_digest(stream, "sha256")
                digests[state] = digest.hexdigest()
            return digests[state]
    except OSError as error:
        raise AudioError(f"{path}: cannot be read: {error.strerror}") from error


def _add_clip(
    file: DecodedFile,
    row: int,
    interval: _Interval,
    sample_rate: int,
    known: Container[str],
) -> None:
    start, end = interval
    key = hashlib.sha256(f"{file.digest} {start!r} {end!r}".encode()).hexdigest()
    try:
        if key not in known and key not in file.decoded:
            file.decoded[key] = _decode(file.path, interval, sample_rate)
        file.keys[row] = key
    except AudioError as error:
        file.reasons.append(_reason(file.path, error))


def _decode(
    path: Path, interval: _Interval, sample_rate: int
) -> tuple[np.ndarray, float]:
    start, end = interval
    samples = read_audio(path, sample_rate, start_seconds=start, end_seconds=end)
    if len(samples) == 0:
        raise AudioError(f"{path}: is shorter than one sample at {sample_rate} Hz")
    return to_int16(samples)


def _reason(path: Path, error: AudioError) -> str:
    return str(error).removeprefix(f"{path}: ")
