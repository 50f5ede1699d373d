"""Per-channel energy normalisation against librosa, scipy and arithmetic."""

from pathlib import Path
from typing import Any

import keras
import librosa
import numpy as np
import pytest
import scipy.signal

from sonotype.errors import SettingError
from sonotype.frontend.pcen import BLOCK_FRAMES, PCEN
from sonotype.frontend.spectrogram import Spectrogram


def some_energies(n_frames: int, level: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(n_frames)
    bands = level * rng.gamma(0.5, 2.0, (2, n_frames, 8))
    return bands.astype(np.float32)


@pytest.mark.parametrize(
    "n_frames", [1, 2, BLOCK_FRAMES, BLOCK_FRAMES + 1, 3 * BLOCK_FRAMES + 17]
)
@pytest.mark.parametrize("level", [1e-6, 1.0, 1e6])
def test_it_equals_librosa_from_the_same_start(n_frames: int, level: float) -> None:
    energies = some_energies(n_frames, level)
    arguments: dict[str, Any] = {"gain": 0.9, "bias": 1.5, "power": 0.4}
    layer = PCEN(hop_seconds=0.010, time_constant_seconds=0.2, **arguments)
    bands = np.swapaxes(energies, 1, 2).astype(np.float64)
    expected = librosa.pcen(
        bands,
        sr=16_000,
        hop_length=160,
        time_constant=0.2,
        eps=1e-6,
        # scipy's state for "the level before was the first frame's energy".
        zi=(1 - layer.smoothing) * bands[..., :1],
        **arguments,
    )
    np.testing.assert_allclose(
        layer(energies), np.swapaxes(expected, 1, 2), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    ("time_constant", "hop"), [(0.4, 0.010), (0.06, 0.015), (0.001, 0.032)]
)
def test_the_smoothing_is_the_one_of_librosa(time_constant: float, hop: float) -> None:
    frames = time_constant / hop
    expected = (np.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)
    layer = PCEN(time_constant_seconds=time_constant, hop_seconds=hop)
    np.testing.assert_allclose(layer.smoothing, expected, rtol=1e-10)
    # Its own definition: half the power at the angular frequency 1 / time constant,
    # where the frames are dense enough to speak of one.
    if frames > 20:
        s = layer.smoothing
        _, response = scipy.signal.freqz([s], [1, s - 1], worN=[1 / frames])
        np.testing.assert_allclose(abs(response[0]) ** 2, 0.5, rtol=1e-3)


def test_a_loud_start_leaves_quiet_frames_exact() -> None:
    """A level that falls by a hundred decibels is followed all the way down."""
    energies = np.full((1, 600, 1), 1e-3, np.float32)
    energies[:, 0] = 1e7
    layer = PCEN(time_constant_seconds=0.05, floor=1e-9)
    s = layer.smoothing
    level = 1e-3 + (1e7 - 1e-3) * (1 - s) ** np.arange(600)
    expected = np.sqrt(energies[0, :, 0] / level**0.98 + 2.0) - np.sqrt(2.0)
    np.testing.assert_allclose(layer(energies)[0, :, 0], expected, atol=1e-5)


def test_steady_sound_of_any_level_becomes_the_same_and_a_start_stands_out() -> None:
    hum = np.ones((1, 300, 4), np.float32)
    layer = PCEN(gain=1.0)
    steady = np.sqrt(3.0) - np.sqrt(2.0)
    for level in (1e-2, 1.0, 1e4):
        np.testing.assert_allclose(layer(level * hum), steady, atol=1e-3)
    hum[:, 200] = 100.0
    assert np.asarray(layer(hum))[0, 200].min() > 10 * steady


def test_fixed_by_default_and_trainable_band_by_band(tmp_path: Path) -> None:
    energies = some_energies(40)
    assert not PCEN().trainable_weights
    inputs = keras.Input(energies.shape[1:])
    model = keras.Model(inputs, PCEN(trainable=True)(inputs))
    layer = model.layers[-1]
    assert [tuple(w.shape) for w in layer.trainable_weights] == [(8,), (8,), (8,)]
    model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False)
    target = np.asarray(PCEN(gain=0.7, bias=1.0, power=0.6)(energies))
    before = model.evaluate(energies, target, verbose=0)
    repeated = [np.tile(values, (150, 1, 1)) for values in (energies, target)]
    model.fit(*repeated, batch_size=len(energies), verbose=0)
    assert model.evaluate(energies, target, verbose=0) < 0.02 * before
    model.save(tmp_path / "pcen.keras")
    loaded = keras.saving.load_model(tmp_path / "pcen.keras")
    assert loaded.layers[-1].trainable
    np.testing.assert_array_equal(loaded(energies), model(energies))


def test_it_follows_a_spectrogram() -> None:
    rng = np.random.default_rng(1)
    audio = rng.standard_normal((2, 16_000)).astype(np.float32)
    steps = [Spectrogram(frame_length=512, hop_length=256, power=2.0)]
    features = np.asarray(PCEN(hop_seconds=0.016)(steps[0](audio)))
    assert features.shape == (2, 61, 257)
    assert np.isfinite(features).all()


@pytest.mark.parametrize(
    "name",
    ["hop_seconds", "time_constant_seconds", "gain", "bias", "power", "floor"],
)
def test_arguments_that_are_not_above_0_are_refused(name: str) -> None:
    for value in (0.0, float("nan")):
        arguments: dict[str, Any] = {name: value}
        with pytest.raises(SettingError, match=f"{name} must be above 0"):
            PCEN(**arguments)


@pytest.mark.parametrize("shape", [(2, 16_000), (2, None, 40), (2, 8, 8, 1)])
def test_anything_but_spectrograms_of_known_size_is_refused(
    shape: tuple[int | None, ...],
) -> None:
    with pytest.raises(SettingError, match="whose time and frequency are known"):
        PCEN().compute_output_shape(shape)
