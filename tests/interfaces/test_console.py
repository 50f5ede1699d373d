from pathlib import Path

import pytest

from sonotype.clips import Clip, Clips
from sonotype.dataset.split import Split
from sonotype.interfaces.cli.console import emit_table, split_table
from sonotype.labels import Labels


def part(*rows: tuple[str, tuple[str, ...]]) -> Clips:
    """Return clips of a group and labels each."""
    clips = (
        Clip(Path(f"{i}.wav"), labels, group) for i, (group, labels) in enumerate(rows)
    )
    return Clips.of(clips, Labels(("owl", "wren [x]")))


def printed(parts: Split, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    emit_table(split_table(parts))
    return [line.rsplit(maxsplit=3) for line in capsys.readouterr().out.splitlines()]


def test_a_split_is_a_table_of_classes_and_parts_with_groups_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    owl, wren = ("owl",), ("wren [x]",)
    parts = Split(part(("a", owl), ("a", wren), ("b", owl)), part(("c", wren)), part())
    assert printed(parts, capsys) == [
        ["class", "train", "validation", "test"],
        ["owl", "2", "0", "0"],
        ["wren [x]", "1", "1", "0"],
        ["all", "3", "1", "0"],
        ["groups", "2", "1", "0"],
    ]


def test_clips_of_several_classes_and_of_none_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = ("owl", "wren [x]")
    parts = Split(part(("a", both), ("a", ()), ("b", ())), part(("c", both)), part())
    assert printed(parts, capsys) == [
        ["class", "train", "validation", "test"],
        ["owl", "1", "1", "0"],
        ["wren [x]", "1", "1", "0"],
        ["no class", "2", "0", "0"],
        ["all", "3", "1", "0"],
        ["groups", "2", "1", "0"],
    ]
