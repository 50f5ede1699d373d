"""Cepstral coefficients against librosa, scipy and TensorFlow."""

from typing import Any

import librosa
import numpy as np
import pytest
import scipy.fft
import tensorflow as tf

from sonotype.errors import SettingError
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.mfcc import MFCC


@pytest.fixture
def features() -> np.ndarray:
    rng = np.random.default_rng(8)
    return rng.normal(-6.0, 4.0, (3, 50, 40)).astype(np.float32)


@pytest.mark.parametrize("n_coefficients", [1, 13, 40])
def test_they_are_the_cosine_transform_of_scipy(
    features: np.ndarray, n_coefficients: int
) -> None:
    expected = scipy.fft.dct(features.astype(np.float64), type=2, norm="ortho", axis=2)
    coefficients = MFCC(n_coefficients)(features)
    np.testing.assert_allclose(coefficients, expected[..., :n_coefficients], atol=5e-5)


@pytest.mark.parametrize("lifter", [0.0, 22.0, 35.5])
def test_they_equal_librosa(features: np.ndarray, lifter: float) -> None:
    expected = librosa.feature.mfcc(
        S=np.swapaxes(features, 1, 2), n_mfcc=20, lifter=lifter
    )
    coefficients = np.swapaxes(MFCC(20, lifter=lifter)(features), 1, 2)
    np.testing.assert_allclose(coefficients, expected, rtol=1e-4, atol=1e-3)


def test_from_sound_they_equal_tensorflow_up_to_the_level() -> None:
    rng = np.random.default_rng(9)
    audio = 0.1 * rng.standard_normal((2, 8_000)).astype(np.float32)
    log_mel = LogMel(sample_rate=16_000, n_mels=40)(audio)
    coefficients = np.asarray(MFCC(13)(log_mel))
    expected = tf.signal.mfccs_from_log_mel_spectrograms(log_mel).numpy()[..., :13]
    np.testing.assert_allclose(coefficients[..., 1:], expected[..., 1:], atol=1e-4)
    # TensorFlow leaves the first coefficient sqrt(2) too large for an orthonormal one.
    np.testing.assert_allclose(
        coefficients[..., 0] * np.sqrt(2), expected[..., 0], rtol=1e-5
    )


def test_all_coefficients_keep_the_energy_and_nothing_is_trained(
    features: np.ndarray,
) -> None:
    layer = MFCC(40)
    coefficients = np.asarray(layer(features))
    np.testing.assert_allclose(
        np.square(coefficients).sum(), np.square(features).sum(), rtol=1e-5
    )
    assert not layer.trainable_weights


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_coefficients": 0}, "at least 1, not 0"),
        ({"lifter": -1.0}, "lifter must be 0 .* or above, not -1"),
        ({"lifter": float("nan")}, "lifter must be 0 .* or above, not nan"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        MFCC(**arguments)


def test_more_coefficients_than_bands_are_refused() -> None:
    with pytest.raises(SettingError, match=r"40 bands give at most 40 .*, not 41"):
        MFCC(41)(np.zeros((1, 5, 40), np.float32))


@pytest.mark.parametrize("shape", [(2, 16_000), (2, 8, 8, 1)])
def test_anything_but_features_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match="put log_mel first"):
        MFCC()(np.zeros(shape, np.float32))
