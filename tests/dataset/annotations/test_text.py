from pathlib import Path

import pytest

from sonotype.clips import Rejected
from sonotype.dataset.annotations.text import (
    EventCollector,
    split_csv,
    to_number,
    to_optional_number,
)
from sonotype.errors import DataError
from sonotype.events import Event


def test_rows_know_their_line() -> None:
    rows = list(split_csv('a, b\n\n,\n"c\nd",e\n', Path("x.csv"), ","))
    assert rows == [(1, ["a", "b"]), (5, ["c\nd", "e"])]


@pytest.mark.parametrize("broken", ['a\n"b', '"a"b', "x" * 200_000])
def test_broken_csv_is_one_sentence(broken: str) -> None:
    with pytest.raises(DataError, match=r"x\.csv: line \d is not CSV \("):
        list(split_csv(broken, Path("x.csv"), ","))


@pytest.mark.parametrize("number", ["1", "-1.5", ".5", "5.", "+1e-3"])
def test_numbers(number: str) -> None:
    assert to_number(number, "time") == float(number)


@pytest.mark.parametrize(
    "wrong", ["", "nan", "inf", "1e999", "1_0", "1,5", "0x1", "٣", "1 s", "-", "1\n"]
)
def test_what_is_no_number(wrong: str) -> None:
    with pytest.raises(DataError, match=r"its time .* is not a number"):
        to_number(wrong, "time")


def test_a_long_cell_is_shortened() -> None:
    with pytest.raises(DataError, match=r"its time 'x{40}…' is not"):
        to_number("x" * 50, "time")


def test_an_empty_cell_holds_nothing() -> None:
    assert to_optional_number("", "score") is None
    assert to_optional_number("0.5", "score") == 0.5


def test_a_wrong_row_is_set_aside_with_its_line() -> None:
    collector = EventCollector(Path("a.txt"))
    for line, end in ((2, 1.0), (3, -1.0), (4, 2.0)):
        with collector.row(line):
            collector.add(Event(Path("a.wav"), "wren", 0.5, end))
    events = collector.events()
    assert [event.end_seconds for event in events] == [1.0, 2.0]
    reason = "line 3: its time -1 s is negative"
    assert events.rejected == (Rejected(Path("a.txt"), reason),)
