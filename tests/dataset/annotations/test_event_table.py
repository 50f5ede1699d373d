from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sonotype.dataset.annotations.event_table import (
    has_boxes,
    has_scores,
    is_event_table,
    read_event_table,
    table_names_recordings,
)
from sonotype.dataset.annotations.formats import read_beginning, recognise_format
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
        ("audio/a.wav", "0.5", "1.5", '"wren, far or so"', "2000", "0.5"),
        ("b.wav", "1", "1", "robin", "", ""),
    ]
    text = line_end.join(mark.join(row) for row in rows)
    events = read_event_table(write(tmp_path, text))
    first = tmp_path / "audio" / "a.wav"
    assert list(events) == [
        Event(first, "wren, far or so", 0.5, 1.5, 2_000, None, 0.5),
        Event(tmp_path / "b.wav", "robin", 1, 1),
    ]


def test_columns_may_be_named(tmp_path: Path) -> None:
    text = "Datei,von,Dauer,Art\na.wav,1,0.5,wren\n"
    names = {"path": "Datei", "start": "von", "duration": "Dauer", "labels": "Art"}
    events = read_event_table(write(tmp_path, text), columns=names)
    assert list(events) == [Event(tmp_path / "a.wav", "wren", 1.0, 1.5)]


def test_without_a_recording_the_table_is_named_after_it(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    path = write(tmp_path, "start,end,label\n0,1,wren\n", "a.csv")
    assert read_event_table(path)[0].recording == tmp_path / "a.wav"
    assert read_event_table(path, recording=Path("b"))[0].recording == Path("b")
    with pytest.raises(DataError, match="no recording has its name"):
        read_event_table(path.rename(tmp_path / "b.csv"))


def test_one_label_for_all(tmp_path: Path) -> None:
    path = write(tmp_path, "file,start,end\na.wav,0,1\n")
    assert read_event_table(path, label="wren")[0].label == "wren"


def test_wrong_rows_are_set_aside(tmp_path: Path) -> None:
    text = "path,start,end,label\n,0,1,wren\na.wav,1,0,wren\na.wav\na.wav,0,1,wren\n"
    events = read_event_table(write(tmp_path, text))
    assert len(events) == 1
    assert [item.reason for item in events.rejected] == [
        "row 4: has 1 cells, but there are 4 columns",
        "row 2: its recording '' is not the name of a file",
        "row 3: its time ends at 0 s, before it begins at 1 s",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is empty; its first line must name the columns"),
        ("hello", "is known to tell the start"),
        ("path,start,end", "is known to tell the labels"),
        ("path,start,label", "is known to tell the end"),
        ("path,label", "is known to tell the start"),
    ],
)
def test_another_table(text: str, part: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=part):
        read_event_table(write(tmp_path, text))
    assert not is_event_table(text)


def test_a_table_is_known_by_its_header() -> None:
    assert is_event_table("\ufefffile;start;end;species\n")
    assert table_names_recordings("file;start;end;species\n")
    assert not table_names_recordings("start;end;species\n")


@pytest.mark.skipif(
    not KOUMURA.is_dir(), reason="needs the recordings beside the project"
)
def test_the_finch() -> None:
    events = read_event_table(KOUMURA / "events.csv")
    # README of the recordings: 447 events, 9 classes.
    assert (len(events), len(events.label_names())) == (447, 9)
    assert events.rejected == ()
    assert all(path.is_file() for path in events.recordings())
    assert (events[0].start_seconds, events[0].end_seconds) == (1.07, 1.154)


ROWS = [
    {"path": "a.wav", "start": 0.5, "end": 1.5, "label": "wren;owl", "low_hz": 2e3},
    {"path": "a.wav", "start": 2.0, "end": 3.0, "absent": "owl", "site": "pond"},
]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"])
def test_every_kind_of_table_says_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"events{suffix}"
    frame = pl.DataFrame(ROWS)
    write_as: dict[str, Callable[[Path], Any]] = {
        ".csv": frame.write_csv,
        ".tsv": lambda path: frame.write_csv(path, separator="\t"),
        ".jsonl": frame.write_ndjson,
        ".ndjson": frame.write_ndjson,
        ".parquet": frame.write_parquet,
    }
    write_as[suffix](path)
    assert recognise_format(path) == "table"
    assert has_boxes(read_beginning(path))
    recording = tmp_path / "a.wav"
    assert list(read_event_table(path)) == [
        Event(recording, "wren", 0.5, 1.5, 2_000),
        Event(recording, "owl", 0.5, 1.5, 2_000),
        Event(recording, "owl", 2.0, 3.0, is_present=False, group="pond"),
    ]


def test_lists_are_labels_too(tmp_path: Path) -> None:
    text = '{"path": "a.wav", "start": 0, "end": 1, "labels": ["wren", "owl"]}\n{\n'
    events = read_event_table(write(tmp_path, text, "events.jsonl"))
    assert [event.label for event in events] == ["wren", "owl"]
    assert events.rejected[0].reason.startswith("row 2: is not JSON: ")


def test_the_separator_may_be_another(tmp_path: Path) -> None:
    path = write(tmp_path, "path,start,end,label\na.wav,0,1,wren|a;b\n")
    events = read_event_table(path, separator="|")
    assert [event.label for event in events] == ["wren", "a;b"]


def test_groups_parts_and_folds_are_kept(tmp_path: Path) -> None:
    text = "path,start,end,label,site,set\na.wav,0,1,x,s1,VAL\nb.wav,0,1,x,,\n"
    events = read_event_table(write(tmp_path, text + "c.wav,0,1,x,s1,some\n"))
    assert [(event.group, event.split) for event in events] == [
        ("s1", "validation"),
        (None, None),
    ]
    assert [item.reason for item in events.rejected] == [
        "row 4: 'some' is neither train, validation or test nor a fold"
    ]
    folds = write(tmp_path, "path,start,end,label,fold\na.wav,0,1,x,3\n")
    assert read_event_table(folds)[0].split == "fold3"


def test_what_is_no_table_of_people(tmp_path: Path) -> None:
    assert has_scores("path,start,end,label,Score\n")
    assert not has_scores("path,start,end,label\n")
    assert not has_boxes("path,start,end,label\n")
    assert not has_boxes("path,label,low_hz\n")  # no times: no events
