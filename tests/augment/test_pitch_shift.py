"""Pitch and tempo of shifted sounds, measured apart."""

import numpy as np
import pytest

from sonotype.augment.pitch_shift import PitchShift
from sonotype.errors import SettingError

RATE = 16_000


@pytest.mark.parametrize("semitones", [-7.0, -1.0, 0.0, 2.0, 12.0])
@pytest.mark.parametrize("frequency_hz", [220.0, 1_000.0])
def test_a_tone_moves_by_the_ratio(semitones: float, frequency_hz: float) -> None:
    tone = np.sin(2 * np.pi * frequency_hz * np.arange(RATE) / RATE)
    layer = PitchShift(RATE, (semitones, semitones), probability=1.0)
    heard = np.asarray(layer(tone[None].astype(np.float32), training=True))[0]
    middle = heard[RATE // 2 - 2_048 : RATE // 2 + 2_048]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(4_096), 2**17))
    expected = frequency_hz * 2 ** (semitones / 12)
    assert np.argmax(spectrum) * RATE / 2**17 == pytest.approx(expected, rel=0.003)
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("semitones", [-5.0, 5.0])
def test_what_happens_stays_where_it_is(semitones: float) -> None:
    rng = np.random.default_rng(0)
    clip = np.zeros(RATE)
    for centre in (2_000, 8_000, 14_000):
        clip[centre - 300 : centre + 300] = np.hanning(600) * rng.standard_normal(600)
    layer = PitchShift(RATE, (semitones, semitones), probability=1.0)
    heard = np.asarray(layer(clip[None].astype(np.float32), training=True))[0]
    power = heard**2
    for wanted in (2_000, 8_000, 14_000):
        near = np.arange(wanted - 1_500, wanted + 1_500)
        centre = np.sum(near * power[near]) / np.sum(power[near])
        assert centre == pytest.approx(wanted, abs=200)  # a hop and a half


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingError, match="semitones must go from low to high"):
        PitchShift(RATE, (2.0, -2.0))
    with pytest.raises(SettingError, match="sample_rate must be above 0, not 0"):
        PitchShift(0)
