from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.dataset.near_copies import hear_and_join

RATE = 8_000


@pytest.fixture
def takes(rng: np.random.Generator) -> list[np.ndarray]:
    """Five takes of two seconds that have nothing in common."""
    loudness = np.interp(
        np.arange(2 * RATE), np.linspace(0, 2 * RATE, 9), rng.random(9)
    )
    return [
        (3_000 * loudness * rng.standard_normal(2 * RATE)).astype(np.int16)
        for _ in range(5)
    ]


def clip_of(path: Path, samples: np.ndarray, group: str) -> Clip:
    soundfile.write(path, samples, RATE)
    return Clip(path, ("no",), group)


def test_near_copies_join_the_groups_they_are_in(
    tmp_path: Path, takes: list[np.ndarray]
) -> None:
    clips = Clips.of(
        [
            clip_of(tmp_path / "1.wav", takes[0], "ann"),
            clip_of(tmp_path / "2.wav", takes[1], "ann"),
            clip_of(tmp_path / "3.wav", takes[0][RATE // 2 :] // 3, "bob"),
            clip_of(tmp_path / "4.wav", takes[2], "bob"),
            clip_of(tmp_path / "5.flac", takes[2], "cat"),
            clip_of(tmp_path / "6.wav", takes[3], "dan"),
            clip_of(tmp_path / "7.wav", takes[4], "eve"),
        ]
    )
    joined = hear_and_join(clips)
    assert joined.groups() == ["ann"] * 5 + ["dan", "eve"]
    assert joined.paths() == clips.paths()
    # In another order of the table, the same clips go together.
    backwards = hear_and_join(clips.select(range(len(clips))[::-1]))
    assert backwards.groups() == joined.groups()[::-1]


def test_without_copies_groups_stay_as_they_are(
    tmp_path: Path, takes: list[np.ndarray]
) -> None:
    path = tmp_path / "1.wav"
    whole = clip_of(path, takes[0], "day1")
    # Two groups in one file are not copies.
    parts = [
        Clip(path, ("no",), group, start_seconds=at, end_seconds=at + 1.0)
        for at, group in enumerate(("day1", "day2"))
    ]
    clips = Clips.of([*parts, clip_of(tmp_path / "2.wav", takes[1], "day3")])
    assert hear_and_join(clips).groups() == ["day1", "day2", "day3"]
    assert hear_and_join(Clips.of([whole])).groups() == ["day1"]


def test_a_cut_of_a_recording_joins_all_groups_of_its_clips(
    tmp_path: Path, takes: list[np.ndarray]
) -> None:
    path = tmp_path / "long.wav"
    clip_of(path, takes[0], "")
    clips = Clips.of(
        [
            Clip(path, ("no",), "day1", end_seconds=1.0),
            Clip(path, ("no",), "day2", start_seconds=1.0),
            clip_of(tmp_path / "cut.wav", takes[0][:RATE], "day3"),
        ]
    )
    assert hear_and_join(clips).groups() == ["day1"] * 3


def test_a_file_that_cannot_be_decoded_keeps_its_group(
    tmp_path: Path, takes: list[np.ndarray]
) -> None:
    clips = Clips.of(
        [
            clip_of(tmp_path / "1.wav", takes[0], "ann"),
            clip_of(tmp_path / "2.wav", takes[0], "bob"),
        ]
    )
    (tmp_path / "2.wav").write_bytes(b"RIFF")
    assert hear_and_join(clips).groups() == ["ann", "bob"]


def test_progress_of_hearing_and_comparing(
    tmp_path: Path, takes: list[np.ndarray]
) -> None:
    calls: list[tuple[int, int]] = []
    clips = Clips.of(
        [
            clip_of(tmp_path / "1.wav", takes[0], "ann"),
            clip_of(tmp_path / "2.wav", takes[0] // 2, "bob"),
            clip_of(tmp_path / "3.wav", takes[1], "cat"),
        ]
    )
    hear_and_join(clips, lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3), (1, 1)]
