import unicodedata
from pathlib import Path

import pytest

from sonotype.dataset.annotations.recordings import (
    RecordingIndex,
    RecordingNames,
    find_recording,
)
from sonotype.errors import DataError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "a.TextGrid",
        "a.wav.txt",
        "a.Table.1.selections.txt",
        "a.BirdNET.selection.table.txt",
        "a.svl",
        "a.csv",
    ],
)
def test_a_recording_has_the_name_of_its_annotations(name: str, tmp_path: Path) -> None:
    recording = touch(tmp_path / "a.wav")
    touch(tmp_path / "ab.wav")
    touch(tmp_path / "b.wav")
    assert find_recording(tmp_path / name) == recording


@pytest.mark.parametrize(
    ("recording", "annotation"),
    [
        ("a.wav", "raven/a.txt"),
        ("audio/a.flac", "raven/a.txt"),
        ("audio/a.MP3", "a.txt"),
        ("raven/a.ogg", "raven/a.txt"),
    ],
)
def test_it_may_lie_in_another_folder(
    recording: str, annotation: str, tmp_path: Path
) -> None:
    expected = touch(tmp_path / recording)
    assert find_recording(touch(tmp_path / annotation)) == expected


def test_the_folder_may_be_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "a.wav")
    monkeypatch.chdir(tmp_path)
    assert find_recording("a.txt") == Path("a.wav")


def test_the_longest_name_wins(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    longer = touch(tmp_path / "a.1.wav")
    assert find_recording(tmp_path / "a.1.selections.txt") == longer


def test_the_nearest_recording_wins(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    near = touch(tmp_path / "day" / "a.wav")
    assert find_recording(tmp_path / "day" / "a.txt") == near


def test_two_recordings_of_one_name(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    touch(tmp_path / "a.mp3")
    with pytest.raises(
        DataError, match=r"2 recordings have its name \(.*a\.mp3, .*wav"
    ):
        find_recording(tmp_path / "a.txt")
    assert find_recording(tmp_path / "a.mp3.txt") == tmp_path / "a.mp3"


def test_no_recording(tmp_path: Path) -> None:
    touch(tmp_path / "ab.wav")
    touch(tmp_path / "a.docx")
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(DataError, match=r"a\.txt: no recording has its name; .*a\.wav"):
        find_recording(tmp_path / "a.txt")
    with pytest.raises(DataError, match="no recording has its name"):
        find_recording(tmp_path / "missing" / "a.txt")


def test_composed_and_decomposed_names_are_the_same() -> None:
    name = "é"
    index = RecordingIndex([Path(unicodedata.normalize("NFD", name) + ".wav")])
    found = index.match(Path(unicodedata.normalize("NFC", name) + ".txt"))
    assert unicodedata.normalize("NFC", found.stem) == name


def test_recordings_that_a_table_names(tmp_path: Path) -> None:
    audio = touch(tmp_path / "audio" / "a.wav")
    flac = touch(tmp_path / "audio" / "b.flac")
    names = RecordingNames(tmp_path / "labels.csv")
    assert names["audio/a.wav"] == audio
    assert names[str(audio)] == audio
    # Made elsewhere, or moved, or stored anew.
    assert names["a.wav"] == audio
    assert names["a"] == audio
    assert names["C:\\Field\\2020\\a.wav"] == audio
    assert names["/home/ann/a.wav"] == audio
    assert names["b.wav"] == flac
    # What is not there stays what it is called, and its reader will say so.
    assert names["c.wav"] == tmp_path / "c.wav"
    assert names["a.2"] == tmp_path / "a.2"


def test_names_may_be_relative_to_another_folder(tmp_path: Path) -> None:
    audio = touch(tmp_path / "audio" / "a.wav")
    touch(tmp_path / "a.wav")
    names = RecordingNames(tmp_path / "labels.csv", tmp_path / "audio")
    assert names["a.wav"] == audio


@pytest.mark.parametrize("name", ["", "a\0b.wav"])
def test_what_names_no_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not the name of a file"):
        RecordingNames(tmp_path / "labels.csv")[name]


def test_a_name_too_long_for_a_file_is_only_missing(tmp_path: Path) -> None:
    name = "a" * 5_000 + ".wav"
    assert RecordingNames(tmp_path / "labels.csv")[name] == tmp_path / name
