"""Cut-offs read from the spectra of filtered noise."""

from typing import Any

import numpy as np
import pytest
import scipy.signal

from sonotype.augment.high_pass import HighPass
from sonotype.errors import SettingError

RATE = 16_000


def gain_db(layer: HighPass, n_clips: int) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and the gain of each clip, measured with an impulse."""
    impulses = np.zeros((n_clips, RATE), np.float32)
    impulses[:, RATE // 2] = 1.0
    filtered = np.asarray(layer(impulses, training=True), np.float64)
    spectrum = np.abs(np.fft.rfft(filtered))
    return np.fft.rfftfreq(RATE, 1 / RATE), 20 * np.log10(spectrum + 1e-12)


def test_the_curve_is_butterworths() -> None:
    layer = HighPass((1_000.0, 1_000.0), RATE, order=3, probability=1.0)
    frequencies, gain = gain_db(layer, 1)
    b, a = scipy.signal.butter(3, 2 * np.pi * 1_000.0, "highpass", analog=True)
    _, expected = scipy.signal.freqs(b, a, 2 * np.pi * frequencies[1:])
    wanted = 20 * np.log10(np.abs(expected))
    heard = wanted > -60
    np.testing.assert_allclose(gain[0, 1:][heard], wanted[heard], atol=0.1)
    assert gain[0, 1_000] == pytest.approx(-3.01, abs=0.05)


def test_each_octave_of_cut_offs_is_as_likely_as_another() -> None:
    layer = HighPass((250.0, 4_000.0), RATE, probability=1.0, seed=0)
    frequencies, gain = gain_db(layer, 400)
    half_power = np.abs(gain + 3.01).argmin(axis=1)
    cutoff = frequencies[half_power]
    assert cutoff.min() > 248
    assert cutoff.max() < 4_010
    counts, _ = np.histogram(np.log2(cutoff / 250), bins=4, range=(0, 4))
    assert counts.min() > 70


def test_nothing_moves_in_time_and_nothing_wraps_around() -> None:
    layer = HighPass((1_000.0, 1_000.0), RATE, probability=1.0)
    clips = np.zeros((2, 4_000), np.float32)
    clips[0, 2_000], clips[1, -1] = 1.0, 1.0
    filtered = np.asarray(layer(clips, training=True))
    np.testing.assert_allclose(
        filtered[0, 1_900:2_000], filtered[0, 2_100:2_000:-1], atol=1e-6
    )
    assert np.abs(filtered[1, :1_000]).max() < 1e-5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cutoff_hz": (0.0, 100.0)}, "cutoff_hz must be above 0 and at most half"),
        ({"cutoff_hz": (100.0, 9_000.0)}, "8000 Hz, not from 100 to 9000"),
        ({"cutoff_hz": (200.0, 100.0)}, "cutoff_hz must go from low to high"),
        ({"order": 0}, "order must be at least 1, not 0"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    usual: dict[str, Any] = {"cutoff_hz": (100.0, 200.0), "sample_rate": RATE}
    with pytest.raises(SettingError, match=message):
        HighPass(**usual | arguments)
