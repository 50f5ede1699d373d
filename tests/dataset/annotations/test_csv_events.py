from pathlib import Path

import pytest

from sonotype.dataset.annotations.csv_events import (
    csv_names_recordings,
    is_csv_events,
    read_csv_events,
)
from sonotype.errors import DataError
from sonotype.events import Event

KOUMURA = Path(__file__).parents[3].parent / "shared" / "data" / "koumura_bird0"


def write(folder: Path, text: str, name: str = "events.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_table_of_events(mark: str, line_end: str, tmp_path: Path) -> None:
    rows = [
        ("path", "start_seconds", "end_seconds", "label", "low_hz", "score"),
        ("audio/a.wav", "0.5", "1.5", '"wren, far; or so"', "2000", "0.5"),
        ("b.wav", "1", "1", "robin", "", ""),
    ]
    text = line_end.join(mark.join(row) for row in rows)
    events = read_csv_events(write(tmp_path, text))
    first = tmp_path / "audio" / "a.wav"
    assert list(events) == [
        Event(first, "wren, far; or so", 0.5, 1.5, 2_000, None, 0.5),
        Event(tmp_path / "b.wav", "robin", 1, 1),
    ]


def test_columns_may_be_named(tmp_path: Path) -> None:
    text = "Datei,von,Dauer,Art\na.wav,1,0.5,wren\n"
    names = {"recording": "Datei", "start": "von", "duration": "Dauer", "label": "Art"}
    events = read_csv_events(write(tmp_path, text), columns=names)
    assert list(events) == [Event(tmp_path / "a.wav", "wren", 1.0, 1.5)]


def test_without_a_recording_the_table_is_named_after_it(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    path = write(tmp_path, "start,end,label\n0,1,wren\n", "a.csv")
    assert read_csv_events(path)[0].recording == tmp_path / "a.wav"
    assert read_csv_events(path, recording=Path("b"))[0].recording == Path("b")
    with pytest.raises(DataError, match="no recording has its name"):
        read_csv_events(path.rename(tmp_path / "b.csv"))


def test_one_label_for_all(tmp_path: Path) -> None:
    path = write(tmp_path, "file,start,end\na.wav,0,1\n")
    assert read_csv_events(path, label="wren")[0].label == "wren"


def test_wrong_rows_are_set_aside(tmp_path: Path) -> None:
    text = "path,start,end,label\n,0,1,wren\na.wav,1,0,wren\na.wav\na.wav,0,1,wren\n"
    events = read_csv_events(write(tmp_path, text))
    assert len(events) == 1
    assert [item.reason for item in events.rejected] == [
        "line 2: its recording '' is not the name of a file",
        "line 3: its time ends at 0 s, before it begins at 1 s",
        "line 4: its start '' is not a number",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "start"),
        ("hello", "start"),
        ("path,start,end", "label"),
        ("path,start,label", "end"),
        ("path,label", "start"),
    ],
)
def test_another_table(text: str, part: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"no column looks like the {part} of an event"):
        read_csv_events(write(tmp_path, text))
    assert not is_csv_events(text)


def test_a_table_is_known_by_its_header() -> None:
    assert is_csv_events("\ufefffile;start;end;species\n")
    assert csv_names_recordings("file;start;end;species\n")
    assert not csv_names_recordings("start;end;species\n")


@pytest.mark.skipif(
    not KOUMURA.is_dir(), reason="needs the recordings beside the project"
)
def test_the_finch() -> None:
    events = read_csv_events(KOUMURA / "events.csv")
    # README of the recordings: 447 events, 9 classes.
    assert (len(events), len(events.label_names())) == (447, 9)
    assert events.rejected == ()
    assert all(path.is_file() for path in events.recordings())
    assert (events[0].start_seconds, events[0].end_seconds) == (1.07, 1.154)
