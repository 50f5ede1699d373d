import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.readers.audiofolder import read_audiofolder
from sonotype.errors import DataError


def add(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(80), 8_000, format="WAV")
    return path


def test_one_table_for_all_splits(tmp_path: Path) -> None:
    add(tmp_path / "train" / "a.wav")
    add(tmp_path / "test" / "b.wav")
    (tmp_path / "metadata.csv").write_text(
        "file_name,audio,label\ntrain/a.wav,x,robin\ntest/b.wav,x,wren\n"
        "train/gone.wav,x,wren\n"
    )
    clips = read_audiofolder(tmp_path)
    assert [(clip.path.name, clip.labels, clip.split) for clip in clips] == [
        ("a.wav", ("robin",), "train"),
        ("b.wav", ("wren",), "test"),
    ]
    assert clips.groups() == ["train/a.wav", "test/b.wav"]
    (gone,) = clips.rejected
    assert gone.path == tmp_path / "train" / "gone.wav"
    assert gone.reason == "metadata.csv row 4: there is no such file"


def test_a_table_in_each_split(tmp_path: Path) -> None:
    for folder, label in (("train", "robin"), ("dev", "wren"), ("Test", "robin")):
        add(tmp_path / folder / "deep" / "a.wav")
        row = {"file_name": "deep/a.wav", "labels": [label]}
        text = f"{json.dumps(row)}\nnonsense\n"
        (tmp_path / folder / "metadata.jsonl").write_text(text)
    clips = read_audiofolder(tmp_path, group_by="part:1")
    found = {clip.split: (clip.path.parents[1].name, clip.labels) for clip in clips}
    assert found == {
        "train": ("train", ("robin",)),
        "validation": ("dev", ("wren",)),
        "test": ("Test", ("robin",)),
    }
    assert sorted(clips.groups()) == ["Test", "dev", "train"]
    assert [item.path.parent.name for item in clips.rejected] == [
        "Test",
        "dev",
        "train",
    ]


def test_a_split_of_the_table_wins_over_the_folder(tmp_path: Path) -> None:
    add(tmp_path / "train" / "a.wav")
    text = "file_name,label,split\ntrain/a.wav,x,validation\n"
    (tmp_path / "metadata.csv").write_text(text)
    assert read_audiofolder(tmp_path)[0].split == "validation"


def test_class_folders_in_splits(tmp_path: Path) -> None:
    add(tmp_path / "train" / "robin" / "a.wav")
    add(tmp_path / "train" / "wren" / "a.wav")
    add(tmp_path / "validation" / "robin" / "in" / "b.wav")
    loose = add(tmp_path / "train" / "loose.wav")
    clips = read_audiofolder(tmp_path, classes=["wren", "robin"])
    assert [(clip.labels, clip.split) for clip in clips] == [
        (("robin",), "train"),
        (("wren",), "train"),
        (("robin",), "validation"),
    ]
    assert clips.labels.names == ("wren", "robin")
    assert [item.path for item in clips.rejected] == [loose]


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "robin").mkdir()
    with pytest.raises(
        DataError, match=r"no audio folder: it has neither metadata\.csv"
    ):
        read_audiofolder(tmp_path)
    with pytest.raises(DataError, match="gone: is no audio folder"):
        read_audiofolder(tmp_path / "gone")
    (tmp_path / "metadata.csv").write_text("file_name,transcript\na.wav,hello\n")
    with pytest.raises(DataError, match="no column is known to tell the labels; say"):
        read_audiofolder(tmp_path)
    add(tmp_path / "a.wav")
    (clip,) = read_audiofolder(tmp_path, columns={"labels": "transcript"})
    assert clip.labels == ("hello",)
