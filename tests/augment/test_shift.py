"""Shifts measured by cross-correlation."""

import numpy as np
import pytest
import scipy.signal

from sonotype.augment.shift import Shift
from sonotype.errors import SettingError


def test_a_clip_moves_by_whole_blocks_and_leaves_silence() -> None:
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((64, 2_000)).astype(np.float32)
    moved = np.asarray(Shift(0.1, 2_000, seed=1)(audio, training=True))
    ways = []
    for before, after in zip(audio, moved, strict=True):
        lags = scipy.signal.correlation_lags(2_000, 2_000)
        way = int(lags[scipy.signal.correlate(after, before).argmax()])
        expected = np.zeros(2_000, np.float32)
        expected[max(way, 0) : 2_000 + min(way, 0)] = before[
            max(-way, 0) : 2_000 - max(way, 0)
        ]
        np.testing.assert_array_equal(after, expected)
        ways.append(way)
    assert min(ways) < -100
    assert max(ways) > 100
    assert max(np.abs(ways)) <= 200
    assert len(set(ways)) > 25
    assert not any(way % 8 for way in ways)


@pytest.mark.parametrize("n_samples", [1, 7, 8, 1_999, 2_001])
def test_any_length_keeps_its_samples_in_order(n_samples: int) -> None:
    audio = np.arange(1, n_samples + 1, dtype=np.float32)[None]
    moved = np.asarray(Shift(0.01, 2_000, seed=2)(audio, training=True))[0]
    kept = moved[moved > 0]
    assert moved.shape == (n_samples,)
    assert len(kept) >= n_samples - 20
    np.testing.assert_array_equal(np.diff(kept), 1)


def test_no_way_at_all_changes_nothing() -> None:
    audio = np.ones((2, 100), np.float32)
    np.testing.assert_array_equal(Shift(0.0, 100)(audio, training=True), audio)


def test_a_way_longer_than_the_clip_leaves_only_silence() -> None:
    audio = np.ones((50, 10), np.float32)
    moved = np.asarray(Shift(100.0, 10, seed=0)(audio, training=True))
    assert set(np.unique(moved)) <= {0.0, 1.0}
    assert (moved.sum(axis=1) == 0).mean() > 0.9


@pytest.mark.parametrize(("max_seconds", "sample_rate"), [(-0.1, 16_000), (0.1, 0)])
def test_settings_out_of_range_are_refused(
    max_seconds: float, sample_rate: int
) -> None:
    with pytest.raises(SettingError, match="max_seconds of at least 0"):
        Shift(max_seconds, sample_rate)
