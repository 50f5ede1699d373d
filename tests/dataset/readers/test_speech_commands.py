import hashlib
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clips
from sonotype.dataset.readers.speech_commands import (
    PRESETS,
    published_part,
    read_speech_commands,
)
from sonotype.dataset.split import split
from sonotype.errors import DataError, SettingError

DATA = Path(__file__).parents[3].parent / "shared" / "data"
TEN = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
OTHERS = ("bed", "cat", "dog")


def add(path: Path, seconds: float = 0.01) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(seconds * 8_000)), 8_000, format="WAV")
    return path


def speaker_of(part: str, number: int) -> str:
    """Return a speaker whom the published rule puts in a part."""
    names = (f"{i:08x}" for i in range(1_000))
    fitting = [name for name in names if published_part(f"{name}_nohash_0.wav") == part]
    return fitting[number]


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen words of ten speakers for training and one for each other part."""
    root = tmp_path_factory.mktemp("speech_commands")
    speakers = [speaker_of("train", number) for number in range(10)]
    speakers += [speaker_of("validation", 0), speaker_of("test", 0)]
    for word in (*TEN, *OTHERS):
        for speaker in speakers:
            add(root / word / f"{speaker}_nohash_0.wav")
    add(root / "_background_noise_" / "hum.wav", 20.5)
    add(root / "_background_noise_" / "short.wav", 0.5)
    (root / "_background_noise_" / "bad.wav").write_text("no sound")
    return root


def per_part(clips: Clips, label: str) -> dict[str, int]:
    return dict(Counter(clip.split or "" for clip in clips if label in clip.labels))


def test_the_rule_is_the_published_one() -> None:
    # Each step by hand, as the README of the data set spells it out.
    for number in range(300):
        name = f"{number:08x}_nohash_{number % 5}.wav"
        speaker = re.sub(r"_nohash_.*$", "", name)
        hashed = int.from_bytes(hashlib.sha1(speaker.encode()).digest(), "big")
        percent = (hashed % 2**27) * (100.0 / (2**27 - 1))
        expected = "validation" if percent < 10 else "test" if percent < 20 else "train"
        assert published_part(name) == expected


def test_without_lists_the_rule_decides(miniature: Path) -> None:
    clips = read_speech_commands(miniature)
    assert len(clips) == 13 * 12
    assert clips.labels.names == tuple(sorted((*TEN, *OTHERS)))
    for clip in clips:
        assert clip.split == published_part(clip.path.name)
        assert clip.group == clip.path.name.partition("_nohash_")[0]
    assert [len(set(part.groups())) for part in split(clips)] == [10, 1, 1]


def test_the_lists_decide_where_they_are(tmp_path: Path) -> None:
    for word in ("no", "yes"):
        for speaker in ("ann", "bob", "cat", "dan"):
            add(tmp_path / word / f"{speaker}_nohash_0.wav")
    (tmp_path / "testing_list.txt").write_text("no/ann_nohash_0.wav\n")
    clips = read_speech_commands(tmp_path)
    assert per_part(clips, "no") == {"test": 1, "train": 3}
    lines = "yes/bob_nohash_0.wav\r\nno/bob_nohash_0.wav\r\n"
    (tmp_path / "validation_list.txt").write_bytes(lines.encode())
    clips = read_speech_commands(tmp_path, classes=["yes", "no"])
    assert clips.labels.names == ("yes", "no")
    assert per_part(clips, "no") == {"test": 1, "train": 2, "validation": 1}
    assert per_part(clips, "yes") == {"train": 3, "validation": 1}


def test_eight_words(miniature: Path) -> None:
    clips = read_speech_commands(miniature, preset="8-words")
    assert clips.labels.names == tuple(sorted(set(TEN) - {"off", "on"}))
    assert len(clips) == 8 * 12


def test_twelve_classes(miniature: Path) -> None:
    clips = read_speech_commands(miniature, preset="12-class")
    assert clips.labels.names == ("_silence_", "_unknown_", *TEN)
    # A tenth of the 100 clips of ten words in training, of the 10 in the other parts.
    assert per_part(clips, "_unknown_") == {"train": 10, "validation": 1, "test": 1}
    assert per_part(clips, "_silence_") == {"train": 10, "validation": 1, "test": 1}
    assert {clip.path.parent.name for clip in clips if "_unknown_" in clip.labels} <= {
        *OTHERS
    }
    silence = [clip for clip in clips if "_silence_" in clip.labels]
    ends = {"train": (0, 16), "validation": (16, 18), "test": (18, 20)}
    for clip in silence:
        assert clip.path.name == "hum.wav"
        assert clip.start_seconds is not None
        assert clip.end_seconds == clip.start_seconds + 1
        first, last = ends[clip.split or ""]
        assert first <= clip.start_seconds < last
    assert len(set(silence)) == len(silence)
    assert len({clip.group for clip in silence}) == 3
    assert [item.path.name for item in clips.rejected] == ["bad.wav"]
    again = read_speech_commands(miniature, preset="12-class")
    assert again.frame.equals(clips.frame)


def test_thirty_five_words_have_to_be_there(miniature: Path) -> None:
    assert len(PRESETS["35-class"]) == 35
    with pytest.raises(
        DataError, match="none for: backward, bird, eight, five, follow"
    ):
        read_speech_commands(miniature, preset="35-class")


def test_twelve_classes_need_noise_and_other_words(tmp_path: Path) -> None:
    for word in TEN:
        add(tmp_path / word / "ann_nohash_0.wav")
    with pytest.raises(
        DataError, match="nothing to make _unknown_ of; the preset 12-cl"
    ):
        read_speech_commands(tmp_path, preset="12-class")
    add(tmp_path / "_unknown_" / "ann_nohash_0.wav")
    with pytest.raises(
        DataError, match="nothing to make _silence_ of; the preset 12-cl"
    ):
        read_speech_commands(tmp_path, preset="12-class")
    add(tmp_path / "_silence_" / "1.wav")
    assert len(read_speech_commands(tmp_path, preset="12-class")) == 12


def test_an_unknown_preset_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"preset '8-word' .*'8-words'"):
        read_speech_commands(tmp_path, preset="8-word")
    with pytest.raises(DataError, match="gone: there is no such folder"):
        read_speech_commands(tmp_path / "gone")


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings beside the project")
def test_the_official_test_archive_is_all_in_the_test_part() -> None:
    clips = read_speech_commands(DATA / "speech_commands", preset="12-class")
    assert len(clips) == 3_932
    spoken = [clip for clip in clips if "_nohash_" in clip.path.name]
    assert len(spoken) == 3_932 - 327
    assert {clip.split for clip in spoken} == {"test"}
    assert all(re.fullmatch("[0-9a-f]{8}", clip.group) for clip in spoken)
