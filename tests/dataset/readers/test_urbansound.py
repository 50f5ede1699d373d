from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.readers.urbansound import read_urbansound
from sonotype.errors import DataError, SettingError

HEADER = "slice_file_name,fsID,start,end,salience,fold,classID,class\n"


@pytest.fixture
def miniature(tmp_path: Path) -> Path:
    rows = [
        ("100032-3-0-0.wav", "100032", "0.0", "0.317551", "1", "5", "3", "dog_bark"),
        ("100263-2-0-117.wav", "100263", "58.5", "62.5", "1", "10", "2", "siren"),
        ("100263-2-0-121.wav", "100263", "60.5", "64.5", "1", "10", "2", "siren"),
    ]
    for name, *_, fold, _number, _label in rows:
        path = tmp_path / "audio" / f"fold{fold}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(80), 8_000)
    (tmp_path / "metadata").mkdir()
    text = HEADER + "".join(",".join(row) + "\n" for row in rows)
    (tmp_path / "metadata" / "UrbanSound8K.csv").write_text(text)
    return tmp_path


def test_folds_classes_and_sources_are_read(miniature: Path) -> None:
    clips = read_urbansound(miniature)
    assert clips.rejected == ()
    found = [(clip.labels, clip.group, clip.split) for clip in clips]
    assert found == [
        (("dog_bark",), "100032", "fold5"),
        (("siren",), "100263", "fold10"),
        (("siren",), "100263", "fold10"),
    ]
    # The times in the table are those of the recording that a clip was cut from.
    assert clips.frame["start_seconds"].null_count() == 3


def test_classes_and_groups_may_be_asked_for(miniature: Path) -> None:
    clips = read_urbansound(miniature, classes=["siren"], group_by=r"/(\d+)-")
    assert clips.groups() == ["100263", "100263"]
    with pytest.raises(SettingError, match=r"class 'sirene' .*'siren'"):
        read_urbansound(miniature, classes=["sirene"])


def test_a_folder_without_the_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"UrbanSound8K\.csv: there is no such file"):
        read_urbansound(tmp_path)
