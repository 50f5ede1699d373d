import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.readers.folder import read_folder
from sonotype.dataset.readers.layout import (
    LAYOUTS,
    Recognition,
    read_dataset,
    recognise,
)
from sonotype.errors import DataError, SettingError

DATA = Path(__file__).parents[3].parent / "shared" / "data"


def add(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(80), 8_000, format="WAV")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def class_folders(root: Path) -> None:
    add(root, "robin/a.wav", "wren/b.wav", "_background_noise_/c.wav")


def made_words(root: Path) -> None:
    add(root, "no/0a7c2a8d_nohash_0.wav", "yes/0a7c2a8d_nohash_0.wav")


def answers(root: Path) -> None:
    class_folders(root)
    write(root / "told.csv", "path,label,score\nrobin/a.wav,wren,0.5\n")


def other_table(root: Path) -> None:
    class_folders(root)
    write(root / "labels.csv", "path,label\nelsewhere.wav,wren\n")


def metadata_without_labels(root: Path) -> None:
    class_folders(root)
    write(root / "metadata.csv", "file_name,recorder\nrobin/a.wav,x\n")


def trains(root: Path) -> None:
    add(root, "train/a.wav", "bus/a.wav")


def train_and_test_as_classes(root: Path) -> None:
    add(root, "train/a.wav", "test/a.wav")


def numbered(root: Path) -> None:
    add(root, "001 - Dog/a.wav", "Cat/b.wav")


def urbansound(root: Path) -> None:
    add(root, "audio/fold1/a.wav")
    write(
        root / "metadata" / "UrbanSound8K.csv",
        "slice_file_name,fsID,fold,class\na.wav,1,1,siren\n",
    )


def esc50(root: Path) -> None:
    add(root, "audio/1-1-A-0.wav")
    text = "filename,fold,category,src_file\n1-1-A-0.wav,1,dog,1\n"
    write(root / "meta" / "esc50.csv", text)


def esc10(root: Path) -> None:
    add(root, "001 - Dog bark/1-1-A.ogg", "002 - Rain/1-2-A.ogg", ".git/a.wav")


def speech_commands(root: Path) -> None:
    made_words(root)
    write(root / "validation_list.txt", "")


def fsdd(root: Path) -> None:
    add(root, "recordings/7_ann_3.wav", "recordings/0_bob_1.wav", "pdf/a.wav")


def metadata(root: Path) -> None:
    class_folders(root)
    write(root / "metadata.csv", "file_name,label\nrobin/a.wav,x\n")


def metadata_in_splits(root: Path) -> None:
    add(root, "train/a.wav", "test/a.wav")
    for part in ("train", "test"):
        row = json.dumps({"file_name": "a.wav", "label": "x"})
        write(root / part / "metadata.jsonl", row)


def split_folders(root: Path) -> None:
    add(root, "train/robin/a.wav", "test/robin/a.wav", "_more_/a.wav")


def table(root: Path) -> None:
    add(root, "audio/a.wav")
    write(root / "birds.tsv", "file\tspecies\naudio/a.wav\trobin\n")


def selections(root: Path) -> None:
    add(root, "audio/a.wav", "audio/b.wav")
    text = "Begin Time (s)\tEnd Time (s)\tSpecies\n0\t0.005\twren\n"
    write(root / "raven" / "a.Table.1.selections.txt", text)


def labels_in_class_folders(root: Path) -> None:
    class_folders(root)
    write(root / "robin" / "a.txt", "0\t0.005\tsong\n")


def boxes(root: Path) -> None:
    add(root, "a.wav")
    write(root / "calls.csv", "path,start,end,label,low_hz\na.wav,0,0.005,wren,2000\n")


def timed(root: Path) -> None:
    add(root, "a.wav")
    write(root / "clips.csv", "path,start,end,label\na.wav,0,0.005,wren\n")


def timed_answers(root: Path) -> None:
    class_folders(root)
    text = "path,start,end,label,score\nrobin/a.wav,0,0.005,wren,0.5\n"
    write(root / "told" / "answers.csv", text)


def annotations_of_nothing(root: Path) -> None:
    class_folders(root)
    write(root / "other.txt", "0\t0.005\twren\n")


def a_broken_table(root: Path) -> None:
    class_folders(root)
    (root / "broken.parquet").write_bytes(b"PAR1")


