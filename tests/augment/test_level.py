"""Levels of clips that are mostly silence."""

import numpy as np
import pytest

from sonotype.augment.background_noise import BackgroundNoise
from sonotype.augment.coloured_noise import ColouredNoise
from sonotype.augment.level import FRAME_SAMPLES, active_power, mean_power
from sonotype.errors import SettingError


@pytest.fixture
def words() -> tuple[np.ndarray, np.ndarray]:
    """Clips with a word of 4, 8, ... frames in quiet noise, and each word's power."""
    rng = np.random.default_rng(0)
    clips = 1e-3 * rng.standard_normal((10, 62 * FRAME_SAMPLES))
    power = np.empty(10)
    for row, clip in enumerate(clips):
        word = clip[FRAME_SAMPLES * 10 : FRAME_SAMPLES * (14 + 4 * row)]
        word += 0.5 * rng.standard_normal(word.shape)
        power[row] = np.mean(word**2)
    return clips.astype(np.float32), power


def test_the_active_level_is_that_of_the_word(
    words: tuple[np.ndarray, np.ndarray],
) -> None:
    clips, power = words
    np.testing.assert_allclose(active_power(clips)[:, 0], power, rtol=1e-4)
    np.testing.assert_allclose(
        mean_power(clips)[:, 0],
        np.mean(clips.astype(np.float64) ** 2, axis=1),
        rtol=1e-4,
    )


@pytest.mark.parametrize("layer_class", [BackgroundNoise, ColouredNoise])
def test_the_ratio_is_measured_where_something_is_heard(
    words: tuple[np.ndarray, np.ndarray],
    layer_class: type[BackgroundNoise] | type[ColouredNoise],
) -> None:
    clips, power = words
    layer = layer_class((6.0, 6.0), snr_of="active", probability=1.0, seed=0)
    added = np.asarray(layer(clips, training=True), np.float64) - clips
    ratio = 10 * np.log10(power / np.mean(added**2, axis=1))
    np.testing.assert_allclose(ratio, 6.0, atol=0.05)


def test_silence_and_clips_shorter_than_a_frame() -> None:
    assert float(active_power(np.zeros((1, 1_000), np.float32))[0, 0]) == 0.0
    short = np.full((1, 10), 2.0, np.float32)
    assert float(active_power(short)[0, 0]) == 4.0


def test_an_unknown_way_to_measure_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="did you mean 'clip'"):
        BackgroundNoise(snr_of="clipp")
