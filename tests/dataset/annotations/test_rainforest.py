from pathlib import Path

import pytest

from sonotype.dataset.annotations.rainforest import is_rainforest, read_rainforest
from sonotype.errors import DataError
from sonotype.events import Event

HEADER = "recording_id,species_id,songtype_id,t_min,f_min,t_max,f_max"
ROW = "003bec244,14,1,44.544,2531.25,45.1307,5531.25"


def write(folder: Path, text: str, name: str = "train_tp.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "heard"), [("train_tp", True), ("train_fp", False)])
def test_true_positives_are_present_and_false_ones_absent(
    name: str, heard: bool, tmp_path: Path
) -> None:
    (tmp_path / "train").mkdir()
    audio = tmp_path / "train" / "003bec244.flac"
    audio.touch()
    path = write(tmp_path, f"{HEADER}\n{ROW}\n", f"{name}.csv")
    box = (44.544, 45.1307, 2531.25, 5531.25)
    assert list(read_rainforest(path)) == [Event(audio, "14", *box, is_present=heard)]
    (song,) = read_rainforest(path, by_song_type=True)
    assert song.label == "14_1"


def test_a_column_says_it_row_by_row(tmp_path: Path) -> None:
    text = f"{HEADER},is_tp\n{ROW},1\n{ROW},0\n{ROW},maybe\n"
    events = read_rainforest(write(tmp_path, text, "both.csv"))
    assert [event.is_present for event in events] == [True, False]
    assert events.rejected[0].reason == "line 4: its is_tp 'maybe' is neither 1 nor 0"
    told = read_rainforest(write(tmp_path, text, "both.csv"), is_present=False)
    assert [event.is_present for event in told] == [False] * 3


def test_nothing_is_guessed(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER}\n{ROW}\n", "mine.csv")
    with pytest.raises(DataError, match="nothing says whether its rows are true or"):
        read_rainforest(path)
    assert read_rainforest(path, is_present=True)[0].is_present


def test_wrong_rows_are_set_aside(tmp_path: Path) -> None:
    text = f"{HEADER}\n{ROW.replace('44.544', '46')}\n{ROW.replace('14,', ',')}\n"
    events = read_rainforest(write(tmp_path, text))
    assert [item.reason for item in events.rejected] == [
        "line 2: its time ends at 45.1307 s, before it begins at 46 s",
        "line 3: it has no label",
    ]


def test_another_table(tmp_path: Path) -> None:
    assert not is_rainforest('recording_id,"x')
    with pytest.raises(DataError, match=r"is not a table like train_tp\.csv"):
        read_rainforest(write(tmp_path, "recording_id,species_id\n"))
