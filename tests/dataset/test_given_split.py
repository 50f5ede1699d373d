from collections.abc import Sequence
from pathlib import Path

import pytest

from sonotype.clips import Clip, Clips
from sonotype.dataset.given_split import given_folds, given_parts
from sonotype.dataset.split import Split, k_folds, split
from sonotype.errors import DataError, SettingError


def make_clips(parts: Sequence[str | None], *, group_size: int = 1) -> Clips:
    """Return clips of two classes by turns, each assigned to a part."""
    return Clips.of(
        Clip(Path(f"{i}.wav"), ("ab"[i % 2],), f"g{i // group_size}", split=part)
        for i, part in enumerate(parts)
    )


def numbers(clips: Clips) -> list[int]:
    return [int(path.stem) for path in clips.paths()]


def test_given_parts_are_kept_in_their_order() -> None:
    parts = ["train", "train", "test", "validation", "test", "train", "validation"]
    clips = make_clips(parts)
    for seed in (0, 1):
        found = split(clips, validation=0.3, test=0.4, seed=seed)
        assert [numbers(part) for part in found] == [[0, 1, 5], [3, 6], [2, 4]]
        for name, part in found._asdict().items():
            assert part.frame["split"].to_list() == [name] * len(part)
    assert numbers(split(clips, validation=0).validation) == [3, 6]


def test_missing_validation_is_drawn_from_train_by_group() -> None:
    clips = make_clips(["train"] * 80 + ["test"] * 20, group_size=4)
    found = split(clips, validation=0.2)
    assert numbers(found.test) == list(range(80, 100))
    # 0.2 of all the clips, taken from the 80 of the training part.
    assert [len(part) for part in found] == [60, 20, 20]
    assert found.validation.counts() == {"a": 10, "b": 10}
    assert not set(found.train.groups()) & set(found.validation.groups())
    assert set(found.validation.frame["split"]) == {"validation"}
    again, other = split(clips, validation=0.2), split(clips, validation=0.2, seed=1)
    assert numbers(again.validation) == numbers(found.validation)
    assert numbers(other.validation) != numbers(found.validation)
    assert len(split(clips, validation=0).validation) == 0


def test_a_test_part_that_is_not_given_stays_empty() -> None:
    found = split(make_clips(["train"] * 8 + ["validation"] * 4))
    assert [len(part) for part in found] == [8, 4, 0]


@pytest.mark.parametrize(
    "parts",
    [
        ["train"] * 40,
        ["validation", "validation", "test", "test"] * 10,
        ["train", "train", "test", None] * 10,
        ["train", "train", "test", "fold1"] * 10,
        ["fold1", "fold1", "fold2", "fold2"] * 10,
    ],
)
def test_what_is_not_a_whole_split_is_drawn_anew(parts: list[str | None]) -> None:
    clips = make_clips(parts)
    assert given_parts(clips) == ()
    drawn = split(make_clips([None] * 40))
    assert [numbers(part) for part in split(clips)] == [numbers(p) for p in drawn]


def test_given_parts_may_be_drawn_anew() -> None:
    clips = make_clips(["train"] * 30 + ["test"] * 10)
    assert given_parts(clips) == ("train", "test")
    drawn = split(make_clips([None] * 40), seed=3)
    found = split(clips, seed=3, keep_given=False)
    assert [numbers(part) for part in found] == [numbers(part) for part in drawn]


def test_a_class_that_is_not_in_the_given_training_part() -> None:
    clips = make_clips(["train", "test", "train", "test"])
    with pytest.raises(
        DataError, match=r"'b' has no clip in the training .* keep_given"
    ):
        split(clips, validation=0)


def test_a_share_that_leaves_nothing_of_the_given_training_part() -> None:
    clips = make_clips(["train"] * 10 + ["test"] * 40)
    with pytest.raises(
        SettingError, match=r"is 0\.3, which leaves nothing of the 10 cl"
    ):
        split(clips, validation=0.3)


def test_given_folds_are_the_test_parts() -> None:
    folds = [f"fold{i // 10 + 1}" for i in range(110)]  # 11 folds: 10 is not after 1
    clips = make_clips(folds, group_size=2)
    assert given_folds(clips) == tuple(f"fold{i}" for i in range(1, 12))
    found = k_folds(clips, validation=0.2)
    assert [numbers(fold.test) for fold in found] == [
        list(range(start, start + 10)) for start in range(0, 110, 10)
    ]
    for fold in found:
        assert [len(part) for part in fold] == [78, 22, 10]
        together = [number for part in fold for number in numbers(part)]
        assert sorted(together) == list(range(110))
        assert not set(fold.train.groups()) & set(fold.validation.groups())
        assert [set(part.frame["split"]) for part in fold] == [
            {name} for name in Split._fields
        ]
    validations = {tuple(numbers(fold.validation)) for fold in found}
    assert len(validations) == 11
    assert all(len(fold.validation) == 0 for fold in k_folds(clips, validation=0))


def test_another_number_of_folds_has_to_be_asked_for() -> None:
    clips = make_clips([f"fold{i // 10 + 1}" for i in range(40)])
    assert len(k_folds(clips, n_folds=4)) == 4
    with pytest.raises(
        SettingError, match="come in 4 folds, but n_folds is 5; leave it"
    ):
        k_folds(clips, n_folds=5)
    drawn = k_folds(make_clips([None] * 40), seed=2)
    found = k_folds(clips, seed=2, keep_given=False)
    assert [numbers(fold.test) for fold in found] == [numbers(f.test) for f in drawn]
    assert len(found) == 5


@pytest.mark.parametrize(
    "folds", [["fold1"] * 4, ["fold1", "fold2", None, "fold2"], ["fold1", "foldx"] * 2]
)
def test_what_are_not_folds(folds: list[str | None]) -> None:
    assert given_folds(make_clips(folds)) == ()


def test_given_folds_that_leave_nothing_for_training() -> None:
    clips = make_clips([f"fold{i // 10 + 1}" for i in range(20)])
    with pytest.raises(SettingError, match=r"they are 0\.5 and 0\.5$"):
        k_folds(clips, validation=0.5)
