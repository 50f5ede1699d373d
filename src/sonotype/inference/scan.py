"""The scores of every window of a recording, however long."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np

from sonotype.audio.stream import AudioStream
from sonotype.audio.stretches import Stretch, cut_stretches
from sonotype.errors import DataError, SettingError
from sonotype.inference.threads import Threads
from sonotype.runtime import Runtime

# Stretches that wait for each runtime: enough for reading to go on meanwhile.
_AHEAD = 2


@dataclass(frozen=True)
class WindowScores:
    """The scores of some windows that follow each other.

    Args:
        start_seconds: Where each window begins, float64 of shape `(n_windows,)`.
        end_seconds: Where each ends: never after the recording does, and the last
            window of a recording exactly where it does.
        scores: float32 of shape `(n_windows, n_labels)`.
    """

    start_seconds: np.ndarray
    end_seconds: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def join(cls, parts: "Iterable[WindowScores]") -> "WindowScores":
        """Return one of all windows of the parts, at least one part."""
        parts = list(parts)
        return cls(
            np.concatenate([part.start_seconds for part in parts]),
            np.concatenate([part.end_seconds for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )


class RuntimePool:
    """Copies of one graph, each of which scores for one thread at a time.

    Args:
        runtimes: The copies, at least one.
    """

    def __init__(self, runtimes: Sequence[Runtime]) -> None:
        self.runtimes = tuple(runtimes)
        self.n_samples = runtimes[0].n_samples
        self._free: SimpleQueue[Runtime] = SimpleQueue()
        for runtime in self.runtimes:
            self._free.put(runtime)

    def stretches(self, blocks: Iterable[np.ndarray], *, hop: int) -> Iterator[Stretch]:
        """Yield the stretches of a recording as the runtimes need them."""
        return cut_stretches(blocks, self.n_samples, hop=hop)

    def score(self, stretch: Stretch) -> np.ndarray:
        """Return the scores of a stretch's windows, once a runtime is free."""
        with self.free() as runtime:
            return runtime.scores(stretch.windows())

    @contextmanager
    def free(self) -> Iterator[Runtime]:
        """Lend a runtime that nobody else uses meanwhile."""
        runtime = self._free.get()
        try:
            yield runtime
        finally:
            self._free.put(runtime)


def hop_samples(hop_seconds: float, *, sample_rate: int, n_samples: int) -> int:
    """Return the samples from one window's start to the next.

    Args:
        hop_seconds: The same in seconds.
        sample_rate: Samples per second.
        n_samples: Length of a window.

    Raises:
        SettingError: If windows that far apart leave samples out, or it is less than
            a sample.

    Example:
        >>> hop_samples(0.5, sample_rate=16_000, n_samples=16_000)
        8000
    """
    hop = round(hop_seconds * sample_rate) if np.isfinite(hop_seconds) else 0
    if not 1 <= hop <= n_samples:
        raise SettingError(
            f"the hop is {hop_seconds:g} s, but must be from one sample to the "
            f"{n_samples / sample_rate:g} s of the model's window"
        )
    return hop


def scan_stream(
    stream: AudioStream, pool: RuntimePool, *, hop: int
) -> Iterator[WindowScores]:
    """Yield the scores of every window of a recording, in order.

    The windows are those of `cut_windows`, so the scores are those that prediction
    gives with the same hop, unless a dense graph gives them. Reading goes on while the
    runtimes work.

    Args:
        stream: The recording, at the model's rate.
        pool: What scores; several scans may share it.
        hop: Samples from one window's start to the next.

    Yields:
        The next windows and their scores.

    Raises:
        AudioError: If the recording cannot be decoded to its end.
        DataError: If a score is not a finite number.
        SettingError: If the hop is longer than a window.
    """
    n_samples = pool.n_samples
    with closing(iter(stream)) as blocks:
        stretches = pool.stretches(blocks, hop=hop)
        previous: WindowScores | None = None
        for stretch, scores in _scored(stretches, pool):
            if previous is not None:
                yield previous
            start = stretch.starts() / stream.sample_rate
            is_finite = np.isfinite(scores).all(axis=1)
            if not is_finite.all():
                raise DataError(
                    f"{stream.path}: the model gives no finite scores for the window "
                    f"at {start[is_finite.argmin()]:.6g} s; train it again"
                )
            end = (stretch.starts() + n_samples) / stream.sample_rate
            previous = WindowScores(start, end, scores)
        if previous is not None:
            # The last window: resampling rounds the length, and padding adds to it.
            previous.end_seconds[-1] = stream.duration_seconds
            yield previous


def _scored(
    stretches: Iterable[Stretch], pool: RuntimePool
) -> Iterator[tuple[Stretch, np.ndarray]]:
    """Yield each stretch with its scores, in order."""
    n_threads = len(pool.runtimes)
    if n_threads == 1:
        for stretch in stretches:
            yield stretch, pool.score(stretch)
        return
    waiting: deque[tuple[Stretch, Future[np.ndarray]]] = deque()
    threads = Threads(n_threads)
    try:
        for stretch in stretches:
            waiting.append((stretch, threads.submit(pool.score, stretch)))
            if len(waiting) > _AHEAD * n_threads:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        threads.end()
