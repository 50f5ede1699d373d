from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.readers.esc import read_esc
from sonotype.dataset.split import k_folds
from sonotype.errors import DataError

DATA = Path(__file__).parents[3].parent / "shared" / "data"


def add(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(80), 8_000, format="WAV")
    return path


def test_esc50_is_read_from_its_table(tmp_path: Path) -> None:
    names = ["1-100-A-0.wav", "1-100-B-0.wav", "2-200-A-36.wav"]
    for name in names:
        add(tmp_path / "audio" / name)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text(
        "filename,fold,target,category,esc10,src_file,take\n"
        f"{names[0]},1,0,dog,True,100,A\n"
        f"{names[1]},1,0,dog,True,100,B\n"
        f"{names[2]},2,36,vacuum_cleaner,False,200,A\n"
        "3-300-A-0.wav,3,0,dog,True,300,A\n"
        "4-400-A-0.wav,,0,dog,True,400,A\n"
    )
    clips = read_esc(tmp_path)
    assert clips.paths() == [tmp_path / "audio" / name for name in names]
    assert clips.counts() == {"dog": 2, "vacuum_cleaner": 1}
    assert clips.groups() == ["100", "100", "200"]
    assert clips.frame["split"].to_list() == ["fold1", "fold1", "fold2"]
    assert [item.reason for item in clips.rejected] == [
        "row 5: there is no such file",
        "row 6: the column 'fold' is empty",
    ]


def test_esc10_is_read_from_its_names(tmp_path: Path) -> None:
    add(tmp_path / "001 - Dog bark" / "1-100032-A.ogg")
    add(tmp_path / "001 - Dog bark" / "1-100032-B.ogg")
    add(tmp_path / "010 - Fire crackling" / "5-7-A.ogg")
    odd = add(tmp_path / "010 - Fire crackling" / "odd.ogg")
    add(tmp_path / "other" / "1-1-A.ogg")
    clips = read_esc(tmp_path, classes=["Fire crackling", "Dog bark"])
    assert clips.labels.names == ("Fire crackling", "Dog bark")
    assert [(clip.labels[0], clip.group, clip.split) for clip in clips] == [
        ("Dog bark", "100032", "fold1"),
        ("Dog bark", "100032", "fold1"),
        ("Fire crackling", "7", "fold5"),
    ]
    assert [item.path for item in clips.rejected] == [odd]


def test_a_folder_that_is_neither(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"neither meta/esc50\.csv nor folders named li"
    ):
        read_esc(tmp_path)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("filename,fold\n")
    with pytest.raises(DataError, match="has no column 'category'; get the file again"):
        read_esc(tmp_path)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings beside the project")
def test_the_real_esc10_has_five_folds_of_eighty() -> None:
    clips = read_esc(DATA / "esc10")
    assert clips.rejected == ()
    assert Counter(clips.frame["split"]) == {f"fold{i}": 80 for i in range(1, 6)}
    assert list(clips.counts().values()) == [40] * 10
    folds_of = clips.frame.group_by("group").n_unique()["split"]
    assert folds_of.to_list() == [1] * len(folds_of)
    for number, fold in enumerate(k_folds(clips), start=1):
        assert {path.name[0] for path in fold.test.paths()} == {str(number)}
        assert len(fold.train) + len(fold.validation) == 320
        assert not set(fold.train.groups()) & set(fold.validation.groups())
