import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.readers.folder import (
    find_background_noise,
    read_folder,
)
from sonotype.errors import DataError, SettingError

DATA = Path(__file__).parents[3].parent / "shared" / "data"


def add(path: Path, n_samples: int = 80) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(n_samples), 8_000, format="WAV")
    return path


def reasons(root: Path) -> dict[str, str]:
    clips = read_folder(root)
    return {
        item.path.relative_to(root).as_posix(): item.reason for item in clips.rejected
    }


def test_the_first_folder_is_the_label(tmp_path: Path) -> None:
    files = [
        add(tmp_path / "no" / "ann_nohash_0.wav"),
        add(tmp_path / "yes" / "B.WAV"),
        add(tmp_path / "yes" / "deep" / "er" / "a.wav"),
    ]
    (tmp_path / "yes" / "notes.txt").write_text("not sound")
    clips = read_folder(tmp_path)
    assert clips.paths() == files
    assert [clip.labels for clip in clips] == [("no",), ("yes",), ("yes",)]
    assert clips.groups() == ["ann", "yes/B.WAV", "yes/deep/er/a.wav"]
    assert clips.labels.names == ("no", "yes")
    assert clips.rejected == ()
    assert clips[0].start_seconds is None
    assert clips[0].split is None


def test_it_may_be_named_by_text_and_grouped(tmp_path: Path) -> None:
    add(tmp_path / "no" / "a.wav")
    assert read_folder(str(tmp_path), group_by="part:1").groups() == ["no"]


def test_hidden_files_and_background_noise_are_no_clips(tmp_path: Path) -> None:
    add(tmp_path / "no" / "a.wav")
    add(tmp_path / "no" / ".b.wav")
    add(tmp_path / ".git" / "c.wav")
    noise = [
        add(tmp_path / "_background_noise_" / name) for name in ("hum.wav", "in/x.wav")
    ]
    clips = read_folder(tmp_path)
    assert clips.paths() == [tmp_path / "no" / "a.wav"]
    assert clips.labels.names == ("no",)
    assert find_background_noise(tmp_path) == noise
    with pytest.raises(SettingError, match="class '_background_noise_' is unknown"):
        read_folder(tmp_path, classes=["_background_noise_"])


def test_there_may_be_no_background_noise(tmp_path: Path) -> None:
    assert find_background_noise(tmp_path) == []


def test_what_cannot_be_used_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    good = add(tmp_path / "no" / "good.wav")
    content = good.read_bytes()
    bad = tmp_path / "no"
    (bad / "cut.wav").write_bytes(content[:100])
    (bad / "empty.wav").touch()
    (bad / "text.wav").write_text("hello")
    (bad / "gone.wav").symlink_to(bad / "nowhere.wav")
    (bad / "circle.wav").symlink_to(bad / "circle.wav")
    (bad / "folder.wav").mkdir()
    add(bad / "zero.wav", 0)
    add(tmp_path / "loose.wav")
    (bad / "open.wav").write_bytes(content[:40] + struct.pack("<I", 2**31) + bytes(99))
    assert reasons(tmp_path) == {
        "loose.wav": "lies in no class folder",
        "no/circle.wav": "cannot be read: Too many levels of symbolic links",
        "no/cut.wav": (
            "is cut short: its header promises 160 bytes of sound, but 56 are there; "
            "get the whole file again"
        ),
        "no/empty.wav": "is empty (0 bytes)",
        "no/gone.wav": "there is no such file",
        "no/text.wav": (
            "cannot be read: it is not audio in a format that can be read here; "
            "convert it to WAV or FLAC"
        ),
        "no/zero.wav": "holds no sound: 0 samples",
    }
    assert read_folder(tmp_path).paths() == [good, bad / "open.wav"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    root = tmp_path / "root"
    add(root / "no" / "a.wav")
    add(tmp_path / "elsewhere" / "b.wav")
    (root / "yes").symlink_to(tmp_path / "elsewhere")
    (root / "no" / "up").symlink_to(root)
    (root / "yes" / "down").symlink_to(root / "yes")
    clips = read_folder(root)
    assert clips.paths() == [root / "no" / "a.wav", root / "yes" / "b.wav"]
    assert [item.reason for item in clips.rejected] == [
        f"is the same folder as {root}, which is read already",
        f"is the same folder as {root / 'yes'}, which is read already",
    ]


def test_classes_choose_and_order_the_labels(tmp_path: Path) -> None:
    for name in ("down", "no", "yes"):
        add(tmp_path / name / "a.wav")
    (tmp_path / "down" / "bad.wav").touch()
    clips = read_folder(tmp_path, classes=["yes", "no"])
    assert clips.labels.names == ("yes", "no")
    assert clips.counts() == {"yes": 1, "no": 1}
    assert clips.rejected == ()


def test_an_unknown_class_is_named_with_the_nearest(tmp_path: Path) -> None:
    add(tmp_path / "yes" / "a.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingError, match=r"class 'yess' is unknown .*'yes'"):
        read_folder(tmp_path, classes=["yess"])
    with pytest.raises(SettingError, match=r"class 'empty' is unknown; .* yes"):
        read_folder(tmp_path, classes=["empty"])


def test_no_class_is_not_all_classes(tmp_path: Path) -> None:
    add(tmp_path / "yes" / "a.wav")
    with pytest.raises(SettingError, match="no class was asked for; choose from: yes"):
        read_folder(tmp_path, classes=[])


def test_a_class_without_a_usable_clip(tmp_path: Path) -> None:
    add(tmp_path / "yes" / "a.wav")
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "b.wav").touch()
    with pytest.raises(DataError, match=r"'no' has no recording .* is empty \(0 byte"):
        read_folder(tmp_path, classes=["yes", "no"])
    assert read_folder(tmp_path).labels.names == ("yes",)
    with pytest.raises(DataError, match=r"class 'no' has no recording that can be"):
        read_folder(tmp_path, classes=["no"])


def test_no_usable_clip_at_all(tmp_path: Path) -> None:
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "b.wav").touch()
    with pytest.raises(DataError, match=r"there is no recording that can be used; .*b"):
        read_folder(tmp_path)


