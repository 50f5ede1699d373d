import codecs
import os
from pathlib import Path

import pytest

from sonotype.clips import Rejected
from sonotype.dataset.annotations import text
from sonotype.dataset.annotations.text import (
    EventCollector,
    read_head,
    read_text,
    split_csv,
    split_lines,
    to_number,
    to_optional_number,
)
from sonotype.errors import DataError
from sonotype.events import Event


@pytest.mark.parametrize(
    "content",
    [
        "né".encode(),
        codecs.BOM_UTF8 + "né".encode(),
        codecs.BOM_UTF16_LE + "né".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "né".encode("utf-16-be"),
    ],
)
def test_text_with_and_without_a_mark(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    assert read_text(path) == "né"
    assert read_head(path) == "né"


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("né".encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.txt: is not utf-8 text \(byte 1\); save"):
        read_text(path)
    path.write_bytes(codecs.BOM_UTF16_LE + b"\x00")
    with pytest.raises(DataError, match="is not utf-16 text"):
        read_text(path)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    for read in (read_text, read_head):
        with pytest.raises(DataError, match="cannot be read: No such file"):
            read(tmp_path / "missing.txt")
        with pytest.raises(DataError, match="is not a regular file"):
            read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    for read in (read_text, read_head):
        with pytest.raises(DataError, match="is not a regular file"):
            read(tmp_path / "a.txt")


def test_a_file_may_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(2**20 + 1))
    monkeypatch.setattr(text, "MAX_BYTES", 2**20)
    with pytest.raises(DataError, match="has 1 MiB, more than the 1 MiB an annotation"):
        read_text(path)


def test_lines_end_where_files_say_so() -> None:
    assert split_lines("a\nb\r\nc\rd\x0be\u2028f") == ["a", "b", "c", "d\x0be\u2028f"]


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
