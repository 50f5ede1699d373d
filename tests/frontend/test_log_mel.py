"""The log-mel spectrogram against librosa and against arithmetic."""

from typing import Any

import librosa
import numpy as np
import pytest
import scipy.signal

from sonotype.errors import SettingError
from sonotype.frontend.log_mel import LOG_FLOOR, LOGS, LogMel
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


@pytest.fixture
def levels() -> np.ndarray:
    """Return a quiet clip, silence and a loud clip, half of which is silent."""
    rng = np.random.default_rng(9)
    audio = rng.standard_normal((3, 8_000)) * np.array([[1e-3], [0.0], [1.0]])
    audio[2, 4_000:] = 0.0
    return audio.astype(np.float32)


def energies(audio: np.ndarray) -> np.ndarray:
    """Return Slaney bands of centred frames by librosa."""
    bands = librosa.feature.melspectrogram(
        y=audio, sr=16_000, n_fft=512, hop_length=160, win_length=400, n_mels=40
    )
    return np.swapaxes(bands, -1, -2)


SLANEY: dict[str, Any] = {
    "sample_rate": 16_000,
    "n_mels": 40,
    "low_hz": 0.0,
    "filters": "slaney",
    "framing": "centre_zeros",
}


# librosa's own decibels are of one clip at a time: on a batch, their range would be
# measured over all of it.
@pytest.mark.parametrize("range_db", [None, 80.0, 30.0])
def test_decibels_equal_librosa_clip_by_clip(
    levels: np.ndarray, range_db: float | None
) -> None:
    layer = LogMel(**SLANEY, log="decibels", floor=1e-10, range_db=range_db)
    together = np.asarray(layer(levels))
    for position, clip in enumerate(levels):
        expected = librosa.power_to_db(energies(clip), amin=1e-10, top_db=range_db)
        np.testing.assert_allclose(together[position], expected, atol=2e-3)


def test_the_other_logarithms_are_those_of_the_energies(levels: np.ndarray) -> None:
    expected = np.stack([energies(clip) for clip in levels])
    plain = np.asarray(LogMel(**SLANEY, log="none")(levels))
    np.testing.assert_allclose(plain, expected, rtol=1e-3, atol=1e-7)
    stabilised = np.asarray(LogMel(**SLANEY, log="stabilised", floor=0.01)(levels))
    np.testing.assert_allclose(stabilised, np.log(expected + 0.01), atol=1e-4)
    floored = np.asarray(LogMel(**SLANEY, log="floored", floor=0.01)(levels))
    np.testing.assert_allclose(
        floored, np.log(np.maximum(expected, 0.01)), rtol=1e-4, atol=1e-4
    )


def test_magnitudes_may_be_summed_instead_of_powers(levels: np.ndarray) -> None:
    layer = LogMel(**SLANEY, log="none", power=1.0)
    bands = librosa.feature.melspectrogram(
        y=levels[0],
        sr=16_000,
        n_fft=512,
        hop_length=160,
        win_length=400,
        n_mels=40,
        power=1.0,
    )
    np.testing.assert_allclose(layer(levels[:1])[0], bands.T, rtol=1e-4, atol=1e-7)


def test_both_implementations_give_the_same_features(levels: np.ndarray) -> None:
    fft = LogMel(sample_rate=16_000, implementation="fft")
    convolution = LogMel(sample_rate=16_000, implementation="convolution")
    np.testing.assert_allclose(convolution(levels), fft(levels), atol=1e-4)


def test_a_sample_that_is_no_number_is_not_hidden(levels: np.ndarray) -> None:
    levels[0, 4_000] = np.nan
    for log in LOGS:
        heard = np.asarray(LogMel(sample_rate=16_000, log=log)(levels))  # type: ignore[arg-type]
        spoilt = np.isnan(heard).all(axis=2)
        assert spoilt[0].nonzero()[0].tolist() == [23, 24, 25]
        assert np.isfinite(heard[1:]).all()
    ranged = LogMel(sample_rate=16_000, log="decibels", range_db=80.0)
    heard = np.asarray(ranged(levels))
    assert np.isnan(heard[0, 23:26]).all()
    assert np.isfinite(heard[1:]).all()


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
        ({"sample_rate": 16_000, "filters": "kalid"}, "mel filters 'kalid' .* 'kaldi'"),
        ({"sample_rate": 16_000, "log": "decibel"}, "log 'decibel' .* 'decibels'"),
        ({"sample_rate": 16_000, "floor": 0.0}, "floor must be above 0, not 0"),
        ({"sample_rate": 16_000, "range_db": 80.0}, 'range_db is for log="decibels"'),
        (
            {"sample_rate": 16_000, "log": "decibels", "range_db": -1.0},
            "range_db must be above 0, not -1",
        ),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        LogMel(**arguments)
