"""Tempo and pitch of stretched sounds, measured apart."""

import numpy as np
import pytest

from sonotype.augment.time_stretch import TimeStretch
from sonotype.errors import SettingError

RATE = 16_000


@pytest.mark.parametrize("speed", [0.7, 0.9, 1.0, 1.2, 1.6])
@pytest.mark.parametrize("frequency_hz", [220.0, 1_000.0, 3_333.0])
def test_a_tone_keeps_its_pitch_and_level(speed: float, frequency_hz: float) -> None:
    tone = np.sin(2 * np.pi * frequency_hz * np.arange(RATE) / RATE)
    layer = TimeStretch(RATE, (speed, speed), probability=1.0)
    heard = np.asarray(layer(tone[None].astype(np.float32), training=True))[0]
    middle = heard[RATE // 2 - 2_048 : RATE // 2 + 2_048]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(4_096), 2**17))
    assert np.argmax(spectrum) * RATE / 2**17 == pytest.approx(frequency_hz, abs=1.5)
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_what_happens_beside_the_middle_comes_nearer_or_goes_away(speed: float) -> None:
    rng = np.random.default_rng(0)
    clip = np.zeros(RATE)
    for centre in (5_000, 8_000, 11_000):
        clip[centre - 300 : centre + 300] = np.hanning(600) * rng.standard_normal(600)
    layer = TimeStretch(RATE, (speed, speed), probability=1.0)
    heard = np.asarray(layer(clip[None].astype(np.float32), training=True))[0]
    power = heard**2
    for wanted in (8_000 - 3_000 / speed, 8_000.0, 8_000 + 3_000 / speed):
        near = np.arange(round(wanted) - 1_200, round(wanted) + 1_200)
        centre = np.sum(near * power[near]) / np.sum(power[near])
        assert centre == pytest.approx(wanted, abs=200)  # a hop and a half


def test_a_faster_clip_has_silence_around_it() -> None:
    layer = TimeStretch(RATE, (2.0, 2.0), probability=1.0)
    heard = np.asarray(layer(np.ones((1, RATE), np.float32), training=True))[0]
    assert np.abs(heard[:3_500]).max() < 1e-5
    assert np.abs(heard[-3_500:]).max() < 1e-5


def test_each_clip_draws_its_own_speed_from_the_whole_range() -> None:
    layer = TimeStretch(RATE, (0.8, 1.2), probability=1.0, seed=0)
    speed = np.asarray(layer.draw(np.zeros((300, 10), np.float32))["speed"])
    counts, _ = np.histogram(speed, bins=3, range=(0.8, 1.2))
    assert counts.min() > 70


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingError, match="speed must be above 0, not 0"):
        TimeStretch(RATE, (0.0, 1.0))
    with pytest.raises(SettingError, match="sample_rate must be above 0, not 0"):
        TimeStretch(0)
