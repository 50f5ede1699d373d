"""A process that decodes files into shards of its own.

In one process at most one thread runs Python at a time, and short clips need more of
that than of decoding. No sound is handed over: a worker writes what it decodes, and
tells what became of each file, in lines of JSON.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from sonotype.dataset.cache.decode import Digests, Interval, StoredFile, store_file
from sonotype.dataset.cache.shards import ShardFolder
from sonotype.errors import DataError

# A path, and the interval of each of its clips by the clip's row.
Piece = tuple[str, dict[int, Interval]]
# The same modules as here, wherever they come from. Not multiprocessing: it runs the
# user's script once more in each process.
_START = """import sys
sys.path[:] = {path!r}
from sonotype.dataset.cache.worker import main
main()
"""
# One thread each: there are as many workers as cores.
_ONE_THREAD = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "POLARS_MAX_THREADS",
    ),
    "1",
)
# glibc then keeps the memory of one clip for the next, instead of giving it back.
_KEEP_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(2**26),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
}


class WorkerEndedError(Exception):
    """A worker was killed, or decoding a file ended it."""


class Worker:
    """A process that decodes files into a folder of shards.

    Args:
        folder: Where the shards lie.
        sample_rate: Rate wanted, in hertz.

    Raises:
        WorkerEndedError: If there can be no such process here.
    """

    def __init__(self, folder: Path, sample_rate: int) -> None:
        if getattr(sys, "frozen", False) or not sys.executable:
            raise WorkerEndedError
        start = _START.format(path=sys.path)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", start, str(folder), str(sample_rate)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**_KEEP_MEMORY, **_ONE_THREAD, **os.environ},
            )
        except OSError as error:
            raise WorkerEndedError from error

    def wait_until_ready(self) -> None:
        """Wait until it has started, which takes a few tenths of a second.

        Raises:
            WorkerEndedError: If it cannot start.
            DataError: If it cannot read the cache.
        """
        self._answer()

    def store(self, pieces: Sequence[Piece]) -> list[StoredFile]:
        """Have files hashed and decoded, and wait for it.

        Raises:
            WorkerEndedError: If the process ends.
            DataError: If the cache cannot be written for another reason than a full
                disk.
        """
        rows = [list(intervals.items()) for _, intervals in pieces]
        paths = [path for path, _ in pieces]
        self._say(list(zip(paths, rows, strict=True)))
        answers = self._answer()
        return [
            _unpack(path, answer) for path, answer in zip(paths, answers, strict=True)
        ]

    def close(self) -> bool:
        """Have the last shard finished; return whether the disk is full.

        Raises:
            WorkerEndedError: If the process ends before that.
            DataError: As `store`.
        """
        self._say(None)
        is_full = bool(self._answer())
        self._end()
        return is_full

    def terminate(self) -> None:
        """Ask the process to end, from any thread; it keeps what it has decoded."""
        self._process.terminate()

    def _end(self) -> None:
        """Wait for a process that has said its last."""
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()

    def _say(self, what: Any) -> None:
        stream = self._process.stdin
        with suppress(OSError):  # why it has ended shows in its answer
            if stream:
                stream.write(json.dumps(what).encode() + b"\n")
                stream.flush()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line.endswith(b"\n"):
            self._end()
            raise WorkerEndedError
        answer = json.loads(line)
        if isinstance(answer, str):
            self._end()
            raise DataError(answer)
        return answer


def main() -> None:
    """Do what `Worker` asks for on stdin until it is closed."""
    # What a library prints must not get between the answers.
    answers = os.dup(1)
    os.dup2(2, 1)
    # The parent tells when to stop; a worker that is asked to stops at once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)

    def say(what: Any) -> None:
        with open(answers, "wb", closefd=False) as stream:
            stream.write(json.dumps(what).encode() + b"\n")

    folder, sample_rate = Path(sys.argv[1]), int(sys.argv[2])
    with suppress(BrokenPipeError):  # the parent has ended
        try:
            last: bool | str = _serve(folder, sample_rate, say)
        except DataError as error:
            last = str(error)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say(last)


def _serve(folder: Path, sample_rate: int, say: Any) -> bool:
    """Answer each line of stdin; return whether the disk is full."""
    digests: Digests = {}
    with ShardFolder(folder) as shards:
        say([])
        for line in sys.stdin.buffer:
            pieces = json.loads(line)
            if pieces is None:
                break
            files = [
                store_file(
                    path,
                    {row: (start, end) for row, (start, end) in rows},
                    sample_rate,
                    shards,
                    digests,
                )
                for path, rows in pieces
            ]
            say([_pack(file) for file in files])
    return shards.is_full


def _stop(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(1)


def _pack(file: StoredFile) -> list[Any]:
    clips = [(row, key, file.lengths.get(key, 0)) for row, key in file.keys.items()]
    return [file.digest, file.state, clips, list(file.reasons.items())]


def _unpack(path: str, answer: list[Any]) -> StoredFile:
    digest, state, clips, reasons = answer
    keys = {row: key for row, key, _ in clips}
    lengths = {key: n_samples for _, key, n_samples in clips if n_samples}
    return StoredFile(path, digest, tuple(state), keys, lengths, dict(reasons))