@pytest.mark.parametrize("name", ["missing", "file.wav"])
def test_a_folder_that_is_none(tmp_path: Path, name: str) -> None:
    add(tmp_path / "file.wav")
    with pytest.raises(DataError, match=f"{name}: there is no such folder"):
        read_folder(tmp_path / name)


def test_a_folder_without_class_folders(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    (tmp_path / "texts").mkdir()
    with pytest.raises(DataError, match="has no class folder with recordings; put"):
        read_folder(tmp_path)


def test_a_file_that_the_grouping_does_not_fit(tmp_path: Path) -> None:
    add(tmp_path / "yes" / "a.wav")
    with pytest.raises(DataError, match=r"the first of them yes/a\.wav"):
        read_folder(tmp_path, group_by="part:3")


def test_a_folder_may_name_several_labels(tmp_path: Path) -> None:
    for name in ("robin", "robin,wren", "wren , robin,wren"):
        add(tmp_path / name / "a.wav")
    clips = read_folder(tmp_path)
    assert [clip.labels for clip in clips] == [
        ("robin",),
        ("robin", "wren"),
        ("wren", "robin"),
    ]
    assert all(clip.absent is None for clip in clips)
    assert clips.labels.names == ("robin", "wren")
    (wren,) = {clip.labels for clip in read_folder(tmp_path, classes=["wren"])}
    assert wren == ("wren",)


def test_a_folder_that_names_an_empty_label_is_set_aside(tmp_path: Path) -> None:
    add(tmp_path / "robin," / "a.wav")
    add(tmp_path / "wren" / "a.wav")
    assert reasons(tmp_path) == {
        "robin,/a.wav": "a label in the name of the folder 'robin,' is empty; rename it"
    }


def test_noise_is_a_class_unless_it_is_a_negative(tmp_path: Path) -> None:
    for name in ("background", "noise", "robin", "wren", "_background_noise_"):
        add(tmp_path / name / "a.wav")
    clips = read_folder(tmp_path)
    assert clips.labels.names == ("background", "noise", "robin", "wren")
    negatives = ["background", "noise", "_background_noise_"]
    clips = read_folder(tmp_path, negatives=negatives)
    assert clips.labels.names == ("robin", "wren")
    assert {clip.path.parent.name: (clip.labels, clip.absent) for clip in clips} == {
        "_background_noise_": ((), None),
        "background": ((), None),
        "noise": ((), None),
        "robin": (("robin",), None),
        "wren": (("wren",), None),
    }
    clips = read_folder(tmp_path, classes=["wren"], negatives=["noise"])
    assert [(clip.labels, clip.absent) for clip in clips] == [
        ((), None),
        (("wren",), None),
    ]


def test_negatives_are_folders_and_no_classes(tmp_path: Path) -> None:
    add(tmp_path / "noise" / "a.wav")
    add(tmp_path / "wren" / "a.wav")
    with pytest.raises(SettingError, match=r"negatives 'nois' is unknown .*'noise'"):
        read_folder(tmp_path, negatives=["nois"])
    with pytest.raises(SettingError, match="'noise' cannot be both a class and a fold"):
        read_folder(tmp_path, negatives=["noise"], classes=["noise", "wren"])
    with pytest.raises(DataError, match="has no class folder with recordings"):
        read_folder(tmp_path, negatives=["noise", "wren"])


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings beside the project")
def test_speech_commands_is_read_whole() -> None:
    clips = read_folder(DATA / "speech_commands", classes=["no", "yes"])
    assert clips.rejected == ()
    assert list(clips.counts()) == ["no", "yes"]
    n_files = sum(1 for _ in (DATA / "speech_commands" / "no").glob("*.wav"))
    assert clips.counts()["no"] == n_files
    assert 0 < len(set(clips.groups())) < len(clips)
