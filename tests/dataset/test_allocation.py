from pathlib import Path

import numpy as np
import pytest

from sonotype.clips import Clip, Clips
from sonotype.dataset.allocation import allocate, count_groups
from sonotype.dataset.split import k_folds, split
from sonotype.errors import DataError
from sonotype.labels import Labels

NAMES = tuple("abcdefghijkl")
SHARES = np.array([0.65, 0.15, 0.2])
N_GROUPS = 400


def make_clips(carried: np.ndarray, group_of: np.ndarray) -> Clips:
    """Return clips that carry the labels of each row of a matrix of 0 and 1."""
    names = NAMES[: carried.shape[1]]
    return Clips.of(
        (
            Clip(
                Path(f"{position}.wav"),
                tuple(
                    name for name, is_heard in zip(names, row, strict=True) if is_heard
                ),
                f"{group:03d}",
            )
            for position, (row, group) in enumerate(zip(carried, group_of, strict=True))
        ),
        Labels(names),
    )


def field_recordings(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels `(n_clips, 12)` and the group of each clip.

    Groups are of very different sizes, and each has a taste of its own for labels, of
    which some are rare.
    """
    generator = np.random.default_rng(seed)
    usual = generator.uniform(0.01, 0.4, len(NAMES))
    sizes = np.minimum(np.ceil(generator.pareto(1.5, N_GROUPS) * 3), 40).astype(int)
    taste = np.clip(usual * generator.gamma(1, 1, (N_GROUPS, len(NAMES))), 0, 0.9)
    group_of = np.repeat(np.arange(N_GROUPS), sizes)
    carried = generator.random((len(group_of), len(NAMES))) < taste[group_of]
    return carried, group_of


def iterative_stratification(
    per_group: np.ndarray, sizes: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Return the part of each group as Sechidis, Tsoumakas and Vlahavas (2011) draw it.

    The label of which fewest groups are left comes first; each of its groups goes to
    the part that still wants most of the label, then most of all clips.
    """
    wanted = np.outer(SHARES, per_group.sum(axis=0))
    wanted_clips = SHARES * sizes.sum()
    part = np.full(len(sizes), -1)
    while (part < 0).any():
        left = np.flatnonzero(part < 0)
        n_left = (per_group[left] > 0).sum(axis=0).astype(float)
        n_left[n_left == 0] = np.inf
        label = int(n_left.argmin())
        has_labels = np.isfinite(n_left[label])
        own = left[per_group[left, label] > 0] if has_labels else left
        for group in own:
            first = wanted[:, label] if has_labels else wanted_clips
            order = np.lexsort((generator.random(3), wanted_clips, first))
            part[group] = order[-1]
            wanted[order[-1]] -= per_group[group]
            wanted_clips[order[-1]] -= sizes[group]
    return part


def deviations(
    carried: np.ndarray, part_of: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Return how far each part's share of each label is from the wanted one."""
    shared = np.array([carried[part_of == k].sum(axis=0) for k in range(len(shares))])
    found: np.ndarray = np.abs(shared / carried.sum(axis=0) - shares[:, np.newaxis])
    return found


def assert_shared_out(
    carried: np.ndarray, part_of: np.ndarray, shares: np.ndarray
) -> None:
    """Check that no part is off by more than 2 clips of a label, or 2 in a hundred."""
    n_clips = carried.sum(axis=0)
    off = deviations(carried, part_of, shares) * n_clips
    assert (off <= np.maximum(2, 0.02 * n_clips) + 1e-9).all()


def unlabelled(carried: np.ndarray) -> np.ndarray:
    """Return whether each clip carries no label, shape `(n_clips, 1)`."""
    return carried.sum(axis=1, keepdims=True) == 0


def part_of_clip(parts: list[Clips], n_clips: int) -> np.ndarray:
    found = np.full(n_clips, -1)
    for index, part in enumerate(parts):
        found[[int(path.stem) for path in part.paths()]] = index
    assert (found >= 0).all()
    return found


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_shared_out_better_than_by_iterative_stratification(
    seed: int,
) -> None:
    carried, group_of = field_recordings(seed)
    parts = [*split(make_clips(carried, group_of), seed=seed)]
    own = part_of_clip(parts, len(carried))
    generator = np.random.default_rng(seed)
    per_group = np.zeros((N_GROUPS, len(NAMES)))
    np.add.at(per_group, group_of, carried)
    sizes = np.bincount(group_of, minlength=N_GROUPS)
    known = iterative_stratification(per_group, sizes, generator)[group_of]
    random = generator.choice(3, N_GROUPS, p=SHARES)[group_of]
    found = deviations(carried, own, SHARES)
    assert_shared_out(carried, own, SHARES)
    assert found.mean() < 0.005
    assert found.mean() < 0.5 * deviations(carried, known, SHARES).mean()
    assert found.mean() < 0.2 * deviations(carried, random, SHARES).mean()
    n_clips = np.bincount(own) / len(own)
    np.testing.assert_allclose(n_clips, SHARES, atol=0.005)
    # Clips without a label are shared out like a class.
    assert_shared_out(unlabelled(carried), own, SHARES)


@pytest.mark.parametrize("n_folds", [3, 5])
def test_labels_are_shared_out_among_folds(n_folds: int) -> None:
    carried, group_of = field_recordings(7)
    folds = k_folds(make_clips(carried, group_of), n_folds=n_folds)
    tested = part_of_clip([fold.test for fold in folds], len(carried))
    shares = np.full(n_folds, 1 / n_folds)
    assert_shared_out(carried, tested, shares)
    wanted = np.array([1 - 0.15 - 1 / n_folds, 0.15, 1 / n_folds])
    for fold in folds:
        assert_shared_out(carried, part_of_clip([*fold], len(carried)), wanted)


def test_groups_are_counted_by_label() -> None:
    carried = np.array([[1, 0], [1, 1], [0, 0], [1, 0]])
    groups = count_groups(make_clips(carried, np.array([2, 0, 0, 2])))
    assert groups.of_clip.tolist() == [1, 0, 0, 1]  # numbered in the order of names
    dense = np.zeros((2, 4), int)  # a, b, no label, all
    for group in range(len(groups)):
        cells = slice(groups.starts[group], groups.starts[group + 1])
        dense[group, groups.columns[cells]] = groups.counts[cells]
    assert dense.tolist() == [[1, 1, 1, 2], [2, 0, 0, 2]]


def test_each_group_goes_where_the_cost_grows_least() -> None:
    sizes = np.arange(1, 41)  # all different, so the order of the groups is known
    group_of = np.repeat(np.arange(40), sizes)
    carried = np.random.default_rng(3).random((len(group_of), 3)) < 0.4
    groups = count_groups(make_clips(carried, group_of))
    parts = allocate(groups, np.arange(40), [3, 1], [0])

    every = np.ones((len(carried), 1))
    columns = np.hstack([carried, unlabelled(carried), every])
    counted = np.zeros((40, 5))
    np.add.at(counted, group_of, columns)
    wanted = np.outer([0.75, 0.25], counted.sum(axis=0))
    have = np.zeros((2, 5))
    for group in range(39, -1, -1):
        costs = []
        for part in range(2):
            after = have.copy()
            after[part] += counted[group]
            costs.append(((after - wanted) ** 2 / wanted).sum())
        assert parts[group] == np.argmin(costs)
        have[parts[group]] += counted[group]


def test_every_class_is_in_every_part_where_that_can_be() -> None:
    generator = np.random.default_rng(0)
    n_possible = 0
    for _ in range(120):
        n_groups, n_labels = generator.integers(3, 7), generator.integers(1, 5)
        group_of = np.repeat(np.arange(n_groups), generator.integers(1, 4, n_groups))
        carried = generator.random((len(group_of), n_labels)) < 0.5
        has = np.zeros((n_groups, n_labels), bool)
        np.logical_or.at(has, group_of, carried)
        every_way = np.indices((3,) * int(n_groups)).reshape(n_groups, -1).T
        is_possible = any(
            all(has[way == part].any(axis=0).all() for part in range(3))
            for way in every_way
        )
        clips = make_clips(carried, group_of)
        if is_possible:
            n_possible += 1
            assert all(min(part.counts().values()) for part in split(clips))
        else:
            with pytest.raises(DataError, match="would be missing from"):
                split(clips)
    assert 20 < n_possible < 100


def test_a_class_whose_groups_are_needed_elsewhere_is_named() -> None:
    carried = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]])
    with pytest.raises(
        DataError,
        match="its clips lie in 3 groups, which stay whole, and other classes of "
        "theirs are needed elsewhere; add",
    ):
        split(make_clips(carried, np.arange(4)))


def test_only_some_groups_are_shared_out() -> None:
    clips = make_clips(np.ones((40, 1), int), np.arange(40))
    among = np.arange(0, 40, 2)
    parts = allocate(count_groups(clips), among, [0.5, 0.5], [1])
    assert len(parts) == 20
    assert parts.sum() == 10


def test_no_clips_are_no_groups() -> None:
    with pytest.raises(DataError, match="there are no clips to split"):
        count_groups(Clips.of([], Labels(("a",))))
