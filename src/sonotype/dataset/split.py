"""Training, validation and test parts that share no group.

Every part gets its share of each class as nearly as whole groups allow, see
`sonotype.dataset.allocation`. Parts or folds that the clips come with are kept as they
are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sonotype.clips import Clips
from sonotype.dataset.allocation import GroupCounts, allocate, count_groups
from sonotype.dataset.given_split import given_folds, given_parts
from sonotype.errors import DataError, SettingError

_N_FOLDS = 5


class Split(NamedTuple):
    """Three parts of one table of clips; a part may be empty."""

    train: Clips
    validation: Clips
    test: Clips


def split(
    clips: Clips,
    *,
    validation: float = 0.15,
    test: float = 0.2,
    seed: int = 0,
    keep_given: bool = True,
) -> Split:
    """Divide clips into training, validation and test.

    The order of the clips does not matter: the same groups go to the same parts. Clips
    that come in parts, see `given_parts`, are not reshuffled; if none of them is for
    validation, whole groups of the training part are drawn for it.

    Args:
        clips: What to divide; its groups stay whole.
        validation: Share of the clips for validation; 0 leaves that part empty, unless
            it is given.
        test: Share of the clips for the test; 0 leaves that part empty. Not read where
            the clips come in parts.
        seed: Another seed gives another split.
        keep_given: Whether parts that the clips come in are kept.

    Returns:
        The three parts, with their `split` column set, each in the order of `clips`.

    Raises:
        SettingError: If a share or the seed is negative, or training gets none.
        DataError: If a class has too few groups to be in every part.

    Example:
        >>> from pathlib import Path
        >>> from sonotype.clips import Clip
        >>> clips = Clips.of(Clip(Path(f"{i}.wav"), ("no",), str(i)) for i in range(20))
        >>> [len(part) for part in split(clips)]
        [13, 3, 4]
    """
    shares = _checked_shares(validation, test, seed)
    if keep_given and given_parts(clips):
        return _split_as_given(clips, validation, seed)
    groups = count_groups(clips)
    names = [name for name, share in shares.items() if share > 0]
    everything = np.arange(len(groups))
    parts = allocate(groups, everything, [shares[name] for name in names], [seed])
    _check_every_class(groups, parts, names)
    return _divide(clips, groups, parts, names)


def k_folds(
    clips: Clips,
    *,
    n_folds: int | None = None,
    validation: float = 0.15,
    seed: int = 0,
    keep_given: bool = True,
) -> list[Split]:
    """Divide clips so that each is in the test part exactly once.

    Clips that come in folds, see `given_folds`, are not reshuffled: each of the folds
    is the test part once, and validation is drawn from the others by group.

    Args:
        clips: What to divide; its groups stay whole.
        n_folds: Number of splits, at least 2; `None` is as many as the clips come in,
            or else 5.
        validation: Share of all clips for validation; 0 leaves that part empty.
        seed: Another seed gives other folds.
        keep_given: Whether folds that the clips come in are kept.

    Returns:
        One split for each fold; its test part is the fold.

    Raises:
        SettingError: If `n_folds` is below 2 or not the number of folds that the clips
            come in, a share or the seed is negative, or nothing is left to train on.
        DataError: If a class has fewer groups than there are folds, or too few to be in
            every part.
    """
    if n_folds is not None and n_folds < 2:
        raise SettingError(f"n_folds must be at least 2, but {n_folds} was given")
    if keep_given and (given := given_folds(clips)):
        return _folds_as_given(clips, given, n_folds, validation, seed)
    n_folds = _N_FOLDS if n_folds is None else n_folds
    shares = _checked_shares(validation, 1 / n_folds, seed)
    groups = count_groups(clips)
    everything = np.arange(len(groups))
    folds = allocate(groups, everything, [1 / n_folds] * n_folds, [seed])
    _check_every_class(groups, folds, [f"fold {i + 1}" for i in range(n_folds)])
    names = [name for name, share in shares.items() if share > 0]
    wanted = [shares[name] for name in names[:-1]]  # all but the test part
    splits = []
    for fold in range(n_folds):
        rest = np.flatnonzero(folds != fold)
        parts = np.full(len(groups), names.index("test"))
        # A seed of its own for each fold, or their validation parts would be alike.
        parts[rest] = allocate(groups, rest, wanted, [seed, fold])
        _check_every_class(groups, parts, names)
        splits.append(_divide(clips, groups, parts, names))
    return splits


def _split_as_given(clips: Clips, validation: float, seed: int) -> Split:
    parts = clips.frame["split"].to_numpy()
    train, valid, test = (
        clips.select(np.flatnonzero(parts == name)) for name in Split._fields
    )
    _check_learned(train)
    if len(valid) or validation == 0:
        return Split(train, valid, test)
    return Split(*_draw_validation(train, validation, len(clips), [seed]), test)


def _folds_as_given(
    clips: Clips,
    given: Sequence[str],
    n_folds: int | None,
    validation: float,
    seed: int,
) -> list[Split]:
    if n_folds not in (None, len(given)):
        raise SettingError(
            f"the clips come in {len(given)} folds, but n_folds is {n_folds}; leave it "
            "out, or pass keep_given=False to draw other folds"
        )
    _checked_shares(validation, 1 / len(given), seed)
    fold_of = clips.frame["split"].to_numpy()
    splits = []
    for number, fold in enumerate(given):
        rest = clips.select(np.flatnonzero(fold_of != fold))
        test = clips.select(np.flatnonzero(fold_of == fold)).with_split("test")
        _check_learned(rest)
        train, valid = _draw_validation(rest, validation, len(clips), [seed, number])
        splits.append(Split(train, valid, test))
    return splits


def _draw_validation(
    rest: Clips, validation: float, n_clips: int, seed: Sequence[int]
) -> tuple[Clips, Clips]:
    """Return what is left for training, and a share of `n_clips` for validation."""
    share = validation * n_clips / len(rest)
    if share >= 1:
        raise SettingError(
            f"the share of validation is {validation:g}, which leaves nothing of the "
            f"{len(rest)} clips for training; choose a smaller one"
        )
    groups = count_groups(rest)
    shares = {"train": 1 - share, "validation": share}
    names = [name for name, wanted in shares.items() if wanted > 0]
    parts = allocate(
        groups, np.arange(len(groups)), [shares[name] for name in names], seed
    )
    _check_every_class(groups, parts, names)
    train, valid, _ = _divide(rest, groups, parts, names)
    return train, valid


def _check_learned(train: Clips) -> None:
    lacking = [name for name, count in train.counts().items() if not count]
    if lacking:
        raise DataError(
            f"class {lacking[0]!r} has no clip in the training part that the clips "
            "come in; leave the class out, or split with keep_given=False"
        )


def _checked_shares(validation: float, test: float, seed: int) -> dict[str, float]:
    if seed < 0:
        raise SettingError(f"seed must not be negative, but {seed} was given")
    # Rounded, because 1 - 0.7 - 0.3 is not 0.
    shares = {
        "train": round(1 - validation - test, 9),
        "validation": validation,
        "test": test,
    }
    if not all(0 <= share <= 1 for share in shares.values()) or shares["train"] == 0:
        raise SettingError(
            "the shares of validation and test must not be negative and must leave "
            f"something for training, but they are {validation:g} and {test:g}"
        )
    return shares


def _check_every_class(
    groups: GroupCounts, parts: np.ndarray, names: Sequence[str]
) -> None:
    group_of_cell = np.repeat(np.arange(len(groups)), np.diff(groups.starts))
    cells = parts[group_of_cell] * groups.n_columns + groups.columns
    n_groups = np.bincount(cells, minlength=len(names) * groups.n_columns)
    n_groups = n_groups.reshape(len(names), -1)[:, : len(groups.labels)]
    missing = n_groups == 0  # (part, label)
    if not missing.any():
        return
    label = int(missing.any(axis=0).argmax())
    total = int(n_groups[:, label].sum())
    why = (
        f"but {len(names)} parts need it"
        if total < len(names)
        else "and other classes of theirs are needed elsewhere"
    )
    raise DataError(
        f"class {groups.labels[label]!r} would be missing from "
        f"{names[int(missing[:, label].argmax())]}: its clips lie in {total} "
        f"group{'' if total == 1 else 's'}, which stay whole, {why}; add recordings "
        "from other groups, group by something finer, or leave the class out"
    )


def _divide(
    clips: Clips, groups: GroupCounts, parts: np.ndarray, names: Sequence[str]
) -> Split:
    part_of_clip = parts[groups.of_clip]
    positions = {
        name: np.flatnonzero(part_of_clip == index) for index, name in enumerate(names)
    }
    nothing = np.zeros(0, np.int64)
    return Split(
        *(
            clips.select(positions.get(name, nothing)).with_split(name)
            for name in Split._fields
        )
    )
