from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.dataset.checks.hearing import listen_to_all
from sonotype.dataset.checks.leakage import (
    SharedBy,
    measure_leakage,
    split_at_random,
    split_by_group,
    usable_clips,
)
from sonotype.dataset.split import Split

RATE = 8_000


def noise(rng: np.random.Generator) -> np.ndarray:
    loudness = np.interp(np.arange(RATE), np.linspace(0, RATE, 9), rng.random(9))
    return (3_000 * loudness * rng.standard_normal(RATE)).astype(np.int16)


def part(folder: Path, files: dict[str, str]) -> Clips:
    """Clips of files, by name, in groups."""
    return Clips.of(
        [Clip(folder / name, ("no",), group) for name, group in files.items()]
    )


def test_what_the_parts_share_is_counted(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    sounds = [noise(rng) for _ in range(6)]
    files = {
        "train0.wav": sounds[0],
        "train1.wav": sounds[1],
        "train2.wav": sounds[2],
        "validation0.wav": sounds[0],  # a copy of train0
        "validation1.wav": sounds[3],
        "test0.wav": sounds[0] // 2,  # a quieter one, of validation0 as well
        "test1.wav": sounds[1][RATE // 4 :],  # a cut of train1
        "test2.wav": sounds[4],
    }
    for name, samples in files.items():
        soundfile.write(tmp_path / name, samples, RATE)
    parts = Split(
        part(tmp_path, {"train0.wav": "a", "train1.wav": "a", "train2.wav": "b"}),
        part(tmp_path, {"validation0.wav": "c", "validation1.wav": "d"}),
        part(tmp_path, {"test0.wav": "e", "test1.wav": "b", "test2.wav": "b"}),
    )
    heard = listen_to_all(Clips.concatenate(parts))
    assert measure_leakage(parts, heard.files) == (
        SharedBy("validation", "train", 2, 0, 1, 0),
        SharedBy("test", "train", 3, 2, 0, 2),
        SharedBy("test", "validation", 3, 0, 0, 1),
    )


@pytest.fixture
def speakers(tmp_path: Path, rng: np.random.Generator) -> Clips:
    """Ten speakers of six words; one of them gave the same file twice."""
    clips = []
    for speaker in range(10):
        for take in range(6):
            path = tmp_path / f"{speaker}_{take}.wav"
            soundfile.write(path, noise(rng), RATE)
            clips.append(Clip(path, ("no", "yes")[take % 2 :][:1], str(speaker)))
    (tmp_path / "9_0.wav").write_bytes((tmp_path / "0_0.wav").read_bytes())
    return Clips.of(clips)


def test_a_random_split_shares_groups_and_a_grouped_one_does_not(
    speakers: Clips,
) -> None:
    heard = listen_to_all(speakers)
    random = measure_leakage(split_at_random(speakers), heard.files)
    assert all(row.n_in_shared_groups > row.n_clips / 2 for row in random[:2])
    grouped = measure_leakage(split_by_group(speakers, heard.files), heard.files)
    assert all(row.n_in_shared_groups == row.n_copies == 0 for row in grouped)


def test_a_random_split_keeps_every_clip_and_its_group(speakers: Clips) -> None:
    parts = split_at_random(speakers, seed=3)
    together = Clips.concatenate(parts)
    assert sorted(together.paths()) == sorted(speakers.paths())
    group_of = dict(zip(speakers.paths(), speakers.groups(), strict=True))
    assert all(group_of[clip.path] == clip.group for clip in together)
    assert split_at_random(speakers, seed=3).test.paths() == parts.test.paths()
    assert split_at_random(speakers, seed=4).test.paths() != parts.test.paths()


def test_files_that_could_not_be_heard_are_left_out(speakers: Clips) -> None:
    Path(speakers[0].path).write_bytes(b"")
    heard = listen_to_all(speakers)
    parts = split_by_group(speakers, heard.files)
    assert sum(map(len, parts)) == len(speakers) - 1


def test_a_random_split_takes_no_heed_of_given_parts(speakers: Clips) -> None:
    parts = ["test" if group == "0" else "train" for group in speakers.groups()]
    frame = speakers.frame.with_columns(split=pl.Series(parts, dtype=pl.String))
    given = Clips(frame, speakers.labels)
    assert len(split_at_random(given).test.groups()) == 12
    assert set(split_at_random(given).test.groups()) != {"0"}
    heard = listen_to_all(given)
    assert "0" in split_by_group(given, heard.files).test.groups()


def test_copies_share_a_group_in_what_training_uses(speakers: Clips) -> None:
    usable = usable_clips(speakers, listen_to_all(speakers).files)
    assert usable.paths() == speakers.paths()
    assert set(usable.groups()) == {str(speaker) for speaker in range(9)}
