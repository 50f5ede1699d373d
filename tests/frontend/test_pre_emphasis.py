"""Pre-emphasis against scipy and against arithmetic."""

import numpy as np
import pytest
import scipy.signal

from sonotype.errors import SettingError
from sonotype.frontend.pre_emphasis import PreEmphasis


@pytest.fixture
def audio() -> np.ndarray:
    rng = np.random.default_rng(4)
    return rng.standard_normal((3, 1_000)).astype(np.float32)


@pytest.mark.parametrize("coefficient", [0.97, 0.5])
def test_it_is_the_filter_of_scipy(audio: np.ndarray, coefficient: float) -> None:
    expected = scipy.signal.lfilter([1.0, -coefficient], [1.0], audio, axis=1)
    filtered = PreEmphasis(coefficient)(audio)
    np.testing.assert_allclose(filtered, expected, atol=1e-6)


def test_without_the_first_sample_it_is_the_part_that_is_sure(
    audio: np.ndarray,
) -> None:
    layer = PreEmphasis(drop_first=True)
    expected = [np.convolve(clip, [1.0, -0.97], mode="valid") for clip in audio]
    np.testing.assert_allclose(layer(audio), expected, atol=1e-6)
    assert layer.compute_output_shape((None, 1_000)) == (None, 999)
    assert layer.compute_output_shape((2, None)) == (2, None)


def test_it_tilts_the_spectrum_as_computed() -> None:
    time = np.arange(16_000) / 16_000
    layer = PreEmphasis(0.97, drop_first=True)
    for hertz in (100.0, 1_000.0, 7_000.0):
        tone = np.sin(2 * np.pi * hertz * time).astype(np.float32)
        gain = np.std(layer(tone[None])) / np.std(tone)
        turn = np.exp(-2j * np.pi * hertz / 16_000)
        np.testing.assert_allclose(gain, abs(1 - 0.97 * turn), rtol=1e-3)


def test_one_sample_passes_and_cannot_be_dropped() -> None:
    one = np.ones((1, 1), np.float32)
    np.testing.assert_array_equal(PreEmphasis()(one), one)
    with pytest.raises(SettingError, match="leaves nothing of a clip of one sample"):
        PreEmphasis(drop_first=True)(one)


@pytest.mark.parametrize("coefficient", [0.0, 1.0, -0.5, float("nan")])
def test_a_coefficient_out_of_range_is_refused(coefficient: float) -> None:
    with pytest.raises(SettingError, match="above 0 and below 1, not"):
        PreEmphasis(coefficient)


def test_features_are_refused() -> None:
    with pytest.raises(SettingError, match=r"waveforms of shape .* \(2, 98, 64\)"):
        PreEmphasis()(np.zeros((2, 98, 64), np.float32))
