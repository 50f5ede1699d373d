"""Which group goes to which part: labels shared out as evenly as whole groups allow.

The allocator is a greedy one: largest group first, each to the part that is furthest
behind in the classes the group brings. It is iterative stratification turned round: the
group is given and the part is chosen, which whole groups of several labels call for.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import polars as pl

from sonotype.clips import Clips
from sonotype.errors import DataError
from sonotype.labels import Labels

# How many orders of the groups are tried until every part has every class.
_N_ORDERS = 50
# A group's columns, and how many of its clips count in each.
_Row = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class GroupCounts:
    """How many clips of each label each group has, as a sparse matrix.

    Group `g` has `counts[i]` clips in column `columns[i]`, for `i` from `starts[g]` to
    `starts[g + 1]`. A column is a label; one more counts clips without a label, which
    are shared out like a class, and the last one all clips.

    Args:
        of_clip: The group of each clip; groups are numbered by their names, sorted.
        starts: Where the columns of each group start, and where the last one's end.
        columns: The columns that each group has clips in, ascending.
        counts: How many.
        labels: The labels.
    """

    of_clip: np.ndarray
    starts: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    labels: Labels

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def n_columns(self) -> int:
        """The number of columns: labels, no label, all clips."""
        return len(self.labels) + 2


def count_groups(clips: Clips) -> GroupCounts:
    """Return how many clips of each label each group has.

    Raises:
        DataError: If there are no clips.
    """
    if len(clips) == 0:
        raise DataError("there are no clips to split")
    # Numbered by name: where a group goes must not depend on the order of the clips.
    group = clips.frame["group"].rank("dense").cast(pl.Int64) - 1
    labels = clips.frame["labels"]
    # Polars 1 makes a null of an empty list, polars 2 nothing.
    carried = pl.DataFrame({"group": group, "label": labels}).explode("label")
    carried = carried.drop_nulls()
    label = carried["label"].cast(pl.Enum(clips.labels.names)).to_physical().to_numpy()
    of_clip = group.to_numpy()
    unlabelled = of_clip[(labels.list.len() == 0).to_numpy()]
    n_groups, n_columns = int(of_clip.max()) + 1, len(clips.labels) + 2
    cells = np.concatenate(
        [
            carried["group"].to_numpy() * n_columns + label,
            unlabelled * n_columns + n_columns - 2,
            of_clip * n_columns + n_columns - 1,
        ]
    )
    cells, counts = np.unique(cells, return_counts=True)
    starts = np.searchsorted(cells, np.arange(n_groups + 1) * n_columns)
    return GroupCounts(of_clip, starts, cells % n_columns, counts, clips.labels)


def allocate(
    groups: GroupCounts,
    among: np.ndarray,
    shares: Sequence[float],
    seed: Sequence[int],
) -> np.ndarray:
    """Return a part for each group of `among`, shape `(len(among),)`.

    A group goes where the sum over its columns of `(have - wanted)**2 / wanted` grows
    least; with groups of one clip this is Webster's method of sharing out seats. A part
    that lacks a class comes first once the class has no groups to spare. If one lacks a
    class in the end that has groups enough, other orders of the groups are tried.

    Args:
        groups: What each group holds.
        among: The groups to share out.
        shares: The share of each part; they need not sum to 1.
        seed: Draws the order of groups of one size.
    """
    n_labels, n_columns, n_parts = len(groups.labels), groups.n_columns, len(shares)
    parts = np.empty(len(among), np.int64)
    for order in _orders(groups, among, seed):
        columns, counts, n_cells = _cells(groups, among[order])
        total = np.bincount(columns, weights=counts, minlength=n_columns)
        n_groups = np.bincount(columns, minlength=n_columns)
        pairs = zip(columns.tolist(), counts.tolist(), strict=True)
        rows = (tuple(islice(pairs, n)) for n in n_cells.tolist())
        wanted = np.outer(np.array(shares) / sum(shares), total)  # (part, column)
        parts[order] = placed = _place(rows, wanted, n_groups.tolist())
        cells = np.repeat(placed, n_cells) * n_columns + columns
        found = np.bincount(cells, minlength=n_parts * n_columns)
        has_all = found.reshape(n_parts, n_columns)[:, :n_labels].all()
        if has_all or n_groups[:n_labels].min() < n_parts:
            break
    return parts


def _orders(
    groups: GroupCounts, among: np.ndarray, seed: Sequence[int]
) -> Iterator[np.ndarray]:
    """Yield positions in `among` by falling size, and then in random orders.

    Where groups are few and hold several labels, the largest first may take a label
    from the part that needed it, and another order serves all of them.
    """
    shuffled = np.random.default_rng(seed).permutation(len(among))
    # The last column of each group counts all its clips.
    sizes = groups.counts[groups.starts[among[shuffled] + 1] - 1]
    yield shuffled[np.argsort(-sizes, kind="stable")]
    for attempt in range(1, _N_ORDERS):
        yield np.random.default_rng([*seed, attempt]).permutation(len(among))


def _cells(
    groups: GroupCounts, among: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return columns and counts of one group after another, and how many of each."""
    n_cells = np.diff(groups.starts)[among]
    shift = groups.starts[among] - (np.cumsum(n_cells) - n_cells)
    cells = np.repeat(shift, n_cells) + np.arange(n_cells.sum())
    return groups.columns[cells], groups.counts[cells], n_cells


def _place(rows: Iterable[_Row], wanted: np.ndarray, n_left: list[int]) -> list[int]:
    """Return a part for each row, one after the other.

    Lists and plain numbers, because a row is short: numpy would take ten times as long,
    which is half a minute for a million groups.
    """
    every = range(len(wanted))
    weight = (1 / np.maximum(wanted, np.finfo(float).tiny)).tolist()
    wish = wanted.tolist()
    # Twice the clips a part is ahead of its wish, times weight.
    ahead = (-2.0 * wanted * np.array(weight)).tolist()
    have = [[0] * len(n_left) for _ in every]
    n_lacking = [len(wish)] * len(n_left)  # parts without a clip, by column
    placed = []
    for row in rows:
        urgent = [column for column, _ in row if n_left[column] <= n_lacking[column]]
        least = math.inf
        for part in _in_need(urgent, have) if urgent else every:
            weights, aheads = weight[part], ahead[part]
            cost = 0.0
            for column, count in row:
                cost += count * (count * weights[column] + aheads[column])
            if cost < least:
                least, best = cost, part
        placed.append(best)
        mine = have[best]
        for column, count in row:
            n_lacking[column] -= not mine[column]
            n_left[column] -= 1
            mine[column] += count
            surplus = mine[column] - wish[best][column]
            ahead[best][column] = 2 * surplus * weight[best][column]
    return placed


def _in_need(columns: Sequence[int], have: Sequence[Sequence[int]]) -> list[int]:
    """Return the parts that lack most of some columns."""
    lacking = [sum(not mine[column] for column in columns) for mine in have]
    return [part for part, n in enumerate(lacking) if n == max(lacking)]
