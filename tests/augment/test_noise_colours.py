"""Colours measured as the slope of the spectrum."""

import numpy as np
import pytest
import scipy.signal

from sonotype.augment.noise_colours import coloured_noise


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_the_power_falls_with_the_exponent(exponent: float) -> None:
    rng = np.random.default_rng(0)
    noise = coloured_noise(2**17, exponent=exponent, rng=rng)
    frequencies, power = scipy.signal.welch(noise, nperseg=4_096)
    heard = (frequencies > 0.005) & (frequencies < 0.45)
    slope = np.polyfit(np.log(frequencies[heard]), np.log(power[heard]), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.1)
    assert noise.std() == pytest.approx(1.0, abs=1e-3)
    assert noise.mean() == pytest.approx(0.0, abs=1e-3)
    assert noise.dtype == np.float32


def test_the_spectrum_is_level_below_what_is_heard() -> None:
    rng = np.random.default_rng(0)
    noise = coloured_noise(2**18, exponent=2.0, rng=rng)
    frequencies, power = scipy.signal.welch(noise, nperseg=2**14)
    low = (frequencies > 0.0002) & (frequencies < 0.001)
    slope = np.polyfit(np.log(frequencies[low]), np.log(power[low]), 1)[0]
    assert abs(slope) < 0.3
