"""Sound from a producer that must not wait to a consumer that may be late."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import numpy as np

from sonotype.errors import AudioError, SettingError
from sonotype.inference.stream import Gap

# How often a consumer without sound looks whether it should go on.
_LOOK_SECONDS = 0.2
# Two seconds of a microphone's blocks.
_MOST_ARRIVALS = 100


@dataclass(frozen=True)
class Arrival:
    """When a block came.

    Args:
        position: The sample after its last, counted with those that were lost.
        seconds: What `time.monotonic` said then.
        clock_seconds: What `time.time` said then.
    """

    position: int
    seconds: float
    clock_seconds: float


@dataclass(frozen=True)
class _Written:
    n_lost: int
    n_samples: int
    arrival: Arrival


class RingBuffer:
    """A ring of samples for one producer and one consumer.

    The producer never waits. Where there is no room it drops samples and counts them,
    and goes on dropping until half of the ring is free: what is lost is then in few
    long gaps, with sound between them that is long enough to be scored.

    Args:
        n_samples: Most samples that wait for the consumer.
        patience_seconds: How long a producer may be silent before the consumer takes
            it for broken; `None` is for ever.

    Raises:
        SettingError: If there is no room for a sample.

    Example:
        >>> ring = RingBuffer(4)
        >>> for value in (1, 2, 3):
        ...     ring.write(np.full(3, value, np.float32))
        >>> ring.close()
        >>> [entry if isinstance(entry, Gap) else entry.tolist() for entry in ring]
        [[1.0, 1.0, 1.0], [2.0], Gap(n_samples=5)]
        >>> ring.n_written, ring.n_dropped
        (9, 5)
    """

    def __init__(
        self, n_samples: int, *, patience_seconds: float | None = None
    ) -> None:
        if n_samples < 1:
            raise SettingError(f"a ring needs room for a sample, not for {n_samples}")
        self._ring = np.zeros(n_samples, np.float32)
        self._patience_seconds = patience_seconds
        # A queue that can be written to from anywhere, a signal's handler included,
        # and holds at most one entry a sample in the ring.
        self._entries: SimpleQueue[_Written | AudioError | None] = SimpleQueue()
        self._arrivals: deque[Arrival] = deque(maxlen=_MOST_ARRIVALS)
        # No lock, which a signal's handler might find taken by the code it interrupts.
        self._is_stopped = False
        # The producer's numbers; the first two may be read by anyone.
        self.n_written = 0
        self.n_dropped = 0
        self._n_in = 0
        self._n_lost = 0
        self._is_closed = self._is_full = False
        # The consumer's.
        self._n_out = 0

    def write(self, samples: np.ndarray) -> None:
        """Put mono samples into the ring, as far as there is room."""
        if self._is_closed:
            return
        now, clock = time.monotonic(), time.time()
        n_free = len(self._ring) - (self._n_in - self._n_out)
        if self._is_full and n_free >= len(self._ring) / 2:
            self._is_full = False
        n_taken = 0 if self._is_full else min(len(samples), n_free)
        if n_taken:
            self._copy_in(samples[:n_taken])
            arrival = Arrival(self.n_written + n_taken, now, clock)
            self._entries.put(_Written(self._n_lost, n_taken, arrival))
            self._n_lost = 0
        self.n_written += len(samples)
        if n_taken < len(samples):
            self._is_full = True
            self._lose(len(samples) - n_taken)

    def skip(self, n_samples: int) -> None:
        """Count samples that the producer itself has lost."""
        self.n_written += n_samples
        self._lose(n_samples)

    def close(self, error: AudioError | None = None) -> None:
        """Say that there is no more, and why if something has gone wrong."""
        if not self._is_closed:
            self._is_closed = True
            self._entries.put(error)

    def stop(self) -> None:
        """Make the consumer end at once; what waits is left in the ring."""
        self._is_stopped = True
        self._entries.put(None)

    @property
    def is_stopped(self) -> bool:
        """Whether nobody listens any more."""
        return self._is_stopped

    def __iter__(self) -> Iterator[np.ndarray | Gap]:
        """Yield the samples as they come, and gaps where some were dropped.

        Raises:
            AudioError: What `close` was given, or that nothing has come for longer
                than the patience lasts.
        """
        while not self.is_stopped:
            entry = self._next()
            if self.is_stopped:
                return
            if not isinstance(entry, _Written):
                if self._n_lost:
                    yield Gap(self._n_lost)
                if entry is not None:
                    raise entry
                return
            if entry.n_lost:
                yield Gap(entry.n_lost)
            self._arrivals.append(entry.arrival)
            yield self._copy_out(entry.n_samples)

    def arrivals(self) -> tuple[Arrival, ...]:
        """Return when the last blocks came that the consumer has taken."""
        return tuple(self._arrivals)

    def _next(self) -> _Written | AudioError | None:
        began = time.monotonic()
        while True:
            try:
                return self._entries.get(timeout=_LOOK_SECONDS)
            except Empty:
                waited = time.monotonic() - began
            if self._patience_seconds is not None and waited > self._patience_seconds:
                raise AudioError(f"no sound has come for {waited:.0f} s")

    def _lose(self, n_samples: int) -> None:
        self._n_lost += n_samples
        self.n_dropped += n_samples

    def _copy_in(self, samples: np.ndarray) -> None:
        at = self._n_in % len(self._ring)
        n_first = min(len(samples), len(self._ring) - at)
        self._ring[at : at + n_first] = samples[:n_first]
        self._ring[: len(samples) - n_first] = samples[n_first:]
        self._n_in += len(samples)

    def _copy_out(self, n_samples: int) -> np.ndarray:
        at = self._n_out % len(self._ring)
        n_first = min(n_samples, len(self._ring) - at)
        samples = np.empty(n_samples, np.float32)
        samples[:n_first] = self._ring[at : at + n_first]
        samples[n_first:] = self._ring[: n_samples - n_first]
        self._n_out += n_samples
        return samples
