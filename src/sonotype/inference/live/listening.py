"""Listening: windows as they come, and what it costs."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sonotype.inference.live.source import Source
from sonotype.inference.scan import WindowScores
from sonotype.inference.stream import Gap

if TYPE_CHECKING:
    from sonotype.inference.classifier import Classifier

# From 10 microseconds in steps of 1 %: 2,000 steps reach an hour.
_SHORTEST_SECONDS = 1e-5
_STEP = math.log(1.01)
_N_STEPS = 2_000


class Latencies:
    """Quantiles of any number of times, each to 1 %, in memory that does not grow.

    Example:
        >>> latencies = Latencies()
        >>> for seconds in (0.1, 0.2, 0.4):
        ...     latencies.add(seconds)
        >>> round(latencies.quantile(0.5), 2), latencies.n
        (0.2, 3)
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_N_STEPS, np.int64)

    @property
    def n(self) -> int:
        """How many there are."""
        return int(self._counts.sum())

    def add(self, seconds: float) -> None:
        """Count one."""
        step = math.log(max(seconds, _SHORTEST_SECONDS) / _SHORTEST_SECONDS) / _STEP
        self._counts[min(round(step), _N_STEPS - 1)] += 1

    def quantile(self, share: float) -> float | None:
        """Return the time that such a share of all do not exceed, `None` of none."""
        if not self.n:
            return None
        rank = max(1, math.ceil(share * self.n))
        step = int(np.searchsorted(np.cumsum(self._counts), rank))
        return _SHORTEST_SECONDS * math.exp(step * _STEP)


@dataclass(frozen=True)
class ListeningSummary:
    """What was heard and what it cost.

    Args:
        heard_seconds: Sound that came, lost sound not counted.
        n_windows: Windows that were scored.
        n_dropped: Samples that were lost, because nobody was ready for them.
        dropped_seconds: The same in seconds.
        cpu_share: Processor time by time: 1 is one core, all the time.
        median_latency_seconds: From the last sample of a window to the end of what was
            done with it; `None` where sound was not heard as it was made.
        p99_latency_seconds: What 99 % of these times do not exceed.
        notes: What else the source has to say.
    """

    heard_seconds: float
    n_windows: int
    n_dropped: int
    dropped_seconds: float
    cpu_share: float
    median_latency_seconds: float | None
    p99_latency_seconds: float | None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lost = f"{self.n_dropped:,} samples lost"
        if self.n_dropped:
            lost += f" ({self.dropped_seconds:.1f} s)"
        words = [
            f"heard {self.heard_seconds:.1f} s",
            f"{self.n_windows:,} windows",
            lost,
            f"{100 * self.cpu_share:.1f} % of a core",
        ]
        median, p99 = self.median_latency_seconds, self.p99_latency_seconds
        if median is not None and p99 is not None:
            words.append(
                f"a window is through {1_000 * median:.0f} ms after its last sample "
                f"(99 %: {1_000 * p99:.0f} ms)"
            )
        return "; ".join([", ".join(words), *self.notes])


class Listening:
    """Scores of a source's windows, with account of what was lost and what it cost.

    Args:
        classifier: What scores.
        source: Where sound comes from.
        hop_seconds: As of `Classifier.stream`.
        on_block: Called with each block of sound, for a meter.

    Raises:
        SettingError: If the hop is longer than a window.
    """

    def __init__(
        self,
        classifier: "Classifier",
        source: Source,
        *,
        hop_seconds: float | None = None,
        on_block: Callable[[np.ndarray], None] | None = None,
    ) -> None:
        self._source = source
        self._on_block = on_block
        self._windows = classifier.stream(
            self._blocks(), sample_rate=source.sample_rate, hop_seconds=hop_seconds
        )
        self._latencies = Latencies()
        self._n_heard = self._n_windows = 0
        self._began = time.monotonic(), time.process_time()

    def __iter__(self) -> Iterator[WindowScores]:
        """Yield windows until the source ends or is stopped.

        Raises:
            AudioError: If the source fails.
            DataError: If a score is not a finite number.
        """
        self._began = time.monotonic(), time.process_time()
        for windows in self._windows:
            self._n_windows += len(windows)
            yield windows
            # The caller has done with them what there was to do.
            self._count_latencies(windows.end_seconds)

    def summary(self) -> ListeningSummary:
        """Return how it has gone so far."""
        rate = self._source.sample_rate
        passed = time.monotonic() - self._began[0]
        return ListeningSummary(
            heard_seconds=self._n_heard / rate,
            n_windows=self._n_windows,
            n_dropped=self._source.n_dropped,
            dropped_seconds=self._source.n_dropped / rate,
            cpu_share=(time.process_time() - self._began[1]) / max(passed, 1e-9),
            median_latency_seconds=self._latencies.quantile(0.5),
            p99_latency_seconds=self._latencies.quantile(0.99),
            notes=tuple(self._source.notes()),
        )

    def _blocks(self) -> Iterator[np.ndarray | Gap]:
        for block in self._source.blocks():
            if not isinstance(block, Gap):
                self._n_heard += len(block)
                if self._on_block is not None:
                    self._on_block(block)
            yield block

    def _count_latencies(self, ends: np.ndarray) -> None:
        for end in ends.tolist():
            seconds = self._source.age_seconds(end)
            if seconds is not None:
                self._latencies.add(seconds)
