"""The ring loses nothing it does not count, and its producer never waits."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonotype.errors import AudioError, SettingError
from sonotype.inference.live.ring_buffer import RingBuffer
from sonotype.inference.stream import Gap


def numbers(start: int, n_samples: int) -> np.ndarray:
    return np.arange(start, start + n_samples, dtype=np.float32)


def values(entry: np.ndarray | Gap) -> list[float]:
    if isinstance(entry, Gap):
        return [float("nan")] * entry.n_samples
    return list(map(float, entry))


def replay(ring: RingBuffer) -> list[float]:
    """Return what the consumer gets, `nan` where samples were lost."""
    return [value for entry in ring for value in values(entry)]


@given(
    st.integers(1, 40),
    st.lists(
        st.tuples(st.sampled_from(["write", "read", "skip"]), st.integers(0, 50)),
        max_size=40,
    ),
)
def test_each_sample_is_there_in_its_place_or_counted(
    n_ring: int, steps: list[tuple[str, int]]
) -> None:
    ring = RingBuffer(n_ring)
    reader = iter(ring)
    found: list[float] = []

    def take(entry: np.ndarray | Gap) -> None:
        found.extend(values(entry))

    n_given = n_waiting = 0
    for what, size in steps:
        if what == "write":
            before = ring.n_dropped
            ring.write(numbers(n_given, size))
            n_given += size
            n_waiting += size - (ring.n_dropped - before)
        elif what == "skip":
            ring.skip(size)
            n_given += size
        else:
            while n_waiting > 0 and size > 0:
                entry = next(reader)
                take(entry)
                if not isinstance(entry, Gap):
                    n_waiting -= len(entry)
                    size -= len(entry)
    ring.close()
    for entry in reader:
        take(entry)
    assert len(found) == n_given == ring.n_written
    lost = np.isnan(found)
    assert lost.sum() == ring.n_dropped
    np.testing.assert_array_equal(np.array(found)[~lost], np.arange(n_given)[~lost])


def test_what_is_lost_is_in_long_gaps() -> None:
    ring = RingBuffer(1_000)
    reader = iter(ring)
    sizes: list[int] = []
    lost: list[int] = []
    for turn in range(400):
        # Twice as fast as the consumer.
        ring.write(numbers(0, 20))
        if turn % 2:
            entry = next(reader)
            while isinstance(entry, Gap):
                lost.append(entry.n_samples)
                sizes.append(0)
                entry = next(reader)
            sizes[-1:] = [sizes[-1] + len(entry)] if sizes else [len(entry)]
    assert len(lost) >= 2
    assert min(lost) >= 500
    # Of half a ring, from one gap to the next.
    assert min(sizes[:-1]) >= 500


def test_the_producer_never_waits() -> None:
    ring = RingBuffer(1_600)
    began = time.monotonic()
    for _ in range(2_000):
        ring.write(np.zeros(160, np.float32))
    assert time.monotonic() - began < 1
    assert (ring.n_written, ring.n_dropped) == (320_000, 318_400)


def test_the_consumer_waits_for_a_producer_in_another_thread() -> None:
    ring = RingBuffer(100)

    def produce() -> None:
        for start in range(0, 50, 10):
            time.sleep(0.01)
            ring.write(numbers(start, 10))
        ring.close()

    thread = threading.Thread(target=produce)
    thread.start()
    assert replay(ring) == list(range(50))
    thread.join()


def test_a_block_larger_than_the_ring_is_cut() -> None:
    ring = RingBuffer(10)
    ring.write(numbers(0, 25))
    ring.close()
    np.testing.assert_array_equal(replay(ring), [*range(10), *[np.nan] * 15])


def test_samples_that_the_producer_lost_are_in_their_place() -> None:
    ring = RingBuffer(100)
    ring.write(numbers(0, 2))
    ring.skip(3)
    ring.write(numbers(5, 2))
    ring.close()
    np.testing.assert_array_equal(replay(ring), [0, 1, np.nan, np.nan, np.nan, 5, 6])
    assert ring.n_dropped == 3


def test_it_is_known_when_blocks_came() -> None:
    ring = RingBuffer(100)
    before = time.monotonic()
    ring.write(numbers(0, 10))
    ring.skip(5)
    ring.write(numbers(15, 10))
    ring.close()
    assert ring.arrivals() == ()
    replay(ring)
    first, second = ring.arrivals()
    assert (first.position, second.position) == (10, 25)
    assert before <= first.seconds <= second.seconds <= time.monotonic()
    assert abs(first.clock_seconds - time.time()) < 60


def test_an_error_comes_after_the_sound_before_it() -> None:
    ring = RingBuffer(100)
    ring.write(numbers(0, 3))
    ring.close(AudioError("unplugged"))
    ring.close()
    ring.write(numbers(3, 3))  # too late
    reader = iter(ring)
    assert len(next(reader)) == 3  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="unplugged"):
        next(reader)


def test_stopping_ends_at_once() -> None:
    ring = RingBuffer(100)
    for _ in range(5):
        ring.write(numbers(0, 3))
    reader = iter(ring)
    next(reader)
    ring.stop()
    assert list(reader) == []
    assert ring.is_stopped
    threading.Timer(0.05, (waiting := RingBuffer(5)).stop).start()
    assert replay(waiting) == []


def test_a_silent_producer_is_broken_in_the_end() -> None:
    with pytest.raises(AudioError, match="no sound has come for 0 s"):
        list(RingBuffer(5, patience_seconds=0.1))


def test_room_for_nothing_is_refused() -> None:
    with pytest.raises(SettingError, match="room for a sample, not for 0"):
        RingBuffer(0)
