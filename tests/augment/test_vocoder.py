"""Sounds stretched by the phase vocoder, and taken apart by numpy."""

import librosa
import numpy as np
import pytest

from sonotype.augment.vocoder import hop_samples, middle_hop, stretch_clips

RATE = 16_000


def stretched(audio: np.ndarray, speed: float) -> np.ndarray:
    hop = hop_samples(RATE)
    n_frames = 2 * middle_hop(audio.shape[1], hop) + 1
    speeds = np.full((len(audio), 1), speed, np.float32)
    return np.asarray(stretch_clips(audio, speeds, hop=hop, n_frames=n_frames))


def test_speed_one_gives_the_clip_back() -> None:
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((2, 5_000)).astype(np.float32)
    same = stretched(audio, 1.0)[:, :5_000]
    # Noise is the worst case for phases that are tied to peaks: 20 dB below it.
    assert np.linalg.norm(same - audio) < 0.1 * np.linalg.norm(audio)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_a_voice_keeps_more_of_its_level_than_with_phases_left_alone(
    speed: float,
) -> None:
    time = np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(140 + 60 * time) / RATE
    voice = sum(np.cos(harmonic * phase) for harmonic in range(1, 30))
    voice *= np.exp(-(((time - 0.5) / 0.12) ** 2))

    def lost_db(output: np.ndarray) -> float:
        return float(-10 * np.log10(np.sum(output**2) / np.sum(voice**2) * speed))

    ours = lost_db(stretched(voice[None].astype(np.float32), speed))
    plain = lost_db(librosa.effects.time_stretch(voice, rate=speed, n_fft=512))
    assert 0.0 < ours < 2.0
    assert ours < plain - 1.0


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_frames_last_about_as_long_at_every_rate(sample_rate: int) -> None:
    frame_seconds = 4 * hop_samples(sample_rate) / sample_rate
    assert 0.022 < frame_seconds < 0.047
