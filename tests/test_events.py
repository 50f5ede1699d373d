import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sonotype.clips import Rejected
from sonotype.errors import DataError
from sonotype.events import SCHEMA, Event, Events


def two_events() -> Events:
    return Events.of(
        [
            Event(Path("b.wav"), "wren", 0.5, 2.0, 2_000.0, 7_500.0, 0.9),
            Event(Path("a.wav"), "robin", 1.0, 1.0, is_present=False, group="s1"),
        ],
        rejected=[Rejected(Path("b.txt"), "line 3: it has no label")],
    )


def test_rows_come_back_as_they_went_in() -> None:
    events = two_events()
    assert events[0] == Event(Path("b.wav"), "wren", 0.5, 2.0, 2_000, 7_500, 0.9)
    assert list(events) == [events[0], events[1]]
    assert events[1].low_hz is None
    assert (events[1].is_present, events[1].group, events[1].split) == (
        False,
        "s1",
        None,
    )
    assert events[0].duration_seconds == 1.5
    assert events.recordings() == [Path("a.wav"), Path("b.wav")]
    assert events.label_names() == ["robin", "wren"]


def test_selecting_keeps_the_order_asked_for() -> None:
    chosen = two_events().select(np.array([1, 0]))
    assert [event.label for event in chosen] == ["robin", "wren"]
    assert chosen.rejected == ()


def test_parts_are_put_together() -> None:
    events = two_events()
    both = Events.concatenate([events, events])
    assert [event.label for event in both] == ["wren", "robin"] * 2
    assert len(both.rejected) == 2
    assert len(Events.concatenate([])) == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": ""}, "it has no label"),
        ({"label": " wren"}, "its label ' wren' is padded"),
        ({"start_seconds": -0.5}, r"its time -0\.5 s is negative"),
        ({"end_seconds": 0.4}, r"its time ends at 0\.4 s, before it begins at 0\.5 s"),
        ({"end_seconds": math.inf}, "its time inf is not a finite number"),
        ({"start_seconds": math.nan}, "its time nan is not a finite number"),
        ({"low_hz": -1.0}, "its frequency -1 Hz is negative"),
        (
            {"low_hz": 9.0, "high_hz": 8.0},
            "its frequency ends at 8 Hz, before it begins",
        ),
        ({"score": math.nan}, "its score nan is not a finite number"),
    ],
)
def test_an_impossible_event_is_refused(
    changed: dict[str, float | str], message: str
) -> None:
    possible = {"label": "wren", "start_seconds": 0.5, "end_seconds": 2.0}
    with pytest.raises(DataError, match=message):
        Event(Path("a.wav"), **(possible | changed))  # type: ignore[arg-type]


def test_a_table_with_other_columns_is_refused() -> None:
    with pytest.raises(DataError, match="a table of events needs the columns"):
        Events(pl.DataFrame({"recording": ["a.wav"]}))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("end_seconds", 0.1, r"ends at 0\.1 s, before it begins"),
        ("start_seconds", math.nan, "not a finite"),
        ("label", None, "rows without label"),
        ("is_present", None, "rows without is_present"),
    ],
)
def test_a_table_with_impossible_rows_is_refused(
    column: str, value: object, message: str
) -> None:
    row = dict(
        zip(
            SCHEMA,
            ("a.wav", "wren", 0.5, 2.0, None, None, None, True, None, None),
            strict=True,
        )
    )
    frame = pl.DataFrame([row | {column: value}], schema=SCHEMA)
    with pytest.raises(DataError, match=message):
        Events(frame)


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(DataError, match="is not valid UTF-8; rename it"):
        Events.of([Event(Path("\udcff.wav"), "wren", 0.0, 1.0)])
