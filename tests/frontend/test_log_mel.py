"""The log-mel spectrogram against librosa and against arithmetic."""

import librosa
import numpy as np
import pytest
import scipy.signal

from sonotype.errors import SettingError
from sonotype.frontend.log_mel import LOG_FLOOR, LogMel
from sonotype.frontend.spectrogram import Spectrogram


def test_log_mel_equals_librosa() -> None:
    rng = np.random.default_rng(3)
    audio = 0.1 * rng.standard_normal((2, 22_050)).astype(np.float32)
    layer = LogMel(
        sample_rate=22_050,
        n_mels=40,
        frame_seconds=0.020,
        hop_seconds=0.008,
        low_hz=60.0,
        high_hz=7_600.0,
    )
    starts = np.arange(0, 22_050 - 441 + 1, 176)
    frames = np.stack([audio[:, start : start + 441] for start in starts], axis=1)
    window = scipy.signal.get_window("hann", 441, fftbins=True)
    power = np.abs(np.fft.rfft(frames * window, 512)) ** 2
    bands = librosa.feature.melspectrogram(
        S=np.swapaxes(power, 1, 2),
        sr=22_050,
        n_fft=512,
        n_mels=40,
        fmin=60.0,
        fmax=7_600.0,
        htk=True,
        norm=None,
    )
    expected = np.log(np.swapaxes(bands, 1, 2) + LOG_FLOOR)
    np.testing.assert_allclose(layer(audio), expected, atol=1e-4)


def test_a_tone_peaks_in_the_band_that_holds_it() -> None:
    rate = 16_000
    tone = np.sin(2 * np.pi * 1_000 * np.arange(rate) / rate).astype(np.float32)
    layer = LogMel(sample_rate=rate, n_mels=40, low_hz=60.0, high_hz=7_800.0)
    mel = 2595 * np.log10(1 + np.array([60.0, 7_800.0, 1_000.0]) / 700)
    centres = np.linspace(mel[0], mel[1], 42)[1:-1]
    nearest = np.abs(centres - mel[2]).argmin()
    assert (np.asarray(layer(tone[None])).argmax(axis=2) == nearest).all()


def test_silence_is_the_floor_and_ten_times_the_level_is_twenty_decibels() -> None:
    rng = np.random.default_rng(5)
    audio = rng.standard_normal((1, 8_000)).astype(np.float32)
    layer = LogMel(sample_rate=16_000)
    silent = np.asarray(layer(np.zeros_like(audio)))
    np.testing.assert_allclose(silent, np.log(LOG_FLOOR), rtol=1e-6)
    louder = np.asarray(layer(10 * audio)) - np.asarray(layer(audio))
    np.testing.assert_allclose(louder, np.log(100.0), atol=1e-3)


def test_a_longer_clip_begins_with_the_features_of_a_shorter_one() -> None:
    rng = np.random.default_rng(6)
    audio = rng.standard_normal((1, 16_000)).astype(np.float32)
    layer = LogMel(sample_rate=16_000)
    short = np.asarray(layer(audio[:, :8_000]))
    np.testing.assert_allclose(
        np.asarray(layer(audio))[:, : short.shape[1]], short, atol=1e-5
    )


def test_seconds_become_samples_and_nothing_is_trained() -> None:
    layer = LogMel(sample_rate=16_000, frame_seconds=0.025, hop_seconds=0.015)
    assert layer(np.zeros((1, 16_000), np.float32)).shape == (1, 66, 64)
    inner = layer.power_spectrogram
    assert isinstance(inner, Spectrogram)
    assert (inner.frame_length, inner.hop_length, layer.n_fft) == (400, 240, 512)
    assert not layer.trainable_weights


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_rate": 0}, "sample_rate must be at least 1 Hz, not 0"),
        ({"sample_rate": 16_000, "high_hz": 9_000.0}, "out of range"),
        ({"sample_rate": 16_000, "n_mels": 128}, "holds no FFT bin"),
        ({"sample_rate": 16_000, "hop_seconds": 0.0}, "a hop at least 1"),
        ({"sample_rate": 16_000, "n_fft": 256}, "at least 400"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, int], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        LogMel(**arguments)
