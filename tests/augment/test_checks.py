"""The sentences in which augmentation refuses what it is given."""

from typing import Any

import pytest

from sonotype.augment import checks
from sonotype.errors import SettingError


def test_a_layer_in_the_wrong_place_is_told_where_it_belongs() -> None:
    with pytest.raises(SettingError, match=r"gain changes waveforms .* before the"):
        checks.require_waveforms("gain", (None, 98, 64))
    with pytest.raises(SettingError, match=r"mask changes spectrograms .* after the"):
        checks.require_spectrograms("mask", (None, 16_000))
    checks.require_waveforms("gain", (None, 16_000))
    checks.require_spectrograms("mask", (None, 98, 64))
    checks.require_spectrograms("mask", (None, 128, 128, 3))


@pytest.mark.parametrize("probability", [-0.01, 1.01, float("nan")])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(SettingError, match="from 0 to 1, not"):
        checks.require_probability(probability)
    checks.require_probability(0.0)
    checks.require_probability(1.0)


def test_swapped_ends_are_refused() -> None:
    with pytest.raises(SettingError, match="gain must go from low to high, not from 2"):
        checks.require_order("gain", 2.0, 1.0)
    checks.require_order("gain", 1.0, 1.0)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(SettingError, match="width must be from 0 to below 1"):
        checks.require_share("width", share)
    checks.require_share("width", 0.0)


@pytest.mark.parametrize("ends", ["ab", (1.0,), ("low", "high"), (None, 1.0)])
def test_a_range_is_two_numbers(ends: Any) -> None:
    with pytest.raises(SettingError, match="speed must be two numbers, not"):
        checks.require_range("speed", ends)


def test_a_range_above_zero_and_one_that_fits_the_rate() -> None:
    assert checks.require_above_zero("speed", [0.5, 2]) == (0.5, 2)
    with pytest.raises(SettingError, match="speed must be above 0, not -1"):
        checks.require_above_zero("speed", [-1, 2])
    assert checks.require_cutoffs("cutoff_hz", [10, 4_000], 8_000) == (10, 4_000)
    with pytest.raises(SettingError, match="at most half the sample rate, 4000 Hz"):
        checks.require_cutoffs("cutoff_hz", [10, 4_001], 8_000)
