"""Files of clips to int16 sound, on every core at once.

libsndfile, soxr and SHA-256 let other threads run while they work, so threads are
enough. Each gets several short files at a time: handing one over takes as long as
decoding it.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Container, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from sonotype.audio.io import read_audio
from sonotype.audio.resample import resample
from sonotype.audio.sound_file import check_file
from sonotype.clips import Clips
from sonotype.dataset.int16 import FULL_SCALE, to_int16
from sonotype.dataset.plain_wav import read_plain_wav
from sonotype.errors import AudioError
from sonotype.runtime import usable_cores

_SHORT_FILE_BYTES = 2**22
# What one thread is given at a time: by then the handing over does not matter.
_TASK_BYTES = 2**19
# Opening a file takes as long as reading this much.
_OPENING_BYTES = 2**13
# So that the sound of a recording with many clips need not fit into memory.
_TASK_CLIPS = 16
_Interval = tuple[float | None, float | None]
_Rows = dict[int, _Interval]
_WHOLE: _Interval = (None, None)


@dataclass(frozen=True)
class DecodedFile:
    """What became of clips of one file.

    Args:
        path: The file.
        n_clips: How many of its clips these are.
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
        One result a file, in the order in which the files first appear; several for a
        file of many clips. What is wrong with a file is in its result.
    """

    def take(task: list[tuple[str, _Rows]]) -> list[DecodedFile]:
        return [
            _decode_file(Path(name), rows, sample_rate, known, digests)
            for name, rows in task
        ]

    for files in _in_order(take, _tasks(clips)):
        yield from files


def decode_clip(
    path: Path, interval: _Interval, sample_rate: int, content: bytes | None = None
) -> tuple[np.ndarray, float]:
    """Return one clip as int16 samples and their scale.

    Args:
        path: An audio file.
        interval: Where the clip starts and ends, in seconds; `None` is where the file
            does.
        sample_rate: Rate wanted, in hertz.
        content: All bytes of the file, if they were read already.

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
        samples = resample(
            whole.astype(np.float32) * np.float32(1 / FULL_SCALE),
            from_rate=native_rate,
            to_rate=sample_rate,
        )
    else:
        start, end = interval
        samples = read_audio(path, sample_rate, start_seconds=start, end_seconds=end)
    if len(samples) == 0:
        raise AudioError(f"{path}: is shorter than one sample at {sample_rate} Hz")
    return to_int16(samples)


def _tasks(clips: Clips) -> Iterator[list[tuple[str, _Rows]]]:
    """Yield files and their clips, as many as one thread should be given at a time."""
    intervals = clips.frame.select("start_seconds", "end_seconds").rows()
    wanted: dict[str, _Rows] = {}
    for row, path in enumerate(clips.frame["path"]):
        wanted.setdefault(path, {})[row] = intervals[row]
    task: list[tuple[str, _Rows]] = []
    n_bytes = 0
    for path, rows in wanted.items():
        left = iter(rows.items())
        while piece := dict(islice(left, _TASK_CLIPS)):
            task.append((path, piece))
            n_bytes += (_count_bytes(path) + _OPENING_BYTES) * len(piece)
            if n_bytes >= _TASK_BYTES:
                yield task
                task, n_bytes = [], 0
    if task:
        yield task


def _count_bytes(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - a Path takes longer than stat
    except OSError:
        return 0  # why it can't be read is found out where it is read


def _in_order(
    take: Callable[[list[tuple[str, _Rows]]], list[DecodedFile]],
    tasks: Iterator[list[tuple[str, _Rows]]],
) -> Iterator[list[DecodedFile]]:
    """Yield `take(task)` for each task, worked on by every core."""
    n_workers = usable_cores()
    pending: deque[Future[list[DecodedFile]]] = deque()
    with ThreadPoolExecutor(n_workers) as pool:
        try:
            for task in tasks:
                pending.append(pool.submit(take, task))
                # Few at a time: results wait in memory until they are asked for.
                if len(pending) > 2 * n_workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for job in pending:
                job.cancel()


def _decode_file(
    path: Path,
    rows: _Rows,
    sample_rate: int,
    known: Container[str],
    digests: dict[tuple[int, ...], str],
) -> DecodedFile:
    try:
        digest, content = _hash_file(path, digests)
    except AudioError as error:
        return DecodedFile(path, len(rows), reasons=[_reason(path, error)])
    file = DecodedFile(path, len(rows), digest)
    for row, interval in rows.items():
        start, end = interval
        key = hashlib.sha256(f"{digest} {start!r} {end!r}".encode()).hexdigest()
        try:
            if key not in known and key not in file.decoded:
                file.decoded[key] = decode_clip(path, interval, sample_rate, content)
            file.keys[row] = key
        except AudioError as error:
            file.reasons.append(_reason(path, error))
    return file


def _hash_file(
    path: Path, digests: dict[tuple[int, ...], str]
) -> tuple[str, bytes | None]:
    """Return a file's digest, and its bytes where they had to be read at once."""
    check_file(path)
    try:
        with path.open("rb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            if state in digests:
                return digests[state], None
            content = None
            # In one piece, which takes less time than a buffer for short files.
            if status.st_size < _SHORT_FILE_BYTES:
                content = stream.read(status.st_size + 1)
                digest = hashlib.sha256(content)
            else:
                digest = hashlib.file_digest(stream, "sha256")
            digests[state] = digest.hexdigest()
            return digests[state], content
    except OSError as error:
        raise AudioError(f"{path}: cannot be read: {error.strerror}") from error


def _reason(path: Path, error: AudioError) -> str:
    return str(error).removeprefix(f"{path}: ")
