"""Many recordings to a folder of scores, on every core, killed and continued."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import NamedTuple

from sonotype.clips import Rejected
from sonotype.errors import SettingError
from sonotype.inference.classifier import Classifier, load
from sonotype.inference.folder.journal import (
    Entry,
    Journal,
    Shard,
    keep_settings,
    remove_strays,
)
from sonotype.inference.folder.worker import Scanned, Worker
from sonotype.runtime import usable_cores
from sonotype.worker_process import WorkerEndedError


class Recording(NamedTuple):
    """An audio file that is to be scanned.

    Args:
        path: Where it is.
        name: What its scores are named after, with folders: `site1/a.wav`.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class ScanSummary:
    """What a scan has done.

    Args:
        n_scanned: Recordings that were scanned now.
        n_windows: Windows in them.
        sound_seconds: Their length.
        n_before: Recordings whose scores were there already.
        rejected: Recordings that were set aside, and why.
    """

    n_scanned: int
    n_windows: int
    sound_seconds: float
    n_before: int
    rejected: tuple[Rejected, ...]


class _Job(NamedTuple):
    recording: Path
    scores: str
    n_bytes: int
    modified_ns: int

    def entry(self, found: Scanned) -> Entry:
        return Entry(
            recording=str(self.recording),
            n_bytes=self.n_bytes,
            modified_ns=self.modified_ns,
            scores="" if found.reason else self.scores,
            n_windows=found.n_windows,
            duration_seconds=found.duration_seconds,
            reason=found.reason,
        )


