"""What comes block by block has the windows and scores of a scan of it all."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sonotype.audio.stream import AudioStream
from sonotype.errors import AudioError, DataError, SettingError
from sonotype.inference.classifier import Classifier, load
from sonotype.inference.scan import RuntimePool, WindowScores, scan_stream
from sonotype.inference.stream import Gap, stream_windows

BUNDLE = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"
RATE = 8_000


class Ends:
    """A runtime whose scores are a window's first and last sample."""

    n_samples = 100
    n_labels = 2

    def scores(self, samples: np.ndarray) -> np.ndarray:
        return samples[:, [0, -1]].astype(np.float32)


class Memory(AudioStream):
    """Samples at one rate that are scanned at another, as a file would be."""

    def __init__(self, samples: np.ndarray, rate: int, path: Path) -> None:
        soundfile.write(path, samples, rate, "FLOAT")
        super().__init__(path, RATE)


@lru_cache
def classifier() -> Classifier:
    return load(BUNDLE)


def noise(n_samples: int) -> np.ndarray:
    generator = np.random.default_rng(n_samples)
    return (0.1 * generator.standard_normal(n_samples)).astype(np.float32)


def cut(samples: np.ndarray, sizes: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield blocks of these sizes in turn."""
    start = position = 0
    while start < len(samples):
        yield samples[start : start + sizes[position % len(sizes)]]
        start += sizes[position % len(sizes)]
        position += 1


def assert_same(found: WindowScores, expected: WindowScores) -> None:
    np.testing.assert_array_equal(found.start_seconds, expected.start_seconds)
    np.testing.assert_array_equal(found.end_seconds, expected.end_seconds)
    np.testing.assert_array_equal(found.scores, expected.scores)


@settings(max_examples=60)
@given(
    n_samples=st.integers(1, 1_500),
    hop=st.integers(1, 100),
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=5),
    rate=st.sampled_from([RATE, RATE, 4_000, 11_025, 48_000]),
)
def test_the_size_of_the_blocks_changes_nothing(
    n_samples: int,
    hop: int,
    sizes: list[int],
    rate: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    samples = noise(n_samples)
    pool = RuntimePool([Ends()])
    path = tmp_path_factory.getbasetemp() / "streamed.wav"
    expected = list(scan_stream(Memory(samples, rate, path), pool, hop=hop))
    found = list(
        stream_windows(cut(samples, sizes), pool, from_rate=rate, to_rate=RATE, hop=hop)
    )
    assert bool(found) == bool(expected)
    if expected:  # else too few samples to make one at the other rate
        assert_same(WindowScores.join(found), WindowScores.join(expected))


@settings(max_examples=25)
@given(
    n_samples=st.integers(1, 12_000),
    hop_seconds=st.sampled_from([0.01, 0.05, 0.125, 0.25]),
    sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=4),
    rate=st.sampled_from([RATE, 16_000, 44_100]),
)
def test_scores_are_those_of_a_scan_to_the_last_bit(
    n_samples: int,
    hop_seconds: float,
    sizes: list[int],
    rate: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    samples = noise(n_samples)
    path = tmp_path_factory.getbasetemp() / "streamed.wav"
    soundfile.write(path, samples, rate, "FLOAT")
    expected = list(classifier().scan(path, hop_seconds=hop_seconds))
    blocks = cut(samples, sizes)
    found = list(classifier().stream(blocks, sample_rate=rate, hop_seconds=hop_seconds))
    assert bool(found) == bool(expected)
    if expected:  # else too few samples to make one at the other rate
        assert_same(WindowScores.join(found), WindowScores.join(expected))


@given(
    sizes=st.lists(st.integers(1, 130), min_size=1, max_size=4),
    hop=st.integers(1, 100),
)
def test_a_window_comes_with_its_last_sample(sizes: list[int], hop: int) -> None:
    n_given = n_windows = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal n_given
        for block in cut(noise(1_000), sizes):
            # Of what has been given, no whole window is left.
            assert n_windows == max(0, (n_given - 100) // hop + 1)
            n_given += len(block)
            yield block

    pool = RuntimePool([Ends()])
    for part in stream_windows(counted(), pool, from_rate=1, to_rate=1, hop=hop):
        n_windows += len(part)
        assert part.end_seconds.max() <= n_given


@st.composite
def lossy_blocks(draw: st.DrawFn) -> list[Any]:
    """Draw blocks of numbers that count the samples, and gaps between them."""
    blocks: list[Any] = []
    at = 0
    for _ in range(draw(st.integers(1, 8))):
        n_samples = draw(st.integers(1, 400))
        if draw(st.booleans()):
            blocks.append(np.arange(at, at + n_samples, dtype=np.float32))
        else:
            blocks.append(Gap(n_samples))
        at += n_samples
    return blocks


@given(lossy_blocks(), st.integers(1, 100))
def test_lost_samples_are_in_no_window_and_move_no_time(
    blocks: list[Any], hop: int
) -> None:
    pool = RuntimePool([Ends()])
    found = list(stream_windows(blocks, pool, from_rate=10, to_rate=10, hop=hop))
    heard = np.concatenate(
        [np.empty(0), *(block for block in blocks if not isinstance(block, Gap))]
    )
    runs = np.split(heard, np.flatnonzero(np.diff(heard) != 1) + 1)
    seen = set()
    for part in found:
        for start, end, (first, last) in zip(
            part.start_seconds, part.end_seconds, part.scores, strict=True
        ):
            if end - start >= 10:  # not padded
                assert (start * 10, end * 10) == pytest.approx((first, last + 1))
                assert last - first == 99
            seen |= set(range(round(start * 10), round(end * 10)))
    has_gaps = any(isinstance(block, Gap) for block in blocks)
    expected = [run for run in runs if len(run) >= 100 or not has_gaps]
    assert seen == {int(value) for run in expected for value in run}


def test_a_gap_begins_the_windows_anew() -> None:
    pool = RuntimePool([Ends()])
    blocks: list[Any] = [
        noise(250),
        Gap(1_000),
        noise(120),
        Gap(0),
        noise(40),
        Gap(7),
        noise(130),
    ]
    found = WindowScores.join(
        stream_windows(blocks, pool, from_rate=10, to_rate=10, hop=100)
    )
    starts = [0, 10, 15, 125, 127, 141.7, 144.7]
    np.testing.assert_allclose(found.start_seconds, starts)
    np.testing.assert_allclose(found.end_seconds, found.start_seconds + 10)


def test_times_are_right_after_a_gap_at_another_rate() -> None:
    pool = RuntimePool([Ends()])
    blocks: list[Any] = [noise(4_410), Gap(44_100), noise(44_100)]
    found = list(stream_windows(blocks, pool, from_rate=44_100, to_rate=8_000, hop=100))
    times = WindowScores.join(found)
    later = times.start_seconds[times.start_seconds > 0.1]
    assert later[0] == 1.1
    np.testing.assert_allclose(np.diff(later)[:-1], 100 / 8_000)
    assert times.end_seconds[-1] == 2.1
    assert all(b - a > 0 for a, b in pairwise(times.start_seconds))


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (np.zeros((5, 2), np.float32), r"1-D array .* shape \(5, 2\)"),
        (np.zeros(5, np.int16), "dtype int16"),
        (np.array([0.0, np.nan], np.float32), "sample 52 is nan, not a finite"),
    ],
)
def test_blocks_that_are_no_sound(block: np.ndarray, reason: str) -> None:
    blocks: list[Any] = [np.zeros(40), Gap(10), np.zeros(1), block]
    with pytest.raises(AudioError, match=reason):
        list(classifier().stream(blocks))


def test_scores_that_are_no_numbers() -> None:
    class Broken(Ends):
        def scores(self, samples: np.ndarray) -> np.ndarray:
            scores = super().scores(samples)
            scores[-1] = np.nan
            return scores

    pool = RuntimePool([Broken()])
    with pytest.raises(DataError, match=r"no finite scores .* at 10 s"):
        list(stream_windows([noise(200)], pool, from_rate=10, to_rate=10, hop=50))


def test_settings_that_cannot_be_meant() -> None:
    with pytest.raises(SettingError, match="the hop is 1 s"):
        classifier().stream([], hop_seconds=1)
    with pytest.raises(SettingError, match="rates must be positive"):
        list(classifier().stream([noise(10)], sample_rate=0))


def test_no_sound_has_no_windows() -> None:
    assert list(classifier().stream([])) == []
    assert list(classifier().stream([np.zeros(0, np.float32), Gap(5)])) == []
