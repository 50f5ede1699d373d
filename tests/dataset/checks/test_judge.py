"""Every fault of a file is found, and a sound recording has none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.clips import Rejected
from sonotype.dataset.checks.findings import Finding
from sonotype.dataset.checks.judge import reading_findings, sound_findings
from sonotype.dataset.checks.sound import FileFacts, listen

RATE = 16_000
Make = Callable[[np.random.Generator], np.ndarray]


def good(rng: np.random.Generator) -> np.ndarray:
    """A second of noise with a loudness that changes."""
    loudness = np.interp(np.arange(RATE), [0, 4_000, 12_000, RATE], [0.01, 1, 0.2, 0])
    return np.asarray(0.1 * loudness * rng.standard_normal(RATE))


def stereo(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.stack([left, right], axis=1)


def rumble(rng: np.random.Generator) -> np.ndarray:
    """Brown noise: its mean over a second is far from zero, but it is no constant."""
    walk = np.cumsum(rng.standard_normal(RATE))
    return np.asarray(0.5 * walk / np.abs(walk).max())


def facts_of(path: Path, samples: np.ndarray, sample_rate: int = RATE) -> FileFacts:
    soundfile.write(path, samples, sample_rate)
    return listen(path)


FAULTS: dict[str, Make] = {
    "all-zero": lambda rng: np.zeros(RATE),
    "silent": lambda rng: 0.0005 * good(rng) / np.abs(good(rng)).max(),
    "clipped": lambda rng: np.clip(30 * good(rng), -1, 1),
    "dc-offset": lambda rng: good(rng) - 0.01,
    "opposite-phase": lambda rng: (lambda x: stereo(x, -x))(good(rng)),
    "identical-channels": lambda rng: (lambda x: stereo(x, x))(good(rng)),
}
SOUND: dict[str, Make] = {
    "noise": good,
    "quiet": lambda rng: 0.02 * good(rng),
    "rumble": rumble,
    "two channels": lambda rng: stereo(good(rng), good(rng)),
    "one channel only": lambda rng: stereo(good(rng), np.zeros(RATE)),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_found_and_nothing_else(
    kind: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    bad = facts_of(tmp_path / "bad.wav", FAULTS[kind](rng))
    fine = facts_of(tmp_path / "fine.wav", good(rng))
    (finding,) = sound_findings([bad, fine])
    assert finding.kind == kind
    assert finding.paths == (tmp_path / "bad.wav",)
    assert finding.message.startswith("1 file")


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_has_no_fault(
    name: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    assert sound_findings([facts_of(tmp_path / "a.wav", SOUND[name](rng))]) == []


def test_the_worst_file_is_named(tmp_path: Path, rng: np.random.Generator) -> None:
    files = [
        facts_of(tmp_path / f"{percent}.wav", good(rng) + percent / 100)
        for percent in (1, 3, 2)
    ]
    (finding,) = sound_findings(files)
    assert finding.message.endswith("of full scale in 3.wav")


def test_the_old_rate_of_upsampled_files_is_named(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    import soxr

    narrow = 0.1 * rng.standard_normal(8_000)
    path = tmp_path / "a.wav"
    (finding,) = sound_findings([facts_of(path, soxr.resample(narrow, 8_000, RATE))])
    assert finding.kind == "upsampled"
    assert "1 file at 16 kHz" in finding.message
    assert "once sampled at 8 kHz" in finding.message


def test_an_mp3_like_end_is_not_called_upsampled(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    import scipy.signal

    taps = scipy.signal.firwin(401, 16_000, fs=44_100, window=("kaiser", 9.0))
    samples = scipy.signal.lfilter(taps, 1.0, 0.1 * rng.standard_normal(88_200))
    (finding,) = sound_findings([facts_of(tmp_path / "a.wav", samples, 44_100)])
    assert finding.kind == "low-passed"
    assert "a lossy codec does this, or an old rate of 32 kHz" in finding.message


def test_several_rates_are_counted(tmp_path: Path, rng: np.random.Generator) -> None:
    files = [
        facts_of(tmp_path / f"{i}.wav", good(rng), rate)
        for i, rate in enumerate([8_000, 8_000, 16_000])
    ]
    (finding,) = sound_findings(files)
    assert finding.message == "2 at 8,000 Hz, 1 at 16,000 Hz"
    assert finding.paths == (tmp_path / "2.wav",)


def test_files_that_cannot_be_read_have_kinds(tmp_path: Path) -> None:
    from sonotype.dataset.readers.folder import read_folder

    folder = tmp_path / "yes"
    folder.mkdir()
    soundfile.write(folder / "good.wav", np.full(RATE, 0.1), RATE)
    whole = (folder / "good.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[:-9_000])
    (folder / "nothing.wav").write_bytes(b"")
    (folder / "header.wav").write_bytes(whole[:40] + bytes(4))
    (folder / "text.wav").write_text("not a sound at all")
    (folder / "foreign.m4a").write_bytes(b"x")
    (tmp_path / "loose.wav").write_bytes(whole)
    (folder / "ring").symlink_to(folder)
    rejected = read_folder(tmp_path).rejected
    kinds = {item.paths[0].name: item.kind for item in reading_findings(rejected)}
    assert kinds == {
        "cut.wav": "truncated",
        "nothing.wav": "empty",
        "header.wav": "empty",
        "text.wav": "unreadable",
        "foreign.m4a": "unreadable",
        "loose.wav": "set-aside",
        "ring": "set-aside",
    }


def test_the_reason_is_in_the_message() -> None:
    (finding,) = reading_findings([Rejected(Path("x/a.wav"), "is odd")])
    assert isinstance(finding, Finding)
    assert finding.message == "a.wav: is odd"
