"""Speeds measured by the pitch of a tone."""

from typing import Any

import numpy as np
import pytest

from sonotype.augment.speed import Speed
from sonotype.errors import SettingError

RATE = 8_000


def tone(n_clips: int) -> np.ndarray:
    wave = np.sin(2 * np.pi * 400 * np.arange(RATE) / RATE)
    return np.tile(wave.astype(np.float32), (n_clips, 1))


def pitch_hz(clips: np.ndarray) -> np.ndarray:
    middle = clips[:, RATE // 4 : 3 * RATE // 4] * np.hanning(RATE // 2)
    spectrum = np.abs(np.fft.rfft(middle, 8 * RATE))
    return spectrum.argmax(axis=1) / 8


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
def test_the_pitch_follows_the_speed(speed: float) -> None:
    changed = np.asarray(Speed(speed, speed)(tone(1), training=True))
    assert pitch_hz(changed)[0] == pytest.approx(400 * speed, abs=1.0)


def test_a_faster_clip_is_centred_between_silences() -> None:
    changed = np.asarray(Speed(2.0, 2.0)(np.ones((1, 101), np.float32), training=True))
    sounding = np.flatnonzero(changed[0])
    np.testing.assert_array_equal(sounding, np.arange(25, 76))


def test_speeds_fill_the_range_and_the_share_of_clips_is_kept() -> None:
    layer = Speed(0.8, 1.2, probability=0.5, seed=1)
    clips = tone(60)
    changed = np.asarray(layer(clips, training=True))
    kept = np.abs(changed - clips).max(axis=1) < 1e-6
    assert 18 <= kept.sum() <= 42
    speeds = pitch_hz(changed[~kept]) / 400
    assert speeds.min() > 0.79
    assert speeds.max() < 1.21
    assert np.ptp(speeds) > 0.25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"low": 0.0}, "a speed must be above 0, not 0"),
        ({"low": 1.2, "high": 0.8}, "the speed must go from low to high"),
        ({"probability": -0.1}, "probability must be from 0 to 1"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        Speed(**arguments)
