"""Rooms measured as acousticians do: Schroeder's integration of the response."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.augment.reverb import Reverb, prepared
from sonotype.errors import SettingError

RATE = 16_000


def responses(layer: Reverb, n_clips: int, n_samples: int = RATE) -> np.ndarray:
    """Return what the rooms make of an impulse, `(clips, samples)`."""
    impulses = np.zeros((n_clips, n_samples), np.float32)
    impulses[:, 0] = 1.0
    return np.asarray(layer(impulses, training=True), np.float64)


def decay_seconds(response: np.ndarray) -> float:
    """Return the time of 60 dB, from the slope between -5 and -25 dB."""
    left = np.cumsum(response[::-1] ** 2)[::-1]
    level = 10 * np.log10(left / left[0] + 1e-12)
    used = np.flatnonzero((level < -5) & (level > -25))
    slope = np.polyfit(used / RATE, level[used], 1)[0]
    return float(-60 / slope)


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6])
def test_a_made_up_room_dies_away_in_the_time_asked_for(seconds: float) -> None:
    layer = Reverb(
        RATE, (seconds, seconds), direct_db=(-10.0, -10.0), probability=1.0, seed=0
    )
    measured = [decay_seconds(room[1:]) for room in responses(layer, 20)]
    assert np.mean(measured) == pytest.approx(seconds, rel=0.05)
    assert np.std(measured) < 0.15 * seconds


def test_decay_and_direct_sound_are_drawn_for_each_clip() -> None:
    layer = Reverb(RATE, (0.1, 0.5), direct_db=(0.0, 12.0), probability=1.0, seed=0)
    impulses = np.zeros((60, RATE), np.float32)
    impulses[:, 0] = 1.0
    drawn = layer.draw(impulses)
    rooms = np.asarray(layer.apply(impulses, drawn), np.float64)
    direct_db = 10 * np.log10(rooms[:, 0] ** 2 / np.sum(rooms[:, 1:] ** 2, axis=1))
    wanted = np.asarray(drawn["direct_db"])[:, 0]
    np.testing.assert_allclose(direct_db, wanted, atol=0.02)
    assert np.ptp(wanted) > 9
    measured = [decay_seconds(room[1:]) for room in rooms]
    correlation = np.corrcoef(measured, np.asarray(drawn["decay_seconds"])[:, 0])
    assert correlation[0, 1] > 0.95
    np.testing.assert_allclose(np.sum(rooms**2, axis=1), 1.0, atol=1e-3)


def test_reflections_differ_from_room_to_room() -> None:
    layer = Reverb(RATE, (0.3, 0.3), direct_db=(0.0, 0.0), probability=1.0, seed=0)
    rooms = responses(layer, 6)[:, 1:]
    assert np.abs(np.corrcoef(rooms) - np.eye(6)).max() < 0.2


def test_recorded_rooms_are_chosen_and_convolved() -> None:
    rng = np.random.default_rng(0)
    recorded = rng.standard_normal((3, 50)) * np.exp(-np.arange(50) / 10)
    recorded[:, 4] = 5.0  # the direct sound, after some silence
    layer = Reverb(RATE, responses=recorded, probability=1.0, seed=0)
    audio = rng.standard_normal((60, 200)).astype(np.float32)
    drawn = layer.draw(audio)
    heard = np.asarray(layer.apply(audio, drawn))
    chosen = np.asarray(drawn["response"])[:, 0]
    assert set(chosen) == {0, 1, 2}
    scale = np.sqrt(np.sum(recorded**2, axis=1))
    for clip, place, room in zip(audio, chosen, heard, strict=True):
        expected = np.convolve(clip, recorded[place, 4:] / scale[place])[:200]
        np.testing.assert_allclose(room, expected, atol=1e-4)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_recorded_rooms_come_back_with_a_saved_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    layer = Reverb(RATE, responses=rng.standard_normal((2, 30)), seed=0)
    model = keras.Sequential([keras.Input((100,)), layer])
    model.save(tmp_path / "room.keras")
    loaded = keras.saving.load_model(tmp_path / "room.keras").layers[0]
    np.testing.assert_array_equal(loaded.responses, layer.responses)


def test_responses_have_unit_energy_and_start_with_the_direct_sound() -> None:
    rows = prepared(np.array([[0.0, 0.1, -2.0, 1.0], [3.0, 0.0, 4.0, 0.0]]))
    np.testing.assert_allclose(rows[0, :2] * np.sqrt(5.01), [-2.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(rows[1], [0.8, 0.0, 0.0, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay_seconds": (0.0, 1.0)}, "decay_seconds must be above 0, not 0"),
        ({"direct_db": (3.0, 0.0)}, "direct_db must go from low to high"),
        ({"responses": np.ones(5)}, r"rows of samples.*shape \(5,\)"),
        ({"responses": np.zeros((2, 5))}, "not silent; leave out response 0"),
        ({"responses": np.array([[1.0], [np.nan]])}, "leave out response 1"),
        ({"sample_rate": 0}, "sample_rate must be above 0, not 0"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        Reverb(**{"sample_rate": RATE} | arguments)
