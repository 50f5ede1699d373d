"""Copies under every change they must survive, and strangers that look alike."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.checks.near import (
    Candidate,
    Match,
    compare_samples,
    correlate,
    differing_bits,
    find_candidates,
)
from sonotype.dataset.checks.sound import listen

RATE = 16_000
Change = Callable[[np.ndarray], np.ndarray]


def babble(rng: np.random.Generator, seconds: float = 1.5) -> np.ndarray:
    """Sound that changes as speech does: glides with harmonics, hisses and pauses."""
    n = round(seconds * RATE)
    pitch = 120 + 80 * np.cumsum(rng.standard_normal(n)) / np.sqrt(n)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase + k) / k for k in range(1, 25))
    knots = np.linspace(0, n, round(12 * seconds))
    loudness = np.interp(np.arange(n), knots, rng.uniform(0, 1, len(knots)) ** 2)
    hiss = np.interp(np.arange(n), knots, rng.uniform(0, 0.3, len(knots)) ** 2)
    samples = loudness * voice + hiss * rng.standard_normal(n)
    return np.asarray(0.3 * samples / np.abs(samples).max())


def matches(paths: list[Path]) -> list[Match]:
    fingerprints = [listen(path).fingerprint for path in paths]
    found = [
        compare_samples(paths, fingerprints, candidate)
        for candidate in find_candidates(fingerprints)
    ]
    return [match for match in found if match is not None]


def write(folder: Path, name: str, samples: np.ndarray, **options: object) -> Path:
    soundfile.write(folder / name, samples, RATE, **options)
    return folder / name


CHANGES: dict[str, tuple[str, Change, float, float]] = {
    # name of the file, change, offset in seconds, gain in dB
    "start cut off": ("b.wav", lambda x: x[5_003:], -5_003 / RATE, 0.0),
    "middle": ("b.wav", lambda x: x[6_001:16_001], -6_001 / RATE, 0.0),
    "quieter": ("b.wav", lambda x: 0.05 * x, 0.0, -26.02),
    "upside down": ("b.wav", lambda x: -0.5 * x, 0.0, -6.02),
    "delayed": ("b.wav", lambda x: np.pad(x, (4_000, 0)), 0.25, 0.0),
    "vorbis": ("b.ogg", lambda x: x, 0.0, 0.0),
    "mp3": ("b.mp3", lambda x: x, 0.0, 0.0),
    "mp3 of a quiet cut": ("b.mp3", lambda x: 0.3 * x[4_007:], -4_007 / RATE, -10.46),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_is_found_with_its_offset_and_gain(
    name: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    file, change, offset_seconds, gain_db = CHANGES[name]
    samples = babble(rng)
    paths = [
        write(tmp_path, "a.wav", samples),
        write(tmp_path, file, change(samples)),
        write(tmp_path, "stranger.wav", babble(rng)),
    ]
    (match,) = matches(paths)
    assert (match.first, match.second) == (0, 1)
    assert match.offset_seconds == pytest.approx(offset_seconds, abs=0.002)
    assert match.gain_db == pytest.approx(gain_db, abs=0.5)
    assert match.correlation > 0.9


def test_the_other_rate_is_found(tmp_path: Path, rng: np.random.Generator) -> None:
    import scipy.signal

    samples = babble(rng)
    soundfile.write(
        tmp_path / "b.wav",
        scipy.signal.resample_poly(samples, 441, 160),
        44_100,
    )
    assert len(matches([write(tmp_path, "a.wav", samples), tmp_path / "b.wav"])) == 1


def test_noises_of_one_colour_do_not_match(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    time = np.arange(3 * RATE) / RATE
    hum = 0.3 * np.sin(2 * np.pi * 50 * time) + 0.1 * np.sin(2 * np.pi * 150 * time)
    paths = [
        write(tmp_path, f"{i}.wav", hum + 0.02 * rng.standard_normal(len(time)))
        for i in range(8)
    ]
    assert matches(paths) == []


def test_an_edited_copy_is_found(tmp_path: Path, rng: np.random.Generator) -> None:
    # A pause of 20 ms taken out, as between two takes of a recording in a library.
    samples = babble(rng, seconds=5)
    edited = np.delete(samples, slice(40_000, 40_320))
    paths = [write(tmp_path, "a.wav", samples), write(tmp_path, "b.wav", edited)]
    assert len(matches(paths)) == 1


def test_many_files_with_one_word_in_common_are_still_few_pairs(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    samples = babble(rng, seconds=0.5)
    path = write(tmp_path, "a.wav", samples)
    fingerprints = [listen(path).fingerprint] * 200
    found = find_candidates(fingerprints)
    assert len(found) <= 16 * 200
    # All hang together, though not every two were paired.
    reached = {0}
    for candidate in found:
        if candidate.first in reached:
            reached.add(candidate.second)
    assert len(reached) == 200


def test_too_short_an_overlap_tells_nothing(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    fingerprint = listen(write(tmp_path, "a.wav", babble(rng))).fingerprint
    assert differing_bits(fingerprint, fingerprint, 0) == (0.0, len(fingerprint) - 1)
    assert differing_bits(fingerprint, fingerprint, len(fingerprint) - 5) == (1.0, 0)
    assert differing_bits(fingerprint, fingerprint, len(fingerprint) + 5) == (1.0, 0)


def test_candidates_that_agree_by_chance_are_turned_down(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    paths = [write(tmp_path, name, babble(rng)) for name in ("a.wav", "b.wav")]
    fingerprints = [listen(path).fingerprint for path in paths]
    assert compare_samples(paths, fingerprints, Candidate(0, 1, 3, 2)) is None


def test_correlate_agrees_with_numpy(rng: np.random.Generator) -> None:
    first = rng.standard_normal(4_000)
    second = 0.5 * np.roll(first, 30) + 0.1 * rng.standard_normal(4_000)
    correlation, lag, gain_db = correlate(first, second)
    slopes = np.diff(first[:-30]), np.diff(second[30:])
    assert correlation == pytest.approx(np.corrcoef(*slopes)[0, 1], abs=0.005)
    assert lag == 30
    ratio = np.var(slopes[1]) / np.var(slopes[0])
    assert gain_db == pytest.approx(10 * np.log10(ratio), abs=0.05)
    assert correlate(np.zeros(100), np.ones(100)) == (0.0, 0.0, 0.0)


SPEECH = Path(__file__).parents[4] / "shared" / "data" / "speech_commands"


@pytest.mark.skipif(not SPEECH.is_dir(), reason="needs the recordings")
def test_takes_of_one_word_by_one_speaker_are_no_copies() -> None:
    import hashlib

    one_of_each = {
        hashlib.sha256(path.read_bytes()).digest(): path
        for path in sorted((SPEECH / "yes").glob("*.wav"))
    }
    paths = sorted(one_of_each.values())
    assert len(paths) > 300
    assert matches(paths) == []


@pytest.mark.skipif(not SPEECH.is_dir(), reason="needs the recordings")
def test_cuts_of_one_noise_are_found_with_their_true_overlap() -> None:
    first, second = (SPEECH / "_silence_" / name for name in ("463.wav", "3331.wav"))
    (match,) = matches([first, second])
    one, other = (soundfile.read(path)[0] for path in (first, second))
    shift = round(match.offset_seconds * RATE)
    assert shift < 0
    best = max(
        abs(np.corrcoef(one[-at:], other[:at])[0, 1])
        for at in range(shift - 8, shift + 9)
    )
    assert best > 0.99
