from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.audio import sound_file
from sonotype.dataset.checks.sound import listen
from sonotype.errors import AudioError

RATE = 8_000


def write(path: Path, samples: np.ndarray, **options: object) -> Path:
    soundfile.write(path, samples, RATE, **options)
    return path


def test_numbers_are_those_of_numpy(tmp_path: Path, rng: np.random.Generator) -> None:
    stereo = np.clip(0.1 * rng.standard_normal((RATE, 2)) + [0.0, 0.05], -1, 1)
    path = write(tmp_path / "a.wav", stereo, subtype="FLOAT")
    facts = listen(path)
    exact = stereo.astype(np.float32).astype(np.float64)
    assert (facts.container, facts.encoding) == ("WAV", "FLOAT")
    assert (facts.sample_rate, facts.n_channels, facts.n_samples) == (RATE, 2, RATE)
    assert facts.seconds == 1.0
    levels = facts.levels
    assert levels.peak == pytest.approx(np.abs(exact).max(), rel=1e-6)
    assert levels.swing == pytest.approx(np.ptp(exact, axis=0).max() / 2, rel=1e-6)
    assert levels.offset == pytest.approx(exact[:, 1].mean(), rel=1e-5)
    tenths = exact[:, 1].reshape(10, -1).mean(axis=1)
    assert levels.offset_spread == pytest.approx(tenths.std(), rel=1e-4)
    share = np.mean(exact.mean(axis=1) ** 2) / np.mean(exact**2)
    assert levels.mono_share == pytest.approx(share, rel=1e-5)


def test_blocks_make_no_difference(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.wav", 0.1 * rng.standard_normal((RATE, 2)))
    whole = listen(path)
    # A multiple of 800 samples, as the segments of the offset are counted in blocks.
    monkeypatch.setattr(sound_file, "_BLOCK_VALUES", 3_200)
    parts = listen(path)
    assert parts.samples_digest == whole.samples_digest
    assert parts.levels.peak == whole.levels.peak
    assert parts.levels.offset == pytest.approx(whole.levels.offset)
    assert parts.levels.offset_spread == pytest.approx(whole.levels.offset_spread)
    assert parts.levels.mono_share == pytest.approx(whole.levels.mono_share)
    np.testing.assert_array_equal(parts.fingerprint.bits, whole.fingerprint.bits)


def test_the_same_samples_in_another_container_have_one_digest(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    samples = rng.integers(-9_000, 9_000, RATE, dtype=np.int16)
    wav = listen(write(tmp_path / "a.wav", samples))
    flac = listen(write(tmp_path / "a.flac", samples))
    assert wav.samples_digest == flac.samples_digest
    assert wav.digest != flac.digest
    soundfile.write(tmp_path / "b.wav", samples, 2 * RATE)
    assert listen(tmp_path / "b.wav").samples_digest != wav.samples_digest


def test_very_short_sound_is_no_trouble(tmp_path: Path) -> None:
    facts = listen(write(tmp_path / "a.wav", np.array([0.5, -0.5])))
    assert facts.levels.swing == 0.5
    assert facts.levels.offset_spread == float("inf")
    assert facts.wall is None


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "is empty"), (b"not a sound at all", "not audio")]
)
def test_what_cannot_be_read_is_an_audio_error(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=reason):
        listen(path)


def test_a_missing_file_is_an_audio_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot be read: No such file"):
        listen(tmp_path / "gone.wav")


def test_a_cut_file_is_an_audio_error(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write(tmp_path / "a.flac", 0.1 * rng.standard_normal(RATE))
    path.write_bytes(path.read_bytes()[:4_000])
    with pytest.raises(AudioError, match="cut short"):
        listen(path)


def test_a_sample_that_is_no_number_is_an_audio_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.array([0.1, np.nan, 0.1]), subtype="FLOAT")
    with pytest.raises(AudioError, match="not a finite number"):
        listen(path)
