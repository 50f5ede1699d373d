import codecs
import os
from pathlib import Path

import pytest

from sonotype.dataset import text_file
from sonotype.dataset.text_file import read_head, read_text, split_lines
from sonotype.errors import DataError


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
    monkeypatch.setattr(text_file, "MAX_BYTES", 2**20)
    with pytest.raises(DataError, match="has 1 MiB, more than the 1 MiB a file of"):
        read_text(path)


def test_lines_end_where_files_say_so() -> None:
    assert split_lines("a\nb\r\nc\rd\x0be\u2028f") == ["a", "b", "c", "d\x0be\u2028f"]