def scan_folder(  # noqa: PLR0913 - what to scan, how, and where to
    bundle: Path,
    recordings: Iterable[Recording],
    out: Path,
    *,
    hop_seconds: float | None = None,
    dense: bool = False,
    runtime: str = "litert",
    n_workers: int | None = None,
    shard: Shard | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ScanSummary:
    """Write the scores of every window of many recordings, a Parquet file each.

    What was scanned into the folder before, with the same graph and hop, is not scanned
    again unless the recording has changed. A recording that cannot be read is set
    aside, and tried again the next time.

    Args:
        bundle: The bundle's folder.
        recordings: The audio files.
        out: The folder for the scores and the journal.
        hop_seconds: As of `Classifier.scan`.
        dense: Likewise.
        runtime: As of `load`.
        n_workers: Processes; default: one for each core, if there are enough files.
        shard: Only this part of the recordings; which one a recording belongs to
            depends on its name alone.
        on_progress: Called with the bytes of sound that are done and that are to do.

    Returns:
        What was done, and what was set aside.

    Raises:
        BundleError: If the bundle is broken, or has no dense graph but it is asked for.
        SettingError: If the hop is too long, the folder holds scores made otherwise, or
            it cannot be written to.
    """
    shard = Shard() if shard is None else shard
    classifier = load(bundle, runtime=runtime)
    keep_settings(out, _settings(classifier, hop_seconds, dense=dense))
    remove_strays(out)
    with Journal(out, shard) as journal:
        wanted = sorted({r.path.absolute(): r for r in recordings}.items())
        names = score_names(wanted, journal.entries)
        rejected: list[Rejected] = []
        jobs = [
            job
            for (path, recording), name in zip(wanted, names, strict=True)
            if _is_in(recording.name, shard)
            for job in _to_do(path, name, journal, rejected)
        ]
        n_before = sum(_is_in(r.name, shard) for _, r in wanted)
        n_before -= len(jobs) + len(rejected)
        # The longest first, so that all cores are done at about the same time.
        jobs.sort(key=lambda job: -job.n_bytes)
        n_workers = min(n_workers or usable_cores(), len(jobs))
        start = partial(
            Worker,
            bundle,
            hop_seconds=hop_seconds,
            dense=dense,
            runtime=runtime,
            n_threads=max(1, usable_cores() // max(1, n_workers)),
        )
        pool = _Pool(start, out, n_workers=n_workers)
        n_done, n_bytes = 0, sum(job.n_bytes for job in jobs)
        scanned: list[Scanned] = []
        for job, found in pool.run(jobs):
            journal.add(job.entry(found))
            if found.reason:
                rejected.append(Rejected(job.recording, found.reason))
            else:
                scanned.append(found)
            n_done += job.n_bytes
            if on_progress:
                on_progress(n_done, n_bytes)
    return ScanSummary(
        n_scanned=len(scanned),
        n_windows=sum(found.n_windows for found in scanned),
        sound_seconds=sum(found.duration_seconds for found in scanned),
        n_before=n_before,
        rejected=tuple(sorted(rejected, key=lambda item: item.path)),
    )


def score_names(
    wanted: Sequence[tuple[Path, Recording]], entries: Mapping[str, Entry]
) -> list[str]:
    """Return the name of each recording's file of scores, below the folder.

    Args:
        wanted: Recordings and their whole paths.
        entries: What is known of recordings, by their whole paths.

    Returns:
        The one from before for a recording that has scores. Else its name and
        `.parquet`, with eight letters of the hash of its path between them if another
        recording has that name.
    """
    taken = {entry.scores: path for path, entry in entries.items() if entry.scores}
    count = Counter(recording.name for _, recording in wanted)
    names = []
    for path, recording in wanted:
        before = entries.get(str(path))
        name = f"{recording.name}.parquet"
        if before and before.scores:
            name = before.scores
        elif count[recording.name] > 1 or taken.get(name, str(path)) != str(path):
            letters = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
            name = f"{recording.name}.{letters}.parquet"
        names.append(name)
    return names


def _settings(
    classifier: Classifier, hop_seconds: float | None, *, dense: bool
) -> dict[str, object]:
    """Return what all scores in a folder must have in common."""
    manifest = classifier.bundle.manifest
    hop = classifier.hop_samples(hop_seconds, dense=dense)
    return {
        "format_version": 1,
        # Dense scores are other scores: a folder holds one or the other.
        "graph_sha256": (classifier.dense.sha256 if dense else classifier.graph_sha256),
        "labels": list(manifest.labels),
        "sample_rate": manifest.sample_rate,
        "n_samples": manifest.n_samples,
        "hop_seconds": hop / manifest.sample_rate,
    }


def _is_in(name: str, shard: Shard) -> bool:
    digest = hashlib.sha256(os.fsencode(name)).digest()
    return int.from_bytes(digest[:8], "big") % shard.count == shard.number - 1


def _to_do(
    path: Path, name: str, journal: Journal, rejected: list[Rejected]
) -> Iterator[_Job]:
    """Yield a job, unless the recording is done or not there."""
    try:
        status = path.stat()
    except OSError as error:
        rejected.append(Rejected(path, f"cannot be read: {error.strerror}"))
        return
    if not journal.is_done(path, status):
        yield _Job(path, name, status.st_size, status.st_mtime_ns)


class _Pool:
    """Threads that each have a process scan one recording after another."""

    def __init__(
        self, start: Callable[[], Worker], out: Path, *, n_workers: int
    ) -> None:
        self._start_worker = start
        self._out = out
        self._n_workers = n_workers
        self._lock = Lock()
        self._is_stopped = False
        self._workers: list[Worker] = []
        self._results: SimpleQueue[tuple[_Job, Scanned] | Future[None]] = SimpleQueue()

    def run(self, jobs: Sequence[_Job]) -> Iterator[tuple[_Job, Scanned]]:
        """Yield each job with what became of it, in the order they are done."""
        left = iter(jobs)
        with ThreadPoolExecutor(self._n_workers or 1) as pool:
            for _ in range(self._n_workers):
                pool.submit(self._work, left).add_done_callback(self._results.put)
            n_working = self._n_workers
            try:
                while n_working:
                    result = self._results.get()
                    if isinstance(result, Future):
                        result.result()
                        n_working -= 1
                    else:
                        yield result
            finally:
                self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            for worker in self._workers:
                worker.terminate()

    def _work(self, left: Iterator[_Job]) -> None:
        worker: Worker | None = None
        while job := self._take(left):
            scores = self._out / job.scores
            scores.parent.mkdir(parents=True, exist_ok=True)
            worker = worker or self._start()
            try:
                found = worker.scan(job.recording, scores)
            except WorkerEndedError as error:
                worker = None
                if self._is_stopped:
                    return
                reason = f"the process that scanned it has ended {error}"
                found = Scanned(reason=f"{reason}; convert it to WAV")
            self._results.put((job, found))
        if worker:
            worker.close()

    def _take(self, left: Iterator[_Job]) -> _Job | None:
        with self._lock:
            return None if self._is_stopped else next(left, None)

    def _start(self) -> Worker:
        try:
            worker = self._start_worker()
        except WorkerEndedError as error:
            raise SettingError(f"no process can be started here: {error}") from error
        with self._lock:
            self._workers.append(worker)
            if self._is_stopped:
                worker.terminate()
        return worker
