"""A process that decodes files into shards of its own.

In one process at most one thread runs Python at a time, and short clips need more of
that than of decoding. No sound is handed over: a worker writes what it decodes, and
tells what became of each file, in lines of JSON.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sonotype.dataset.cache.decode import Digests, Interval, StoredFile, store_file
from sonotype.dataset.cache.shards import ShardFolder
from sonotype.errors import DataError
from sonotype.worker_process import Say, WorkerProcess, work

# A path, and the interval of each of its clips by the clip's row.
Piece = tuple[str, dict[int, Interval]]
# glibc then keeps the memory of one clip for the next, instead of giving it back.
_KEEP_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(2**26),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
}


class Worker:
    """A process that decodes files into a folder of shards.

    Args:
        folder: Where the shards lie.
        sample_rate: Rate wanted, in hertz.

    Raises:
        WorkerEndedError: If there can be no such process here.
    """

    def __init__(self, folder: Path, sample_rate: int) -> None:
        self._process = WorkerProcess(
            __name__,
            str(folder),
            sample_rate,
            environment=_KEEP_MEMORY,
            refusal=DataError,
        )

    def wait_until_ready(self) -> None:
        """Wait until it has started, which takes a few tenths of a second.

        Raises:
            WorkerEndedError: If it cannot start.
            DataError: If it cannot read the cache.
        """
        self._process.answer()

    def store(self, pieces: Sequence[Piece]) -> list[StoredFile]:
        """Have files hashed and decoded, and wait for it.

        Raises:
            WorkerEndedError: If the process ends.
            DataError: If the cache cannot be written for another reason than a full
                disk.
        """
        rows = [list(intervals.items()) for _, intervals in pieces]
        paths = [path for path, _ in pieces]
        answers = self._process.ask(list(zip(paths, rows, strict=True)))
        return [
            _unpack(path, answer) for path, answer in zip(paths, answers, strict=True)
        ]

    def close(self) -> bool:
        """Have the last shard finished; return whether the disk is full.

        Raises:
            WorkerEndedError: If the process ends before that.
            DataError: As `store`.
        """
        is_full = bool(self._process.ask(None))
        self._process.close()
        return is_full

    def terminate(self) -> None:
        """Ask the process to end, from any thread; it keeps what it has decoded."""
        self._process.terminate()


def main() -> None:
    """Do what `Worker` asks for on stdin until it is closed."""
    work(_store)


def _store(questions: Iterable[Any], say: Say, folder: str, sample_rate: int) -> bool:
    """Store the files of each question; return whether the disk is full."""
    digests: Digests = {}
    with ShardFolder(Path(folder)) as shards:
        say([])
        for pieces in questions:
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


def _pack(file: StoredFile) -> list[Any]:
    clips = [(row, key, file.lengths.get(key, 0)) for row, key in file.keys.items()]
    return [file.digest, file.state, clips, list(file.reasons.items())]


def _unpack(path: str, answer: list[Any]) -> StoredFile:
    digest, state, clips, reasons = answer
    keys = {row: key for row, key, _ in clips}
    lengths = {key: n_samples for _, key, n_samples in clips if n_samples}
    return StoredFile(path, digest, tuple(state), keys, lengths, dict(reasons))
