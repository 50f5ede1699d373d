from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sonotype.clips import Clip, Clips, Rejected
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
