from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.readers.fsdd import read_fsdd
from sonotype.errors import DataError

DATA = Path(__file__).parents[3].parent / "shared" / "data"
NAMES = ("0_ann_0.wav", "0_bob_12.wav", "7_ann_5.wav")


@pytest.mark.parametrize("folder", ["recordings", "."])
def test_names_tell_digit_and_speaker(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    for name in (*NAMES, "odd.wav"):
        soundfile.write(tmp_path / folder / name, np.zeros(80), 8_000)
    clips = read_fsdd(tmp_path)
    assert [(clip.labels, clip.group, clip.split) for clip in clips] == [
        (("0",), "ann", None),
        (("0",), "bob", None),
        (("7",), "ann", None),
    ]
    assert [item.reason for item in clips.rejected] == [
        "is not named DIGIT_SPEAKER_INDEX.wav"
    ]
    official = read_fsdd(tmp_path, official_split=True, group_by="file")
    assert official.frame["split"].to_list() == ["test", "train", "train"]
    assert official.groups() == list(NAMES)


def test_a_folder_that_holds_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no recording named DIGIT_SPEAKER_INDEX\.wav"):
        read_fsdd(tmp_path)
    with pytest.raises(DataError, match="gone: there is no such folder"):
        read_fsdd(tmp_path / "gone")


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings beside the project")
def test_the_real_set_has_six_speakers() -> None:
    clips = read_fsdd(DATA / "fsdd", official_split=True)
    assert clips.counts() == {str(digit): 300 for digit in range(10)}
    assert len(set(clips.groups())) == 6
    assert (clips.frame["split"] == "test").sum() == 300
