from pathlib import Path

import pytest

from sonotype.clips import Clip, Clips, Rejected
from sonotype.dataset.checks.findings import find
from sonotype.dataset.checks.quick import (
    finding_lines,
    quick_findings,
    refuse_hopeless,
)
from sonotype.errors import DataError
from sonotype.labels import Labels


def table(labels: str) -> Clips:
    """A table of one file a label, all in groups of their own."""
    return Clips.of(
        [
            Clip(Path(f"{number}.wav"), tuple(label.split("+")), str(number))
            for number, label in enumerate(labels.split())
        ]
    )


def kinds(clips: Clips, digests: list[str] | None = None) -> list[str]:
    return [finding.kind for finding in quick_findings(clips, digests)]


def test_a_good_table_has_no_findings() -> None:
    assert kinds(table("no no no yes yes yes"), list("abcdef")) == []


def test_what_a_table_tells_the_worst_first() -> None:
    clips = table("No no no no yes yes yes")
    set_aside = [Rejected(Path("x.wav"), "is empty")]
    clips = Clips(clips.frame, clips.labels, tuple(set_aside))
    assert kinds(clips) == ["empty", "class-too-small", "similar-labels"]


def test_groups_of_one_class() -> None:
    clips = table("no no no no no no yes yes yes yes yes yes")
    clips = clips.with_groups(list("aabbccddeeff"))
    assert kinds(clips) == ["one-class-groups"]
    assert kinds(clips.with_groups(list("abcabcabcabc"))) == []


def test_equal_files_under_one_label_and_under_two() -> None:
    clips = table("no no no yes yes yes")
    first, second = quick_findings(clips, list("abcace"))
    assert {first.kind, second.kind} == {"label-conflict"}
    assert first.paths == (Path("0.wav"), Path("3.wav"))
    assert first.message == "2 files are the same sound (byte for byte) under no / yes"
    (duplicate,) = quick_findings(clips, list("aabcde"))
    assert (duplicate.kind, duplicate.message) == (
        "duplicate",
        "2 files are equal byte for byte",
    )


def test_two_clips_of_one_file_are_no_copies() -> None:
    path = Path("a.wav")
    clips = [
        Clip(path, (label,), str(at), start_seconds=at, end_seconds=at + 1)
        for at, label in enumerate(["no", "yes"] * 3)
    ]
    assert kinds(Clips.of(clips), ["same"] * 6) == []


def test_small_classes_do_not_matter_where_parts_are_given() -> None:
    clips = table("no yes no yes")
    assert kinds(clips) == ["class-too-small"] * 2
    parts = [
        clips.select(range(2)).with_split("train"),
        clips.select(range(2, 4)).with_split("test"),
    ]
    assert kinds(Clips.concatenate(parts)) == []


def test_one_line_a_kind() -> None:
    copies = [find("duplicate", f"{n} files are equal") for n in (4, 3, 2)]
    alike = find("similar-labels", "'A' and 'a' differ only by case")
    assert finding_lines([*copies, alike]) == [
        "warning: exact copies: 4 files are equal; and 2 more",
        "warning: labels that look the same: 'A' and 'a' differ only by case",
    ]


def test_one_class_cannot_be_told_from_anything() -> None:
    clips = Clips(table("no no no").frame, Labels(("no", "yes")))
    with pytest.raises(DataError, match="'no' is the only class, so there is nothing"):
        refuse_hopeless(clips)
    # A detector of one species is a model all the same.
    refuse_hopeless(clips, "multi-label")
    refuse_hopeless(table("no yes"), "single-label")


def test_labels_that_do_not_fit_the_task() -> None:
    clips = table("no yes no+yes")
    with pytest.raises(DataError, match=r"2\.wav: single-label data needs exactly one"):
        refuse_hopeless(clips, "single-label")
    refuse_hopeless(clips)


def test_a_clip_that_contradicts_itself() -> None:
    clip = Clip(Path("a.wav"), ("no",), "a", absent=("no",))
    with pytest.raises(DataError, match=r"a\.wav: the label 'no' is both"):
        refuse_hopeless(Clips.of([clip]), "multi-label")
