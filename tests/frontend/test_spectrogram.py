"""The spectrogram against TensorFlow, librosa, scipy and arithmetic."""

from typing import Any

import librosa
import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from sonotype.errors import SettingError
from sonotype.frontend.spectrogram import FRAMINGS, Spectrogram


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


# librosa centres the window in n_fft samples, also where frames are not centred.
@pytest.mark.parametrize(
    ("framing", "librosa_options"),
    [
        ("fft", {"center": False}),
        ("centre_zeros", {"center": True, "pad_mode": "constant"}),
        ("centre_reflect", {"center": True, "pad_mode": "reflect"}),
    ],
)
@pytest.mark.parametrize(
    ("frame_length", "window", "librosa_window"),
    [
        (400, "hann", "hann"),
        (441, "hamming", "hamming"),
        (512, "rectangular", "boxcar"),
    ],
)
def test_windows_and_framings_equal_librosa(
    audio: np.ndarray,
    framing: Any,
    librosa_options: dict[str, Any],
    frame_length: int,
    window: Any,
    librosa_window: str,
) -> None:
    layer = Spectrogram(
        frame_length=frame_length,
        hop_length=160,
        n_fft=512,
        window=window,
        framing=framing,
    )
    expected = librosa.stft(
        audio,
        n_fft=512,
        hop_length=160,
        win_length=frame_length,
        window=librosa_window,
        **librosa_options,
    )
    magnitudes = np.abs(np.swapaxes(expected, 1, 2))
    np.testing.assert_allclose(layer(audio), magnitudes, atol=2e-5)


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(
    ("frame_length", "hop_length", "n_fft"),
    [(2048, 512, 2048), (400, 160, 512), (441, 97, 1024), (256, 300, 256)],
)
def test_both_implementations_agree(
    audio: np.ndarray, framing: Any, frame_length: int, hop_length: int, n_fft: int
) -> None:
    fft, convolution = (
        np.asarray(
            Spectrogram(
                frame_length=frame_length,
                hop_length=hop_length,
                n_fft=n_fft,
                framing=framing,
                implementation=implementation,
            )(audio)
        )
        for implementation in ("fft", "convolution")
    )
    assert fft.shape == convolution.shape
    assert np.abs(fft - convolution).max() < 1e-5 * fft.max()


def test_the_implementation_of_a_finished_model_may_be_changed(
    audio: np.ndarray,
) -> None:
    layer = Spectrogram(frame_length=400, hop_length=160)
    before = np.asarray(layer(audio))
    weights = [weight.name for weight in layer.weights]
    layer.implementation = "convolution"
    after = np.asarray(layer(audio))
    assert [weight.name for weight in layer.weights] == weights
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(after, before, atol=1e-5 * before.max())


def test_an_fft_of_any_length_is_computed_by_convolution(audio: np.ndarray) -> None:
    layer = Spectrogram(frame_length=441, hop_length=220, n_fft=600, framing="start")
    starts = np.arange(0, 5_000 - 441 + 1, 220)
    frames = np.stack([audio[:, start : start + 441] for start in starts], axis=1)
    window = scipy.signal.get_window("hann", 441, fftbins=True)
    expected = np.abs(np.fft.rfft(frames * window, 600))
    np.testing.assert_allclose(layer(audio), expected, atol=1e-4)


def test_lengths_in_seconds_become_samples() -> None:
    layer = Spectrogram(sample_rate=22_050, frame_seconds=0.02, hop_seconds=0.008)
    assert (layer.frame_length, layer.hop_length, layer.n_fft) == (441, 176, 512)
    again = Spectrogram.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_the_configuration_of_format_1_makes_the_layer_of_its_day(
    audio: np.ndarray,
) -> None:
    config = {
        "name": "spectrogram",
        "trainable": True,
        "dtype": "float32",
        "frame_length": 400,
        "hop_length": 160,
        "n_fft": 512,
        "power": 2.0,
    }
    expected = np.abs(tf.signal.stft(audio, 400, 160, 512)) ** 2
    np.testing.assert_allclose(
        Spectrogram.from_config(config)(audio), expected, atol=1e-4
    )


def test_a_sample_that_is_no_number_spoils_its_frames_only(audio: np.ndarray) -> None:
    audio[0, 1_000] = np.nan
    layer = Spectrogram(frame_length=400, hop_length=160, framing="start")
    spoilt = np.isnan(np.asarray(layer(audio)))
    first, last = -(-(1_000 - 399) // 160), 1_000 // 160
    assert spoilt[0, first : last + 1].all()
    assert spoilt.sum() == spoilt[0, first : last + 1].size


def test_one_frame_is_enough_and_a_shorter_clip_is_refused() -> None:
    layer = Spectrogram(frame_length=400, hop_length=160)
    assert layer(np.zeros((1, 400), np.float32)).shape == (1, 1, 257)
    with pytest.raises(SettingError, match="399 samples is shorter than one frame"):
        layer.compute_output_shape((1, 399))
    with pytest.raises(SettingError, match="399 samples is shorter than one frame"):
        Spectrogram(frame_length=400, hop_length=160)(np.zeros((1, 399), np.float32))


def test_a_centred_frame_needs_enough_to_mirror() -> None:
    layer = Spectrogram(frame_length=400, hop_length=160, framing="centre_reflect")
    assert layer.compute_output_shape((1, 201)) == (1, 2, 257)
    with pytest.raises(SettingError, match="200 samples has too few to mirror 200"):
        layer.compute_output_shape((1, 200))
    zeros = Spectrogram(frame_length=400, hop_length=160, framing="centre_zeros")
    assert zeros(np.ones((1, 1), np.float32)).shape == (1, 1, 257)
    with pytest.raises(SettingError, match="0 samples is shorter than one frame of 1"):
        zeros.compute_output_shape((1, 0))


def test_frames_inside_the_fft_need_its_length() -> None:
    layer = Spectrogram(frame_length=400, hop_length=160, framing="fft")
    assert layer.compute_output_shape((1, 512)) == (1, 1, 257)
    with pytest.raises(SettingError, match=r"511 samples .* one frame of 512"):
        layer.compute_output_shape((1, 511))


def test_features_are_refused() -> None:
    with pytest.raises(SettingError, match=r"waveforms of shape .* \(2, 98, 64\)"):
        Spectrogram()(np.zeros((2, 98, 64), np.float32))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frame_length": 1}, "at least 2 samples"),
        ({"hop_length": 0}, "a hop at least 1"),
        ({"n_fft": 1024}, "at least 2048, the frame length, not 1024"),
        ({"n_fft": 3000, "implementation": "fft"}, "power of two for the FFT"),
        ({"window": "han"}, "window 'han' .* 'hann'"),
        ({"framing": "centre"}, "framing 'centre' .* 'centre_"),
        ({"implementation": "conv"}, "implementation 'conv'"),
        ({"frame_seconds": 0.025}, "frame_seconds needs a sample_rate"),
        (
            {"hop_length": 1, "hop_seconds": 1.0, "sample_rate": 8},
            "hop_length=1 and hop_seconds=1 were given; leave one out",
        ),
        ({"power": 3.0}, "power must be 1 .* or 2 .*, not 3"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        Spectrogram(**arguments)
