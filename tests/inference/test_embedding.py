"""Embeddings of recordings: a vector a window, the same wherever the sound is from."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.audio.windows import cut_windows
from sonotype.errors import AudioError, BundleError, SettingError
from sonotype.inference.classifier import load
from sonotype.runtime import LiteRT

DATA = Path(__file__).parents[1] / "data"
# tones_v1.sonotype after `sonotype export --to litert --force`; never made again.
BUNDLE = DATA / "tones_embedding_v1.sonotype"
RATE, WINDOW = 8_000, 2_000
FIRST_DAY = (
    (1.476475, 0.005784, 1.438390, 1.516782),
    (0.000000, 3.254146, 0.000000, 0.020677),
)


def noise(n_samples: int) -> np.ndarray:
    """Return what 16 bits hold exactly."""
    generator = np.random.default_rng(0)
    whole = np.round(generator.normal(scale=2_000, size=n_samples))
    return (whole / 32_768).astype(np.float32)


def written(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def expected(samples: np.ndarray, hop: int) -> np.ndarray:
    return LiteRT(BUNDLE / "model.tflite", n_threads=1).embeddings(
        cut_windows(samples, WINDOW, hop=hop)
    )


def test_what_it_answered_on_its_first_day() -> None:
    classifier = load(BUNDLE)
    assert classifier.bundle.manifest.embedding_channels == 4
    found = [classifier.embed(DATA / f"{name}.wav").vectors for name in ("high", "low")]
    np.testing.assert_allclose(np.concatenate(found), FIRST_DAY, atol=1e-4)
    # The old graph and the new one are of the same model.
    old = load(DATA / "tones_v1.sonotype").predict(DATA / "low.wav")
    assert dict(classifier.predict(DATA / "low.wav")) == pytest.approx(
        dict(old), abs=1e-5
    )


@pytest.mark.parametrize("n_samples", [1, 500, 2_000, 2_001, 5_300, 400_000])
@pytest.mark.parametrize("hop", [1_000, 700])
def test_there_is_a_vector_for_every_window(
    tmp_path: Path, n_samples: int, hop: int
) -> None:
    samples = noise(n_samples)
    classifier = load(BUNDLE)
    path = written(tmp_path / "a.wav", samples)
    found = classifier.embed(path, hop_seconds=hop / RATE)
    np.testing.assert_array_equal(found.vectors, expected(samples, hop))
    assert found.vectors.dtype == np.float32
    assert found.path == path
    last = max(0, n_samples - WINDOW)
    starts = np.array([*range(0, last, hop), last])
    np.testing.assert_allclose(found.start_seconds, starts / RATE, atol=1e-9)
    ends = np.minimum(starts + WINDOW, n_samples)
    np.testing.assert_allclose(found.end_seconds, ends / RATE, atol=1e-9)
    assert len(found) == len(starts)


@pytest.mark.parametrize("n_samples", [500, 2_000, 5_300])
def test_samples_give_the_embeddings_of_their_file(
    tmp_path: Path, n_samples: int
) -> None:
    samples = noise(n_samples)
    classifier = load(BUNDLE)
    from_file = classifier.embed(written(tmp_path / "a.wav", samples))
    found = classifier.embed(samples)
    assert found.path is None
    np.testing.assert_array_equal(found.vectors, from_file.vectors)
    np.testing.assert_allclose(found.start_seconds, from_file.start_seconds)
    np.testing.assert_allclose(found.end_seconds, from_file.end_seconds)
    np.testing.assert_allclose(found.mean, from_file.vectors.mean(axis=0))


def test_samples_of_another_rate_are_resampled(tmp_path: Path) -> None:
    samples = noise(20_000)
    classifier = load(BUNDLE)
    found = classifier.embed(samples, sample_rate=16_000)
    other = classifier.embed(written(tmp_path / "a.wav", samples, 16_000))
    np.testing.assert_allclose(found.vectors, other.vectors, atol=1e-4)
    np.testing.assert_allclose(found.end_seconds, other.end_seconds, atol=1e-3)


def test_embed_many_is_embed_of_each(tmp_path: Path) -> None:
    classifier = load(BUNDLE)
    paths = [
        written(tmp_path / f"{length}.wav", noise(length)) for length in (900, 7_000)
    ]
    found = list(classifier.embed_many(paths, hop_seconds=0.25))
    for path, each in zip(paths, found, strict=True):
        alone = classifier.embed(path, hop_seconds=0.25)
        assert each.path == path
        np.testing.assert_array_equal(each.vectors, alone.vectors)


def test_like_sounds_are_near() -> None:
    classifier = load(BUNDLE)
    seconds = np.arange(WINDOW) / RATE
    tones = [
        0.3 * np.sin(2 * np.pi * pitch * seconds) + 0.2 * noise(WINDOW)
        for pitch in (440.0, 450.0, 1_760.0)
    ]
    low, near, high = (classifier.embed(tone).mean for tone in tones)
    assert np.linalg.norm(low - near) < np.linalg.norm(low - high) / 2


def test_a_bundle_without_embeddings_says_how_to_have_them(tmp_path: Path) -> None:
    old = Path(shutil.copytree(DATA / "tones_v1.sonotype", tmp_path / "old.sonotype"))
    reason = r"old\.sonotype gives no embeddings, .* sonotype export .*old\.sonotype --"
    with pytest.raises(BundleError, match=reason):
        load(old).embed(DATA / "low.wav")


def test_what_cannot_be_embedded_is_refused(tmp_path: Path) -> None:
    classifier = load(BUNDLE)
    (tmp_path / "text.wav").write_text("no sound at all")
    with pytest.raises(AudioError, match=r"text\.wav"):
        classifier.embed(tmp_path / "text.wav")
    with pytest.raises(AudioError, match="finite"):
        classifier.embed(np.full(100, np.nan))
    with pytest.raises(SettingError, match=r"the hop is 0\.3 s"):
        classifier.embed(DATA / "low.wav", hop_seconds=0.3)


def test_embedding_imports_neither_tensorflow_nor_keras() -> None:
    code = (
        "import sys, sonotype\n"
        "found = sonotype.load(sys.argv[1]).embed(sys.argv[2])\n"
        "print(len(found), {'tensorflow', 'keras', 'polars'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, BUNDLE, DATA / "low.wav"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1", "set()"]
