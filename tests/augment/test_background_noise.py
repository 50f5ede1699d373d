"""Signal-to-noise ratios measured on the mix."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.augment.background_noise import BackgroundNoise
from sonotype.errors import SettingError


@pytest.fixture
def audio() -> np.ndarray:
    rng = np.random.default_rng(4)
    levels = np.geomspace(1e-3, 1.0, 200)[:, None]
    return (levels * rng.standard_normal((200, 1_000))).astype(np.float32)


def snr_db(audio: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    noise_power = np.mean((mixed.astype(np.float64) - audio) ** 2, axis=1)
    ratios: np.ndarray = 10 * np.log10(np.mean(audio**2, axis=1) / noise_power)
    return ratios


@pytest.mark.parametrize("recorded", [False, True])
def test_the_ratio_is_the_one_asked_for(audio: np.ndarray, recorded: bool) -> None:
    rng = np.random.default_rng(8)
    # Levels differ along the recording: the ratio is that of the stretch mixed in.
    noise = np.linspace(0.01, 2.0, 9_000) * rng.standard_normal(9_000)
    layer = BackgroundNoise(
        (7.0, 7.0), 1.0, noise=noise.astype(np.float32) if recorded else None, seed=3
    )
    mixed = np.asarray(layer(audio, training=True))
    np.testing.assert_allclose(snr_db(audio, mixed), 7.0, atol=0.05)


def test_ratios_fill_the_range_and_the_share_of_clips_is_kept(
    audio: np.ndarray,
) -> None:
    layer = BackgroundNoise((0.0, 30.0), 0.5, seed=5)
    mixed = np.asarray(layer(audio, training=True))
    noisy = (mixed != audio).any(axis=1)
    assert 70 <= noisy.sum() <= 130
    ratios = snr_db(audio[noisy], mixed[noisy])
    assert ratios.min() > -0.1
    assert ratios.max() < 30.1
    counts, _ = np.histogram(ratios, bins=3, range=(0.0, 30.0))
    assert counts.min() > 15


def test_each_clip_gets_a_stretch_of_its_own_from_the_recording() -> None:
    noise = np.arange(1, 501, dtype=np.float32)
    audio = np.ones((100, 20), np.float32)
    layer = BackgroundNoise((0.0, 0.0), 1.0, noise=noise, seed=6)
    added = np.asarray(layer(audio, training=True)) - audio
    first = set()
    for stretch in added:
        scale = np.sqrt(np.mean(stretch**2))
        candidates = [noise[start : start + 20] for start in range(481)]
        errors = [
            np.abs(stretch / scale - row / np.sqrt(np.mean(row**2))).max()
            for row in candidates
        ]
        assert min(errors) < 1e-4
        first.add(int(np.argmin(errors)))
    assert len(first) > 25


def test_short_noise_is_repeated() -> None:
    noise = np.array([1.0, -1.0, 3.0], np.float32)
    layer = BackgroundNoise((0.0, 0.0), 1.0, noise=noise, seed=0)
    added = np.asarray(layer(np.ones((1, 10), np.float32), training=True))[0] - 1.0
    np.testing.assert_allclose(added[3:], added[:-3], atol=1e-6)
    assert np.ptp(added) > 1.0


@pytest.mark.parametrize("noise", [None, np.zeros(100, np.float32)])
def test_silence_on_either_side_changes_nothing(noise: np.ndarray | None) -> None:
    layer = BackgroundNoise((0.0, 0.0), 1.0, noise=noise, seed=0)
    silent = np.zeros((2, 50), np.float32)
    np.testing.assert_array_equal(layer(silent, training=True), silent)
    if noise is not None:
        audio = np.ones((2, 50), np.float32)
        np.testing.assert_array_equal(layer(audio, training=True), audio)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_recorded_noise_comes_back_with_a_saved_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    layer = BackgroundNoise(noise=rng.standard_normal(500).astype(np.float32), seed=0)
    model = keras.Sequential([keras.Input((100,)), layer])
    model.save(tmp_path / "noise.keras")
    loaded = keras.saving.load_model(tmp_path / "noise.keras").layers[0]
    np.testing.assert_array_equal(loaded.noise, layer.noise)


def test_made_up_noise_holds_three_different_colours() -> None:
    bank = np.asarray(BackgroundNoise(seed=0).noise).reshape(3, -1)
    slowness = [np.corrcoef(row[:-1], row[1:])[0, 1] for row in bank]
    assert slowness[0] < 0.1 < slowness[1] < 0.95 < slowness[2]
    assert abs(np.corrcoef(bank)[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"snr_db": (30.0, 0.0)}, "snr_db must go from low to high"),
        ({"snr_db": (0.0, 10.0, 20.0)}, "snr_db must be two numbers"),
        ({"probability": 1.5}, "probability must be from 0 to 1, not 1.5"),
        ({"noise": np.zeros((2, 5))}, r"of shape \(2, 5\); mix its channels down"),
        ({"noise": np.zeros(0)}, "must be one row of samples"),
        ({"noise": np.array([0.0, np.nan])}, "not finite"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        BackgroundNoise(**arguments)
