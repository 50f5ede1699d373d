from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.dataset.checks.duplicates import (
    Copies,
    copy_findings,
    find_exact_copies,
    find_near_copies,
    labels_of_files,
    sets_of_copies,
)
from sonotype.dataset.checks.findings import Finding
from sonotype.dataset.checks.sound import FileFacts, listen

RATE = 16_000


@pytest.fixture
def take(rng: np.random.Generator) -> np.ndarray:
    """Two seconds of 16-bit noise that comes and goes."""
    loudness = np.interp(
        np.arange(2 * RATE), np.linspace(0, 2 * RATE, 9), rng.random(9)
    )
    return (3_000 * loudness * rng.standard_normal(2 * RATE)).astype(np.int16)


def heard(folder: Path, files: dict[str, np.ndarray]) -> list[FileFacts]:
    for name, samples in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, samples, RATE)
    return [listen(folder / name) for name in sorted(files)]


def names(copies: list[Copies]) -> list[list[str]]:
    return [[path.name for path in item.paths] for item in copies]


def judged(copies: list[Copies], *labels: str) -> Finding:
    (item,) = copies
    labels_of = {
        path: frozenset({label}) for path, label in zip(item.paths, labels, strict=True)
    }
    (finding,) = copy_findings(copies, labels_of)
    return finding


def test_exact_copies_are_told_apart_by_bytes_and_samples(
    tmp_path: Path, take: np.ndarray
) -> None:
    files = heard(
        tmp_path, {"a.wav": take, "b.wav": take, "c.wav": take + 1, "d.flac": take}
    )
    (found,) = find_exact_copies(files)
    assert [path.name for path in found.paths] == ["a.wav", "b.wav", "d.flac"]
    assert found.example == "sample for sample"
    (bytewise,) = find_exact_copies(files[:3])
    assert bytewise.example == "byte for byte"
    assert judged([bytewise], "no", "no").kind == "duplicate"


def test_the_same_sound_under_two_labels_is_an_error(
    tmp_path: Path, take: np.ndarray
) -> None:
    exact = find_exact_copies(heard(tmp_path, {"a.wav": take, "b.wav": take}))
    finding = judged(exact, "no", "yes")
    assert (finding.kind, finding.severity) == ("label-conflict", "error")
    assert "under no / yes" in finding.message


def test_a_louder_copy_under_another_label_is_an_error_too(
    tmp_path: Path, take: np.ndarray
) -> None:
    files = heard(tmp_path, {"a.wav": take, "b.wav": take // 2})
    near = find_near_copies(files)
    finding = judged(near, "no", "yes")
    assert finding.kind == "label-conflict"
    assert "6.0 dB" in finding.message
    assert judged(near, "no", "no").kind == "near-duplicate"


def test_a_cut_under_another_label_is_a_warning(
    tmp_path: Path, take: np.ndarray
) -> None:
    files = heard(tmp_path, {"x/a.wav": take, "y/b.wav": take[RATE:]})
    finding = judged(find_near_copies(files), "no", "yes")
    assert finding.kind == "near-duplicate"
    assert "x/a.wav shares 1.00 s, from 1.00 s on, with y/b.wav" in finding.message
    assert "their labels differ: no / yes" in finding.message


def test_pieces_that_hang_together_are_one_set(
    tmp_path: Path, take: np.ndarray, rng: np.random.Generator
) -> None:
    # The first and the last do not overlap; the middle one holds them together.
    files = heard(
        tmp_path,
        {
            "1.wav": take[: RATE - 400],
            "2.wav": take[RATE // 2 : RATE * 3 // 2],
            "3.wav": take[RATE:],
            "other.wav": rng.permutation(take),
        },
    )
    assert names(find_near_copies(files)) == [["1.wav", "2.wav", "3.wav"]]


def test_of_exact_copies_only_the_first_is_compared(
    tmp_path: Path, take: np.ndarray
) -> None:
    calls: list[tuple[int, int]] = []
    files = heard(tmp_path, {"a.wav": take, "b.wav": take, "c.wav": take // 3})
    found = find_near_copies(files, lambda done, total: calls.append((done, total)))
    assert names(found) == [["a.wav", "c.wav"]]
    assert calls == [(1, 1)]


def test_files_with_intervals_have_no_label_of_their_own(
    tmp_path: Path, take: np.ndarray
) -> None:
    exact = find_exact_copies(heard(tmp_path, {"a.wav": take, "b.wav": take}))
    (finding,) = copy_findings(exact, {})
    assert finding.kind == "duplicate"


def test_nothing_in_nothing_out() -> None:
    assert find_exact_copies([]) == []
    assert find_near_copies([]) == []


def test_an_exact_copy_of_a_near_copy_is_in_its_set(
    tmp_path: Path, take: np.ndarray, rng: np.random.Generator
) -> None:
    other = rng.permutation(take)
    files = {
        "a.wav": take,
        "b.wav": take,
        "c.wav": take // 2,
        "d.wav": other,
        "e.wav": other,
        "f.wav": rng.permutation(take),
    }
    exact, near = sets_of_copies(heard(tmp_path, files))
    named = [{path.name: n for path, n in found.items()} for found in (exact, near)]
    assert named == [
        {"a.wav": 0, "b.wav": 0, "d.wav": 1, "e.wav": 1},
        {"a.wav": 0, "b.wav": 0, "c.wav": 0},
    ]


def test_labels_of_files_that_carry_them_as_a_whole() -> None:
    clips = [
        Clip(Path("a.wav"), ("no", "yes"), "a"),
        Clip(Path("b.wav"), ("no",), "b", end_seconds=1.0),
        Clip(Path("c.wav"), (), "c"),
        Clip(Path("d.wav"), ("yes",), "d"),
        Clip(Path("d.wav"), ("no",), "d", start_seconds=1.0),
    ]
    assert labels_of_files(Clips.of(clips)) == {
        Path("a.wav"): {"no", "yes"},
        Path("c.wav"): set(),
    }
