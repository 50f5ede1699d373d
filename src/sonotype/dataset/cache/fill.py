"""Every core filling the cache: threads first, processes if it takes longer.

A thread is there at once, a process takes half a second to start and is then faster.
Each thread takes a few files at a time and decodes them itself, or has a process do it.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Lock

import numpy as np

from sonotype.clips import Clips
from sonotype.dataset.cache.decode import Digests, Interval, StoredFile, store_file
from sonotype.dataset.cache.shards import ShardFolder
from sonotype.dataset.cache.worker import Piece, Worker
from sonotype.runtime import usable_cores
from sonotype.worker_process import WorkerEndedError

# So that one recording with many clips is work for every core.
_PIECE_CLIPS = 16
# Long enough for handing over not to matter, short enough for a smooth progress bar.
_TASK_SECONDS = 0.03
_TASK_PIECES = 512
# How long a fill must have taken, and must still take, to be worth processes.
_THREADS_SECONDS = 0.4
_WORTH_SECONDS = 1.5


class Filler:
    """Decodes clips into a folder of shards, on every core.

    Args:
        folder: Where the shards lie.
        shards: The same, open; it takes in what threads decode.
        sample_rate: Rate wanted, in hertz.
        digests: Files hashed before, by their state; added to.
    """

    def __init__(
        self, folder: Path, shards: ShardFolder, sample_rate: int, digests: Digests
    ) -> None:
        self._folder = folder
        self._shards = shards
        self._sample_rate = sample_rate
        self._digests = digests
        self._is_stopped, self._may_start = False, True
        self._workers: list[Worker] = []
        self._lock = Lock()
        self._pieces: Iterator[Piece] = iter(())
        self._n_left = self._n_taken = 0
        self._began = 0.0
        self._results: SimpleQueue[list[StoredFile] | Future[None]] = SimpleQueue()
        self.has_lost = False

    def run(self, clips: Clips, *, processes: bool = True) -> Iterator[StoredFile]:
        """Hash each file and decode those of its clips that are not stored yet.

        Args:
            clips: Clips of any files and intervals.
            processes: Whether other processes may be started.

        Yields:
            What became of each file, in no order; several results for a file of many
            clips. Afterwards `has_lost` tells whether a process ended before what it
            had decoded was stored.

        Raises:
            DataError: If the cache cannot be written for another reason than a full
                disk.
        """
        pieces = list(_pieces(clips))
        self._pieces, self._n_left, self._n_taken = iter(pieces), len(pieces), 0
        self._is_stopped, self._may_start = False, processes
        self._began = time.monotonic()
        n_threads = min(usable_cores(), len(pieces)) or 1
        with ThreadPoolExecutor(n_threads) as pool:
            for _ in range(n_threads):
                pool.submit(self._work).add_done_callback(self._results.put)
            try:
                yield from self._collect(n_threads)
            finally:
                self._stop()

    def add(self, key: str, samples: np.ndarray, scale: float) -> None:
        """Store a clip that a thread has decoded."""
        with self._lock:
            self._shards.add(key, samples, scale)

    def __contains__(self, key: object) -> bool:
        return key in self._shards

    def _collect(self, n_threads: int) -> Iterator[StoredFile]:
        while n_threads:
            files = self._results.get()
            if isinstance(files, Future):
                files.result()
                n_threads -= 1
                continue
            for file in files:
                if file.state:
                    self._digests[file.state] = file.digest
                yield file

    def _stop(self) -> None:
        """Leave the rest of the files, and end what still works."""
        with self._lock:
            self._n_left = 0
            self._is_stopped, self._may_start = True, False
            for worker in self._workers:
                worker.terminate()

    def _work(self) -> None:
        """Take files until there are none, in a thread."""
        worker: Worker | None = None
        n_pieces = 1
        while pieces := self._take(n_pieces):
            if worker is None and self._is_long():
                worker = self._start()
            began = time.monotonic()
            if worker is None:
                files = [self._store(piece) for piece in pieces]
            else:
                worker, files = self._hand_over(worker, pieces)
            self._results.put(files)
            seconds = max(time.monotonic() - began, 1e-6)
            wanted = int(n_pieces * min(4, _TASK_SECONDS / seconds))
            n_pieces = min(max(1, wanted), _TASK_PIECES)
        if worker is not None:
            self._close(worker)

    def _take(self, n_pieces: int) -> list[Piece]:
        with self._lock:
            # Small tasks at the end, so that every core works until then.
            n_pieces = min(n_pieces, -(-self._n_left // (2 * usable_cores())))
            pieces = list(islice(self._pieces, n_pieces))
            self._n_left -= len(pieces)
            self._n_taken += len(pieces)
            return pieces

    def _store(self, piece: Piece) -> StoredFile:
        return store_file(*piece, self._sample_rate, self, self._digests)

    def _is_long(self) -> bool:
        """Return whether it is worth starting a process."""
        seconds = time.monotonic() - self._began
        left = seconds * self._n_left / max(1, self._n_taken)
        return self._may_start and seconds >= _THREADS_SECONDS and left > _WORTH_SECONDS

    def _start(self) -> Worker | None:
        """Start a process, unless there can be none."""
        try:
            with self._lock:
                if not self._may_start:
                    return None
                worker = Worker(self._folder, self._sample_rate)
                self._workers.append(worker)
            worker.wait_until_ready()
        except WorkerEndedError:
            self._may_start = False
            return None
        return worker

    def _hand_over(
        self, worker: Worker, pieces: list[Piece]
    ) -> tuple[Worker | None, list[StoredFile]]:
        """Have a process store files; find the file that ends it, if one does."""
        try:
            return worker, worker.store(pieces)
        except WorkerEndedError:
            self.has_lost = True
        files: list[StoredFile] = []
        alone: Worker | None = None
        for path, intervals in pieces:
            if self._is_stopped:
                break
            alone = alone or self._start()
            if alone is None:
                files.append(self._store((path, intervals)))
                continue
            try:
                files += alone.store([(path, intervals)])
            except WorkerEndedError:
                alone = None
                reason = "the process that decoded it has ended; convert it to WAV"
                files.append(StoredFile(path, reasons=dict.fromkeys(intervals, reason)))
        return alone, files

    def _close(self, worker: Worker) -> None:
        try:
            if worker.close():
                self._shards.is_full = True
        except WorkerEndedError:
            self.has_lost = True


def _pieces(clips: Clips) -> Iterator[Piece]:
    """Yield files and their clips."""
    intervals = clips.frame.select("start_seconds", "end_seconds").rows()
    wanted: dict[str, dict[int, Interval]] = {}
    for row, path in enumerate(clips.frame["path"]):
        wanted.setdefault(path, {})[row] = intervals[row]
    for path, rows in wanted.items():
        if len(rows) <= _PIECE_CLIPS:
            yield path, rows
            continue
        left = iter(rows.items())
        while piece := dict(islice(left, _PIECE_CLIPS)):
            yield path, piece
