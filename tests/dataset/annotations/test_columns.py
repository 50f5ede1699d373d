from pathlib import Path

import pytest

from sonotype.dataset.annotations.columns import event_columns
from sonotype.errors import DataError

PATH = Path("labels.csv")


def test_a_row_becomes_an_event() -> None:
    header = ["start", "duration", "label", "low_hz", "high_hz", "score"]
    columns = event_columns(header, PATH, needed=[])
    event = columns.event(["1", "0.5", "wren", "2e3", "", "0.9"], Path("a.wav"))
    assert (event.start_seconds, event.end_seconds) == (1.0, 1.5)
    assert (event.low_hz, event.high_hz, event.score) == (2_000.0, None, 0.9)
    # A row may be short; without an end an event is a point.
    short = event_columns(
        ["start", "label", "score"], PATH, needed=["start", "labels"]
    ).event(["1", "x"], Path("a"))
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
    columns = event_columns(["start", "duration", "label"], PATH, needed=[])
    with pytest.raises(DataError, match=message):
        columns.event(cells, Path("a.wav"))


def test_what_is_needed_and_one_label_for_all() -> None:
    header = ["Von", "end"]
    given = {"start": "von"}
    with pytest.raises(DataError, match="no column is known to tell the labels"):
        event_columns(header, PATH, needed=["start", "labels"], columns=given)
    columns = event_columns(
        header, PATH, needed=["start", "labels"], columns=given, label="wren"
    )
    assert columns.event(["1", "2"], Path("a.wav")).label == "wren"
    assert columns.event(["1", "2"], Path("a.wav"), label="owl").label == "owl"
