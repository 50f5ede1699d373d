from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonotype.clips import Clip, Clips, Rejected
from sonotype.dataset.readers.folder import read_folder
from sonotype.dataset.split import Split, k_folds, split
from sonotype.errors import DataError, SettingError
from sonotype.labels import Labels

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CLASSES = ("a", "b", "c")

# A row is a label and a group; eight groups of its own are added for each label, so
# that every class can be in every part.
rows = st.lists(st.tuples(st.sampled_from(CLASSES), st.integers(0, 12)), max_size=60)
seeds = st.integers(0, 2**32)


def make_clips(pairs: Sequence[tuple[str, object]]) -> Clips:
    return Clips.of(
        (
            Clip(Path(f"{position}.wav"), (label,), str(group))
            for position, (label, group) in enumerate(pairs)
        ),
        Labels(CLASSES),
    )


def with_own_groups(pairs: Sequence[tuple[str, int]]) -> list[tuple[str, object]]:
    own = [(label, f"{label}{number}") for label in CLASSES for number in range(8)]
    return [*pairs, *own]


def groups_by_part(parts: Split) -> dict[str, set[str]]:
    return {name: set(part.groups()) for name, part in parts._asdict().items()}


@settings(max_examples=60, deadline=None)
@given(pairs=rows, seed=seeds)
def test_parts_share_no_group_and_hold_every_clip_once(
    pairs: list[tuple[str, int]], seed: int
) -> None:
    clips = make_clips(with_own_groups(pairs))
    parts = split(clips, seed=seed)
    train, validation, test = groups_by_part(parts).values()
    assert not train & validation | train & test | validation & test
    found = Counter(clip.path for part in parts for clip in part)
    assert found == Counter(clips.paths())
    for name, part in parts._asdict().items():
        assert set(part.frame["split"]) == {name}
        assert all(part.counts().values())
        assert part.labels == clips.labels
        positions = [int(path.stem) for path in part.paths()]
        assert positions == sorted(positions)


@settings(max_examples=30, deadline=None)
@given(pairs=rows, seed=seeds, data=st.data())
def test_the_order_of_the_clips_does_not_matter(
    pairs: list[tuple[str, int]], seed: int, data: st.DataObject
) -> None:
    clips = make_clips(with_own_groups(pairs))
    order = data.draw(st.permutations(range(len(clips))))
    expected = groups_by_part(split(clips, seed=seed))
    assert groups_by_part(split(clips.select(order), seed=seed)) == expected


def test_a_seed_gives_one_split_and_another_seed_another() -> None:
    clips = make_clips([("abc"[i % 3], i) for i in range(90)])
    first = groups_by_part(split(clips, seed=3))
    assert groups_by_part(split(clips, seed=3)) == first
    assert groups_by_part(split(clips, seed=4)) != first


def test_groups_of_one_clip_are_shared_out_exactly() -> None:
    clips = make_clips(
        [(label, f"{label}{i}") for label in CLASSES for i in range(100)]
    )
    parts = split(clips, validation=0.15, test=0.2)
    for part, wanted in zip(parts, (65, 15, 20), strict=True):
        assert part.counts() == dict.fromkeys(CLASSES, wanted)


def test_a_skewed_set_is_balanced_as_well_as_its_groups_allow() -> None:
    generator = np.random.default_rng(0)
    pairs: list[tuple[str, object]] = []
    # A few speakers made most of the clips, and class c is rare.
    for group, size in enumerate(np.ceil(generator.pareto(1.2, 300) * 4).astype(int)):
        size = min(int(size), 120)
        pairs += [
            (label, group)
            for label in generator.choice(CLASSES, size, p=[0.75, 0.2, 0.05])
        ]
    clips = make_clips(pairs)
    for part, wanted in zip(split(clips), (0.65, 0.15, 0.2), strict=True):
        for label, count in part.counts().items():
            assert count / clips.counts()[label] == pytest.approx(wanted, abs=0.02)
        assert len(part) / len(clips) == pytest.approx(wanted, abs=0.01)


def test_a_class_of_three_groups_is_in_every_part() -> None:
    pairs: list[tuple[str, object]] = [("a", i) for i in range(100)]
    pairs += [("b", f"b{i}") for i in range(3)] + [("c", f"c{i}") for i in range(4)]
    for seed in range(20):
        parts = split(make_clips(pairs), seed=seed)
        assert [part.counts()["b"] for part in parts] == [1, 1, 1]
        assert all(part.counts()["c"] for part in parts)


def test_a_class_with_too_few_groups_is_named() -> None:
    pairs: list[tuple[str, object]] = [
        (label, f"{label}{i}") for label in "ac" for i in range(9)
    ]
    clips = make_clips([*pairs, ("b", "x"), ("b", "x"), ("b", "y")])
    with pytest.raises(
        DataError,
        match="class 'b' would be missing from validation: its clips lie in 2 groups, "
        "which stay whole, but 3 parts need it; add recordings",
    ):
        split(clips)
    assert split(clips, validation=0).test.counts()["b"] == 1
    with pytest.raises(DataError, match=r"'b' .* 2 groups, .* but 3 parts need it"):
        k_folds(clips, n_folds=3)


