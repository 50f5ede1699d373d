"""Windows of a stream: those of the whole recording, whatever the blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonotype.audio.stretches import Stretch, cut_stretches
from sonotype.audio.windows import cut_windows
from sonotype.errors import SettingError


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[int], int, int, int]:
    """Lengths of blocks, a window, a hop, and most windows in a stretch."""
    lengths = draw(st.lists(st.integers(0, 40), min_size=1, max_size=12))
    n_samples = draw(st.integers(1, 50))
    hop = draw(st.integers(1, n_samples))
    return lengths, n_samples, hop, draw(st.integers(1, 5))


def blocks_of(lengths: list[int]) -> tuple[np.ndarray, list[np.ndarray]]:
    whole = np.arange(1, sum(lengths) + 1, dtype=np.float32)
    return whole, np.split(whole, np.cumsum(lengths)[:-1])


@given(cases())
def test_the_windows_are_those_of_the_whole(
    case: tuple[list[int], int, int, int],
) -> None:
    lengths, n_samples, hop, most = case
    whole, blocks = blocks_of(lengths)
    stretches = list(cut_stretches(blocks, n_samples, hop=hop, most_windows=most))
    if not len(whole):
        assert stretches == []
        return
    windows = np.concatenate([stretch.windows() for stretch in stretches])
    np.testing.assert_array_equal(windows, cut_windows(whole, n_samples, hop=hop))
    assert max(map(len, stretches)) <= most


@given(cases())
def test_every_sample_is_in_a_window_that_says_where_it_is(
    case: tuple[list[int], int, int, int],
) -> None:
    lengths, n_samples, hop, most = case
    whole, blocks = blocks_of(lengths)
    seen = np.zeros(len(whole), bool)
    starts = []
    for stretch in cut_stretches(blocks, n_samples, hop=hop, most_windows=most):
        for start, window in zip(stretch.starts(), stretch.windows(), strict=True):
            starts.append(start)
            seen[start : start + n_samples] = True
            if len(whole) >= n_samples:
                np.testing.assert_array_equal(window, whole[start : start + n_samples])
    assert seen.all()
    assert (np.diff(starts) > 0).all()


@pytest.mark.parametrize("length", [1_000, 2**16, 2**20])
def test_stretches_are_of_one_length_whatever_the_blocks(length: int) -> None:
    block = np.ones(length, np.float32)
    blocks = [block] * (2**22 // length)
    *stretches, rest, last = cut_stretches(blocks, 300, hop=100)
    assert {len(stretch) for stretch in stretches} == {32}
    assert len(rest) <= 32
    assert len(last) == 1


def test_windows_far_apart_come_in_short_stretches() -> None:
    blocks = [np.ones(2**16, np.float32)] * 64
    stretches = list(cut_stretches(blocks, 300_000, hop=200_000))
    assert {len(stretch) for stretch in stretches} == {1}


def test_what_a_stretch_keeps_in_memory_is_bounded() -> None:
    blocks = [np.ones(2**16, np.float32)] * 64
    most = max(
        len(stretch.samples if stretch.samples.base is None else stretch.samples.base)
        for stretch in cut_stretches(blocks, 20_000, hop=10_000, most_windows=10**6)
    )
    assert most <= 2**18 + 2**16 + 20_000 + 10_000


def test_a_stretch_does_not_copy_its_windows() -> None:
    stretch = Stretch(0, np.zeros(1_000, np.float32), n_samples=500, hop=100)
    assert len(stretch) == 6
    assert np.shares_memory(stretch.windows(), stretch.samples)


@pytest.mark.parametrize("hop", [0, 5])
def test_a_hop_that_leaves_samples_out_is_refused(hop: int) -> None:
    with pytest.raises(SettingError, match="hop must be from 1 to the window's 4"):
        list(cut_stretches([np.zeros(9)], 4, hop=hop))
