"""The oracle here is arithmetic done by hand, written beside each case."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonotype.dataset.overlap import HALF_OF_EVENT, OverlapRule, mark_windows
from sonotype.errors import SettingError
from sonotype.events import Event

SIDE_BY_SIDE = np.arange(5.0)


def call(start: float, end: float, *, label: str = "wren", heard: bool = True) -> Event:
    return Event(Path("a.wav"), label, start, end, is_present=heard)


def marks(
    *events: Event, rule: OverlapRule = HALF_OF_EVENT, starts: np.ndarray = SIDE_BY_SIDE
) -> str:
    """Return a letter a window: H heard, D denied, ? unknown, - nothing."""
    found = mark_windows(events, starts, seconds=1.0, rule=rule).marks
    letters = (
        "H" if mark.present else "?" if mark.partial else "D" if mark.denied else "-"
        for mark in found
    )
    return "".join(letters)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (1.2, 1.4, "-H---"),  # wholly inside
        (1.0, 2.0, "-H---"),  # exactly a window: its neighbours hold nothing of it
        (0.9, 1.1, "HH---"),  # 0.1 of 0.2 in each: half is enough
        (0.8, 1.1, "H?---"),  # 0.2 of 0.3, then 0.1 of 0.3
        (0.4, 1.5, "HH---"),  # 0.6, then 0.5; longer than a window, so 0.5 is needed
        (0.6, 3.3, "?HH?-"),  # 0.4, 1, 1, 0.3 of the 0.5 that a long event needs
        (4.9, 6.0, "----?"),  # 0.1 of 1.1; the rest is outside the recording
        (2.0, 2.0, "--H--"),  # a point on an edge lies in the later window
        (1.5, 1.5, "-H---"),
        (5.0, 5.0, "----H"),  # nothing is later than the end
    ],
)
def test_half_of_the_event(start: float, end: float, expected: str) -> None:
    assert marks(call(start, end)) == expected


@pytest.mark.parametrize(
    ("rule", "start", "end", "expected"),
    [
        (OverlapRule(min_seconds=0.25), 0.7, 1.25, "HH---"),  # 0.3 and 0.25
        (OverlapRule(min_seconds=0.25), 0.7, 1.24, "H?---"),  # 0.3 and 0.24
        (OverlapRule(min_seconds=0.25), 0.7, 0.9, "?----"),  # 0.2 in all
        (OverlapRule(min_seconds=0.25), 0.5, 0.5, "?----"),  # a point has 0
        (OverlapRule(min_seconds=0.0), 0.99, 1.01, "HH---"),
        (OverlapRule(min_window_fraction=0.3), 0.7, 1.2, "H?---"),  # 30 %, 20 %
        (OverlapRule(min_window_fraction=1.0), 0.5, 2.5, "?H?--"),
        (OverlapRule(min_event_fraction=1.0), 0.5, 1.4, "??---"),  # in neither whole
        (OverlapRule(min_event_fraction=1.0), 0.5, 2.5, "?H?--"),  # fills one window
        (OverlapRule(min_event_fraction=0.0), 0.99, 1.5, "HH---"),
    ],
)
def test_the_other_rules(
    rule: OverlapRule, start: float, end: float, expected: str
) -> None:
    assert marks(call(start, end), rule=rule) == expected


def test_overlapping_windows_see_an_event_across_an_edge_whole() -> None:
    starts = np.array([0.0, 0.5, 1.0, 1.5])
    assert marks(call(0.7, 1.3), starts=starts) == "HHH-"  # 0.3, 0.6, 0.3 of 0.6
    assert marks(call(0.8, 1.4), starts=starts) == "?HH-"  # 0.2, 0.6, 0.4 of 0.6


def test_each_event_counts_by_itself() -> None:
    # 0.2 and 0.2 of 1.0 each: together 0.4 of a window, but no half of either.
    assert marks(call(0.2, 1.2), call(1.8, 2.8)) == "H?H--"
    rule = OverlapRule(min_window_fraction=0.4)
    assert marks(call(0.1, 0.3), call(0.5, 0.7), rule=rule) == "?----"


def test_what_is_denied_needs_as_much_and_loses_against_what_is_heard() -> None:
    assert marks(call(0.0, 0.6, heard=False)) == "D----"
    assert marks(call(0.8, 1.1, heard=False)) == "D----"
    assert marks(call(0.0, 0.6, heard=False), call(0.1, 0.2)) == "H----"
    found = mark_windows(
        [call(0.8, 1.1), call(1.5, 1.9, heard=False), call(1, 2, label="robin")],
        SIDE_BY_SIDE,
        seconds=1.0,
        rule=HALF_OF_EVENT,
    ).marks
    labels = ("owl", "robin", "wren")
    assert found[1].present == {"robin"}
    # Window 1 holds some of a wren, so it cannot be said to have none.
    assert found[1].absent(labels, complete=False) == ()
    assert found[1].absent(labels, complete=True) == ("owl",)
    assert found[2].absent(labels, complete=True) == labels
    assert found[2].absent(labels, complete=False) == ()


def test_what_no_window_carries_is_lost() -> None:
    rule = OverlapRule(min_seconds=0.5)
    short, long = call(0.1, 0.2), call(1.0, 2.0)
    found = mark_windows([short, long], SIDE_BY_SIDE, seconds=1.0, rule=rule)
    assert found.lost == [short]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of .* but has none"),
        ({"min_seconds": 1.0, "min_event_fraction": 0.5}, "has min_seconds, min_event"),
        ({"min_seconds": -1.0}, r"min_seconds must be at least 0, but it is -1\.0"),
        ({"min_seconds": float("nan")}, "min_seconds must be at least 0"),
        ({"min_event_fraction": 1.1}, "min_event_fraction must be at least 0 and at m"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(
    options: dict[str, float], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        OverlapRule(**options)


times = st.integers(0, 600).map(lambda hundredths: hundredths / 100)
spans = st.tuples(times, times).map(sorted)


@given(span=spans, needed=st.sampled_from([0.0, 0.1, 0.5, 0.8]))
def test_windows_agree_with_arithmetic_in_whole_hundredths(
    span: list[float], needed: float
) -> None:
    start, end = (round(100 * second) for second in span)
    expected = ""
    for first in range(0, 500, 100):
        overlap = min(end, first + 100) - max(start, first)
        is_enough = overlap >= 100 * needed
        expected += "-" if overlap <= 0 else "H" if is_enough else "?"
    if start < end:
        assert marks(call(*span), rule=OverlapRule(min_seconds=needed)) == expected