@pytest.mark.parametrize(("pairs", "n"), [([("a", 0)] * 9, 1), ([], 0)])
def test_a_class_without_a_group_to_spare(
    pairs: list[tuple[str, object]], n: int
) -> None:
    others: list[tuple[str, object]] = [
        (label, f"{label}{i}") for label in "bc" for i in range(9)
    ]
    with pytest.raises(DataError, match=f"class 'a' .* lie in {n} groups?,"):
        split(make_clips([*pairs, *others]))


def test_nothing_cannot_be_split() -> None:
    with pytest.raises(DataError, match="there are no clips to split"):
        split(make_clips([]))


@pytest.mark.parametrize(
    ("validation", "test", "expected"),
    [(0, 0.2, [24, 0, 6]), (0.2, 0, [24, 6, 0]), (0, 0, [30, 0, 0])],
)
def test_a_part_may_be_empty(
    validation: float, test: float, expected: list[int]
) -> None:
    clips = make_clips([("abc"[i % 3], i) for i in range(30)])
    parts = split(clips, validation=validation, test=test)
    assert [len(part) for part in parts] == expected
    assert all(part.frame.schema == clips.frame.schema for part in parts)


@pytest.mark.parametrize(
    ("validation", "test"),
    [(-0.1, 0.2), (0.2, -0.1), (0.5, 0.5), (0.7, 0.3), (1, 0), (float("nan"), 0.2)],
)
def test_shares_must_leave_something_for_training(
    validation: float, test: float
) -> None:
    clips = make_clips([("a", 0)])
    with pytest.raises(SettingError, match=f"they are {validation:g} and {test:g}$"):
        split(clips, validation=validation, test=test)


def test_a_seed_is_not_negative() -> None:
    with pytest.raises(SettingError, match="seed must not be negative, but -1"):
        split(make_clips([("a", 0)]), seed=-1)


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_each_clip_is_tested_once(n_folds: int) -> None:
    clips = make_clips([("abc"[i % 3], i // 2) for i in range(300)])
    folds = k_folds(clips, n_folds=n_folds, validation=0.2, seed=1)
    assert len(folds) == n_folds
    tested = Counter(path for fold in folds for path in fold.test.paths())
    assert tested == Counter(clips.paths())
    for fold in folds:
        train, validation, test = groups_by_part(fold).values()
        assert not train & validation | train & test | validation & test
        assert len(train | validation | test) == 150
        assert len(fold.test) == pytest.approx(300 / n_folds, abs=2)
        assert len(fold.validation) == pytest.approx(60, abs=2)
    assert set(folds[0].validation.groups()) != set(folds[1].validation.groups())


def test_folds_may_do_without_validation() -> None:
    clips = make_clips([("abc"[i % 3], i) for i in range(30)])
    for fold in k_folds(clips, n_folds=3, validation=0):
        assert (len(fold.train), len(fold.validation), len(fold.test)) == (20, 0, 10)


def test_folds_do_not_depend_on_the_order_of_the_clips() -> None:
    clips = make_clips([("abc"[i % 3], i) for i in range(60)])
    turned = clips.select(np.arange(60)[::-1])
    for fold, other in zip(k_folds(clips), k_folds(turned), strict=True):
        assert groups_by_part(fold) == groups_by_part(other)


@pytest.mark.parametrize("n_folds", [-1, 0, 1])
def test_folds_are_at_least_two(n_folds: int) -> None:
    with pytest.raises(SettingError, match=f"at least 2, but {n_folds} was given"):
        k_folds(make_clips([("a", 0)]), n_folds=n_folds)


def test_folds_leave_something_for_training() -> None:
    with pytest.raises(SettingError, match=r"they are 0\.5 and 0\.5$"):
        k_folds(make_clips([("a", 0)]), n_folds=2, validation=0.5)


def test_clips_with_any_number_of_labels_are_shared_out() -> None:
    generator = np.random.default_rng(0)
    clips = Clips.of(
        (
            Clip(
                Path(f"{i}.wav"),
                tuple(name for name in CLASSES if generator.random() < 0.3),
                str(i // 3),
            )
            for i in range(600)
        ),
        Labels(CLASSES),
    )
    assert {clip.labels for clip in clips} >= {(), ("a",), ("a", "b"), CLASSES}
    for part, wanted in zip(split(clips), (0.65, 0.15, 0.2), strict=True):
        for label, count in part.counts().items():
            assert count / clips.counts()[label] == pytest.approx(wanted, abs=0.03)
        silent = (part.frame["labels"].list.len() == 0).sum()
        assert silent > 0
        assert len(part) / len(clips) == pytest.approx(wanted, abs=0.02)


def test_files_set_aside_are_no_part_of_a_part() -> None:
    clips = make_clips([("abc"[i % 3], i) for i in range(30)])
    clips = Clips(clips.frame, clips.labels, (Rejected(Path("x.wav"), "is empty"),))
    assert split(clips).train.rejected == ()


def test_a_hundred_thousand_groups_are_shared_out() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 100_000)
    clips = make_clips([("abc"[label], i) for i, label in enumerate(labels)])
    # An allocator that looked at all pairs of groups would not return.
    assert len(split(clips).test) == pytest.approx(20_000, abs=3)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings beside the project")
def test_speech_commands_is_balanced_within_two_points() -> None:
    clips = read_folder(DATA / "speech_commands")
    for part, wanted in zip(split(clips), (0.65, 0.15, 0.2), strict=True):
        for label, count in part.counts().items():
            assert count / clips.counts()[label] == pytest.approx(wanted, abs=0.02)
