from pathlib import Path

import pytest

from sonotype.dataset.annotations.columns import NAMES, find_columns, plain_name
from sonotype.errors import DataError, SettingError

PATH = Path("labels.csv")


@pytest.mark.parametrize(
    "header",
    [
        "path,start_seconds,end_seconds,label",
        "file,start,end,species",
        "filename,onset,offset,event_label",
        "IN FILE,OFFSET,DURATION,MANUAL ID",
        "Begin Path,Begin Time (s),End Time (s),Annotation",
        "recording_id,t_min,t_max,class",
    ],
)
def test_names_that_people_use(header: str) -> None:
    positions = find_columns(header.split(","), PATH).positions
    end = "duration" if "DURATION" in header else "end"
    assert [positions[part] for part in ("recording", "start", end, "label")] == [
        *range(4)
    ]


def test_every_name_is_in_its_plain_form() -> None:
    for part, names in NAMES.items():
        assert [plain_name(name) for name in names] == list(names), part


def test_a_given_name_wins() -> None:
    given = {"label": "what", "start": "Von"}
    columns = find_columns(["label", "von", "end", "what"], PATH, given=given)
    assert columns.positions == {"label": 3, "start": 1, "end": 2}


def test_a_given_name_that_is_not_there() -> None:
    with pytest.raises(DataError, match=r"has no column 'what'; it has: a, b"):
        find_columns(["a", "b"], PATH, given={"label": "what"})
    with pytest.raises(SettingError, match=r"part of an event 'labl' .*'label'\?"):
        find_columns(["a", "b"], PATH, given={"labl": "a"})


def test_a_row_becomes_an_event() -> None:
    header = ["start", "duration", "label", "low_hz", "high_hz", "score"]
    columns = find_columns(header, PATH)
    event = columns.event(["1", "0.5", "wren", "2e3", "", "0.9"], Path("a.wav"))
    assert (event.start_seconds, event.end_seconds) == (1.0, 1.5)
    assert (event.low_hz, event.high_hz, event.score) == (2_000.0, None, 0.9)
    # A row may be short; without an end an event is a point.
    short = find_columns(["start", "label", "score"], PATH).event(["1", "x"], Path("a"))
    assert (short.end_seconds, short.score) == (1.0, None)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["x", "1", "wren"], "its start 'x' is not a number"),
        (["1", "", "wren"], "its duration '' is not a number"),
        (["1", "-1", "wren"], "its duration -1 s is negative"),
        (["1", "1", ""], "it has no label"),
        ([], "its start '' is not a number"),
    ],
)
def test_a_row_that_is_no_event(cells: list[str], message: str) -> None:
    columns = find_columns(["start", "duration", "label"], PATH)
    with pytest.raises(DataError, match=message):
        columns.event(cells, Path("a.wav"))
