"""What is written as events is read as annotations."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.inference.made_scores import recording_scores

from sonotype.dataset.annotations.formats import read_annotations, recognise_format
from sonotype.errors import SettingError
from sonotype.events import Event
from sonotype.inference.event_detection import EventRule, RecordingEvents
from sonotype.inference.event_writers import EVENT_FORMATS, event_table

BEGAN = datetime(2024, 1, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-3.5)))
READ_BACK = ("csv", "jsonl", "raven", "audacity", "parquet")


def found_in(path: Path, seed: int = 0, **changes: Any) -> RecordingEvents:
    scores = np.random.default_rng(seed).random((40, 2))
    # A hop that has no short decimal.
    made = recording_scores(
        scores, hop=1 / 3, recording=str(path), site="hill", **changes
    )
    return RecordingEvents.of(made, EventRule(off=0.3))


def same(one: Event, other: Event, *, has_score: bool) -> bool:
    times = [one.start_seconds, one.end_seconds]
    others = [other.start_seconds, other.end_seconds]
    return (
        (one.recording, one.label, one.is_present)
        == (other.recording, other.label, other.is_present)
        and times == pytest.approx(others, abs=1.5e-6)
        and (not has_score or one.score == pytest.approx(other.score, abs=1e-6))
    )


@pytest.mark.parametrize("name", READ_BACK)
def test_one_recording_is_read_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    found = found_in(path)
    assert len(found.events) > 5
    file = tmp_path / f"a{EVENT_FORMATS[name].suffix}"
    file.write_bytes(EVENT_FORMATS[name].write([found]))
    assert recognise_format(file) in (name, "table")
    again = read_annotations(file)
    assert again.rejected == ()
    pairs = zip(again, found.events, strict=True)
    assert all(same(*pair, has_score=name != "audacity") for pair in pairs)
    if name in ("csv", "jsonl", "parquet"):
        assert {event.group for event in again} == {"hill"}


@pytest.mark.parametrize("name", [n for n in READ_BACK if n != "audacity"])
def test_several_recordings_are_read_back(name: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{letter}.wav" for letter in "ab"]
    for path in paths:
        path.touch()
    found = [found_in(path, seed) for seed, path in enumerate(paths)]
    file = tmp_path / f"all{EVENT_FORMATS[name].suffix}"
    file.write_bytes(EVENT_FORMATS[name].write(found))
    expected = [event for each in found for event in each.events]
    again = read_annotations(file)
    assert again.recordings() == paths
    pairs = zip(again, expected, strict=True)
    assert all(same(*pair, has_score=True) for pair in pairs)


def test_times_of_raven_run_through_the_recordings() -> None:
    found = [found_in(Path(name)) for name in ("a.wav", "b.wav")]
    lines = EVENT_FORMATS["raven"].write(found).decode().splitlines()
    header = lines[0].split("\t")
    rows = [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]
    assert [row["Selection"] for row in rows] == [*map(str, range(1, len(rows) + 1))]
    for row in rows:
        before = found[0].duration_seconds if row["Begin Path"] == "b.wav" else 0
        begin, offset = float(row["Begin Time (s)"]), float(row["File Offset (s)"])
        assert begin == pytest.approx(before + offset, abs=2e-6)
    assert rows[0]["High Freq (Hz)"] == "4000"


def test_json_is_one_array(tmp_path: Path) -> None:
    rows = json.loads(EVENT_FORMATS["json"].write([found_in(tmp_path / "鳥.wav")]))
    assert rows[0]["recording"].endswith("鳥.wav")
    assert list(rows[0]) == event_table([]).columns


def test_the_clock_runs_on_over_midnight() -> None:
    scores = recording_scores([[0, 0], [0, 0], [1, 0], [0, 0]], recorded_at=BEGAN)
    row = event_table([RecordingEvents.of(scores)]).row(0, named=True)
    assert row["begins_at"] == "2024-02-01T00:00:00.250-03:30"
    assert row["ends_at"] == "2024-02-01T00:00:00.750-03:30"
    begins = BEGAN + timedelta(seconds=row["start_seconds"])
    assert datetime.fromisoformat(row["begins_at"]) == begins


def test_a_clock_without_a_zone_and_no_clock() -> None:
    plain = recording_scores([[1, 0]], recorded_at=BEGAN.replace(tzinfo=None))
    unknown = recording_scores([[1, 0]])
    table = event_table([RecordingEvents.of(each) for each in (plain, unknown)])
    assert table["begins_at"].to_list() == ["2024-01-31T23:59:59.000", None]
    assert table["site"].to_list() == [None, None]


@pytest.mark.parametrize("name", EVENT_FORMATS)
def test_nothing_heard_is_no_error(name: str, tmp_path: Path) -> None:
    nothing = RecordingEvents.of(recording_scores([[0, 0]]))
    for found in ([], [nothing]):
        content = EVENT_FORMATS[name].write(found)
        assert EVENT_FORMATS[name].is_text == (name != "parquet")
        if name in ("csv", "parquet"):
            (tmp_path / "a").write_bytes(content)
            read = pl.read_csv if name == "csv" else pl.read_parquet
            assert read(tmp_path / "a").columns == event_table([]).columns


def test_a_track_is_about_one_recording() -> None:
    found = [found_in(Path(name)) for name in ("a.wav", "b.wav")]
    with pytest.raises(SettingError, match="is about one recording, but these are 2"):
        EVENT_FORMATS["audacity"].write(found)


@pytest.mark.parametrize("name", ["raven", "audacity"])
def test_a_label_that_would_break_the_line_is_refused(name: str) -> None:
    scores = recording_scores([[1, 0]], labels=("a\tb", "c"))
    with pytest.raises(SettingError, match=r"'a\\tb' holds a tab or a line break"):
        EVENT_FORMATS[name].write([RecordingEvents.of(scores)])


def test_a_label_with_commas_and_quotes_is_read_back_from_csv(tmp_path: Path) -> None:
    labels = ('a "b", c\n', "ö")
    labels = (labels[0].strip(), labels[1])
    (tmp_path / "a.wav").touch()
    scores = recording_scores(
        [[1, 1]], labels=labels, recording=str(tmp_path / "a.wav")
    )
    (tmp_path / "a.csv").write_bytes(
        EVENT_FORMATS["csv"].write([RecordingEvents.of(scores)])
    )
    again = read_annotations(tmp_path / "a.csv")
    assert sorted(again.label_names()) == sorted(labels)