EXPECTED: list[tuple[Callable[[Path], None], str, str]] = [
    (class_folders, "folder", "nothing else was recognised in it"),
    (made_words, "folder", "nothing else was recognised in it"),
    (answers, "folder", "nothing else was recognised in it"),
    (other_table, "folder", "nothing else was recognised in it"),
    (metadata_without_labels, "folder", "nothing else was recognised in it"),
    (trains, "folder", "nothing else was recognised in it"),
    (train_and_test_as_classes, "folder", "nothing else was recognised in it"),
    (numbered, "folder", "nothing else was recognised in it"),
    (timed_answers, "folder", "nothing else was recognised in it"),
    (annotations_of_nothing, "folder", "nothing else was recognised in it"),
    (a_broken_table, "folder", "nothing else was recognised in it"),
    (
        selections,
        "annotated",
        "raven/a.Table.1.selections.txt (raven) tells what is heard in a recording, "
        "and when",
    ),
    (
        labels_in_class_folders,
        "annotated",
        "robin/a.txt (audacity) tells what is heard in a recording, and when",
    ),
    (
        boxes,
        "annotated",
        "calls.csv (table) tells what is heard in a recording, and when",
    ),
    (
        timed,
        "table",
        "clips.csv in it names files and labels; each row is a clip (layout annotated "
        "cuts windows instead)",
    ),
    (urbansound, "urbansound", "it has metadata/UrbanSound8K.csv"),
    (esc50, "esc", "it has meta/esc50.csv"),
    (esc10, "esc", "its folders are named like '001 - Dog bark'"),
    (speech_commands, "speech_commands", "it has validation_list.txt"),
    (fsdd, "fsdd", "its files are named like 0_bob_1.wav"),
    (metadata, "audiofolder", "metadata.csv names files and labels"),
    (metadata_in_splits, "audiofolder", "test/metadata.jsonl names files and labels"),
    (split_folders, "audiofolder", "its folders are test, train"),
    (table, "table", "birds.tsv in it names files and labels"),
]


@pytest.mark.parametrize(("make", "layout", "reason"), EXPECTED)
def test_a_layout_is_recognised_and_read(
    tmp_path: Path, make: Callable[[Path], None], layout: str, reason: str
) -> None:
    make(tmp_path)
    assert recognise(tmp_path) == Recognition(layout, reason)
    found, named = read_dataset(tmp_path), read_dataset(str(tmp_path), layout=layout)
    assert len(found) > 0
    assert found.frame.equals(named.frame)


def test_a_file_is_a_table(tmp_path: Path) -> None:
    table(tmp_path)
    file = tmp_path / "birds.tsv"
    assert recognise(file) == Recognition("table", "it is a file")
    assert read_dataset(file).labels.names == ("robin",)


def test_a_file_of_annotations(tmp_path: Path) -> None:
    labels_in_class_folders(tmp_path)
    boxes(tmp_path)
    for file, name in (("robin/a.txt", "audacity"), ("calls.csv", "table")):
        reason = f"it is a file of annotations ({name})"
        assert recognise(tmp_path / file) == Recognition("annotated", reason)
        assert len(read_dataset(tmp_path / file)) == 1


def test_windows_are_for_annotated_recordings(tmp_path: Path) -> None:
    selections(tmp_path)
    assert [clip.end_seconds for clip in read_dataset(tmp_path)] == [0.005]
    clips = read_dataset(tmp_path, clip_seconds=0.01, complete=True)
    assert [clip.end_seconds for clip in clips] == [0.01]
    with pytest.raises(SettingError, match=r"option of layout annotated 'hop_secs' .*"):
        read_dataset(tmp_path, clip_seconds=0.01, hop_secs=1)
    # Others have clips of their own, whatever the length that a model hears.
    (tmp_path / "raven" / "a.Table.1.selections.txt").unlink()
    assert read_dataset(tmp_path, clip_seconds=0.01)[0].end_seconds is None


def test_a_folder_of_folders_is_read_as_by_its_own_reader(tmp_path: Path) -> None:
    class_folders(tmp_path)
    clips = read_dataset(tmp_path, classes=["wren"], group_by="part:1")
    assert clips.frame.equals(
        read_folder(tmp_path, classes=["wren"], group_by="part:1").frame
    )


def test_options_go_to_the_reader(tmp_path: Path) -> None:
    class_folders(tmp_path)
    clips = read_dataset(tmp_path, negatives=["wren"])
    assert [clip.labels for clip in clips] == [("robin",), ()]
    with pytest.raises(
        SettingError, match=r"option of layout folder 'negativs' .*ives'"
    ):
        read_dataset(tmp_path, negativs=["wren"])


def test_a_named_layout_is_believed(tmp_path: Path) -> None:
    made_words(tmp_path)
    asked = recognise(tmp_path, "speech_commands")
    assert str(asked) == "layout speech_commands, because it was asked for"
    clips = read_dataset(tmp_path, layout="speech_commands")
    assert clips.frame["split"].null_count() == 0
    with pytest.raises(DataError, match="the preset 12-class needs a folder for each"):
        read_dataset(tmp_path, layout="speech_commands:12-class")


def test_an_unknown_layout_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(
        SettingError, match=r"layout 'tables' .*'table'.*auto, esc, fold"
    ):
        read_dataset(tmp_path, layout="tables")
    with pytest.raises(DataError, match="gone: there is no such folder"):
        read_dataset(tmp_path / "gone")


def test_a_folder_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        recognise(tmp_path)


def test_a_huge_table_is_not_read_to_see_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path)
    monkeypatch.setattr("sonotype.dataset.readers.layout._MAX_BYTES", 10)
    assert recognise(tmp_path).layout == "folder"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings beside the project")
@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("esc10", "esc"),
        ("fsdd", "fsdd"),
        ("speech_commands", "folder"),
        ("screaming_piha", "annotated"),
        ("koumura_bird0", "table"),
    ],
)
def test_the_real_sets_are_recognised(name: str, layout: str) -> None:
    assert recognise(DATA / name).layout == layout


def test_every_layout_reads_a_path_with_classes_and_groups() -> None:
    import inspect

    for layout in LAYOUTS.values():
        parameters = list(inspect.signature(layout.read).parameters)
        assert {"classes", "group_by"} <= set(parameters[1:])
