import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonotype.clips import SCHEMA, Clip, Clips, Rejected
from sonotype.errors import DataError
from sonotype.labels import Labels


def three_clips() -> Clips:
    return Clips.of(
        [
            Clip(Path("a.wav"), ("no",), "ann"),
            Clip(Path("b.wav"), ("yes",), "bob", start_seconds=0.5, end_seconds=1.5),
            Clip(Path("c.wav"), ("no",), "bob", split="test"),
        ],
        rejected=[Rejected(Path("d.wav"), "empty")],
    )


def test_rows_come_back_as_they_went_in() -> None:
    clips = three_clips()
    assert clips[1] == Clip(Path("b.wav"), ("yes",), "bob", 0.5, 1.5)
    assert [clip.path.name for clip in clips] == ["a.wav", "b.wav", "c.wav"]
    assert clips.labels.names == ("no", "yes")


def test_targets_are_one_hot_in_the_order_of_the_labels() -> None:
    np.testing.assert_array_equal(three_clips().targets(), [[1, 0], [0, 1], [1, 0]])
    assert three_clips().targets().dtype == np.float32


def test_what_is_known_to_be_absent_is_kept() -> None:
    clip = Clip(Path("a.wav"), ("wren",), "site 1", absent=("robin",))
    clips = Clips.of([clip], Labels(("crow", "robin", "wren")))
    assert clips[0] == clip
    with pytest.raises(DataError, match=r"not in the list: \['robin'\]"):
        Clips.of([clip], Labels(("wren",)))


label_names = ("a", "b", "c", "d")
subsets = st.sets(st.sampled_from(label_names))


@st.composite
def annotated(draw: st.DrawFn) -> Clip:
    heard = draw(subsets)
    absent = draw(st.none() | subsets.map(lambda some: tuple(sorted(some - heard))))
    return Clip(Path("a.wav"), tuple(sorted(heard)), "g", absent=absent)


@given(st.lists(annotated(), max_size=6))
def test_each_label_of_a_clip_is_present_absent_or_unknown(rows: list[Clip]) -> None:
    clips = Clips.of(rows, Labels(label_names))
    expected = np.full((len(rows), 4), np.nan, np.float32)
    for row, clip in enumerate(rows):
        for column, name in enumerate(label_names):
            if name in clip.labels:
                expected[row, column] = 1
            elif clip.absent is None or name in clip.absent:
                expected[row, column] = 0
    matrix = clips.label_matrix()
    np.testing.assert_array_equal(matrix, expected)
    assert matrix.dtype == np.float32
    assert list(clips) == rows


def test_labels_that_are_only_known_to_be_absent_are_labels() -> None:
    clip = Clip(Path("a.wav"), ("wren",), "g", absent=("owl",))
    assert Clips.of([clip]).labels.names == ("owl", "wren")


def test_a_label_cannot_be_heard_and_absent() -> None:
    clip = Clip(Path("odd.wav"), ("wren",), "g", absent=("owl", "wren"))
    clips = Clips.of([Clip(Path("a.wav"), ("owl",), "g"), clip])
    with pytest.raises(
        DataError, match=r"odd\.wav: the label 'wren' is both heard and"
    ):
        clips.label_matrix()


@pytest.mark.parametrize(
    ("labels", "absent", "expected"),
    [
        (("a",), None, False),
        (("a",), (), False),
        (("a",), ("b", "c", "d"), False),
        (("a",), ("b",), True),
        ((), None, True),
        ((), label_names, True),
        (("a", "b"), None, True),
    ],
)
def test_clips_of_one_label_each_are_single_label(
    labels: tuple[str, ...], absent: tuple[str, ...] | None, expected: bool
) -> None:
    plain = Clip(Path("a.wav"), ("c",), "g")
    clip = Clip(Path("b.wav"), labels, "g", absent=absent)
    clips = Clips.of([plain, clip], Labels(label_names))
    assert clips.is_multi_label is expected
    assert Clips.of([], Labels(label_names)).is_multi_label is False


def test_single_label_targets_are_the_label_matrix() -> None:
    clips = three_clips()
    np.testing.assert_array_equal(clips.label_matrix(), clips.targets())


def test_counts_include_labels_nobody_carries() -> None:
    clips = Clips(three_clips().frame, Labels(("yes", "no", "stop")))
    assert clips.counts() == {"yes": 1, "no": 2, "stop": 0}


def test_selecting_keeps_order_and_labels() -> None:
    chosen = three_clips().select([2, 0])
    assert [clip.path.name for clip in chosen] == ["c.wav", "a.wav"]
    assert chosen.labels == three_clips().labels


def test_selecting_nothing_is_an_empty_table_with_the_same_labels() -> None:
    empty = three_clips().select([])
    assert len(empty) == 0
    assert empty.targets().shape == (0, 2)


def test_groups_and_splits_are_replaced_without_touching_the_original() -> None:
    clips = three_clips()
    assert clips.with_groups(["x", "y", "z"]).groups() == ["x", "y", "z"]
    assert {clip.split for clip in clips.with_split("train")} == {"train"}
    assert clips.groups() == ["ann", "bob", "bob"]


def test_tables_are_put_together_only_with_the_same_labels() -> None:
    clips = three_clips()
    assert len(Clips.concatenate([clips, clips])) == 6
    with pytest.raises(DataError, match="different labels"):
        Clips.concatenate([clips, Clips(clips.frame, Labels(("yes", "no")))])


def test_what_no_table_can_hold_is_refused() -> None:
    for clip in (
        Clip(Path(os.fsdecode(b"caf\xe9.wav")), ("no",), "g"),
        Clip(Path("a.wav"), ("no",), os.fsdecode(b"caf\xe9")),
    ):
        with pytest.raises(DataError, match=r"caf.*is not valid UTF-8; rename it"):
            Clips.of([clip])
    for column in ("path", "labels", "group"):
        nothing = pl.lit(None, SCHEMA[column]).alias(column)
        with pytest.raises(DataError, match=f"has rows without {column}"):
            Clips(three_clips().frame.with_columns(nothing), Labels(("no", "yes")))


def test_windows_of_one_recording_share_its_path() -> None:
    clips = Clips.of(Clip(Path(name), ("no",), "g") for name in ("a", "b", "a"))
    paths = clips.paths()
    assert paths == [Path("a"), Path("b"), Path("a")]
    assert paths[0] is paths[2]


def test_unlisted_labels_and_missing_columns_are_refused() -> None:
    with pytest.raises(DataError, match=r"not in the list: \['yes'\]"):
        Clips(three_clips().frame, Labels(("no",)))
    with pytest.raises(DataError, match="needs the columns"):
        Clips(pl.DataFrame({"path": ["a.wav"]}), Labels(("no",)))


@pytest.mark.parametrize("labels", [(), ("no", "yes")])
def test_a_clip_without_exactly_one_label_is_named(labels: tuple[str, ...]) -> None:
    clips = Clips.of([Clip(Path("odd.wav"), labels, "ann")], Labels(("no", "yes")))
    with pytest.raises(DataError, match=r"odd\.wav: .* exactly one label"):
        clips.label_indices()
