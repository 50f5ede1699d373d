"""The spectrogram against TensorFlow, scipy and arithmetic."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from sonotype.errors import SettingError
from sonotype.frontend.spectrogram import Spectrogram


@pytest.fixture
def audio() -> np.ndarray:
    rng = np.random.default_rng(7)
    return 0.1 * rng.standard_normal((3, 5_000)).astype(np.float32)


@pytest.mark.parametrize(
    ("frame_length", "hop_length", "n_fft"),
    [(2048, 512, None), (400, 160, None), (400, 160, 1024), (512, 700, None)],
)
def test_magnitudes_equal_tf_signal(
    audio: np.ndarray, frame_length: int, hop_length: int, n_fft: int | None
) -> None:
    layer = Spectrogram(frame_length=frame_length, hop_length=hop_length, n_fft=n_fft)
    expected = np.abs(tf.signal.stft(audio, frame_length, hop_length, n_fft))
    np.testing.assert_allclose(layer(audio), expected, atol=2e-5)


# The last has a hop that neither divides the frame nor shares a factor with it.
@pytest.mark.parametrize(
    ("frame_length", "hop_length", "n_fft"), [(400, 160, 512), (441, 97, 512)]
)
def test_powers_equal_scipy(
    audio: np.ndarray, frame_length: int, hop_length: int, n_fft: int
) -> None:
    layer = Spectrogram(frame_length=frame_length, hop_length=hop_length, power=2.0)
    _, _, spectra = scipy.signal.stft(
        audio.astype(np.float64),
        window=scipy.signal.get_window("hann", frame_length, fftbins=True),
        nperseg=frame_length,
        noverlap=frame_length - hop_length,
        nfft=n_fft,
        boundary=None,
        padded=False,
    )
    # scipy divides by the sum of the window, which is half its length.
    expected = np.abs(np.swapaxes(spectra, 1, 2) * frame_length / 2) ** 2
    np.testing.assert_allclose(layer(audio), expected, rtol=1e-4, atol=1e-5)


def test_a_sine_of_a_bin_has_the_magnitude_of_the_window() -> None:
    time = np.arange(4_096, dtype=np.float64)
    sine = np.sin(2 * np.pi * 20 * time / 512).astype(np.float32)
    magnitude = np.asarray(Spectrogram(frame_length=512, hop_length=128)(sine[None]))
    assert (magnitude.argmax(axis=2) == 20).all()
    np.testing.assert_allclose(magnitude[..., 20], 512 / 4, rtol=1e-4)


def test_one_frame_is_enough_and_a_shorter_clip_is_refused() -> None:
    layer = Spectrogram(frame_length=400, hop_length=160)
    assert layer(np.zeros((1, 400), np.float32)).shape == (1, 1, 257)
    with pytest.raises(SettingError, match="399 samples is shorter than one frame"):
        layer.compute_output_shape((1, 399))
    with pytest.raises(SettingError, match="399 samples is shorter than one frame"):
        Spectrogram(frame_length=400, hop_length=160)(np.zeros((1, 399), np.float32))


def test_features_are_refused() -> None:
    with pytest.raises(SettingError, match=r"waveforms of shape .* \(2, 98, 64\)"):
        Spectrogram()(np.zeros((2, 98, 64), np.float32))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frame_length": 1}, "at least 2 samples"),
        ({"hop_length": 0}, "a hop at least 1"),
        ({"n_fft": 1024}, "at least 2048, the frame length, not 1024"),
        ({"n_fft": 3000}, "power of two"),
        ({"power": 3.0}, "power must be 1 .* or 2 .*, not 3"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, int], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        Spectrogram(**arguments)
