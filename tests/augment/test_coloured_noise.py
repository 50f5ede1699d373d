"""Ratio and colour measured on what was added."""

from typing import Any

import numpy as np
import pytest
import scipy.signal

from sonotype.augment.coloured_noise import ColouredNoise
from sonotype.errors import SettingError


def added(layer: ColouredNoise, audio: np.ndarray) -> np.ndarray:
    return np.asarray(layer(audio, training=True), np.float64) - audio


def test_the_ratio_is_the_one_asked_for() -> None:
    rng = np.random.default_rng(0)
    levels = np.geomspace(0.01, 1.0, 40)[:, None]
    audio = (levels * rng.standard_normal((40, 3_000))).astype(np.float32)
    noise = added(ColouredNoise((7.0, 7.0), probability=1.0, seed=0), audio)
    ratio = 10 * np.log10(np.mean(audio**2, axis=1) / np.mean(noise**2, axis=1))
    np.testing.assert_allclose(ratio, 7.0, atol=0.02)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_the_power_falls_with_the_exponent(exponent: float) -> None:
    audio = np.ones((20, 16_000), np.float32)
    layer = ColouredNoise((0.0, 0.0), (exponent, exponent), probability=1.0, seed=0)
    frequencies, power = scipy.signal.welch(added(layer, audio), nperseg=2_048)
    heard = (frequencies > 0.005) & (frequencies < 0.45)
    level = np.log(power.mean(axis=0)[heard])
    slope = np.polyfit(np.log(frequencies[heard]), level, 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.1)


def test_noise_is_gaussian_and_fresh_for_each_clip() -> None:
    audio = np.ones((8, 8_000), np.float32)
    layer = ColouredNoise((0.0, 0.0), (0.0, 0.0), probability=1.0, seed=0)
    noise = added(layer, audio)
    assert abs(scipy.stats.kurtosis(noise.ravel())) < 0.05
    correlation = np.corrcoef(np.concatenate([noise, added(layer, audio)]))
    assert np.abs(correlation - np.eye(16)).max() < 0.06


def test_colours_fill_the_range() -> None:
    layer = ColouredNoise(exponent=(0.0, 2.0), probability=1.0, seed=0)
    drawn = layer.draw(np.ones((300, 64), np.float32))
    counts, _ = np.histogram(drawn["exponent"], bins=3, range=(0.0, 2.0))
    assert counts.min() > 70
    assert counts.sum() == 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"snr_db": (30.0, 0.0)}, "snr_db must go from low to high"),
        ({"exponent": (0.0,)}, "exponent must be two numbers"),
        ({"snr_of": "word"}, "snr_of 'word' is unknown"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        ColouredNoise(**arguments)
