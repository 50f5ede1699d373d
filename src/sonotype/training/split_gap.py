"""What a random split is worth: quick models on random and on grouped splits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from sonotype.clips import Clips
from sonotype.dataset.split import split
from sonotype.errors import DataError
from sonotype.labels import Labels
from sonotype.training.quick_model import QUICK_MODELS, QuickModel, clip_features

N_SPLITS = 10
MOST_CLIPS = 10_000
_TEST_SHARE = 0.2
# So that a set of six speakers with thousands of clips each keeps all six.
_MOST_CLIPS_A_GROUP = MOST_CLIPS // 20
_SEPARATOR = "\x1f"
# Positions of the clips to learn from, and of those to test on.
_Parts = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ModelGap:
    """How right one model is on random and on grouped splits of the same clips.

    Args:
        model: Its name.
        random: Share of test clips it is right on, one for each random split.
        grouped: The same of as many grouped splits with equally many test clips.
    """

    model: str
    random: tuple[float, ...]
    grouped: tuple[float, ...]

    @property
    def gap(self) -> float:
        """How much better it seems on a random split, from -1 to 1."""
        return float(np.mean(self.random) - np.mean(self.grouped))

    @property
    def spread(self) -> float:
        """Standard deviation of the gap from one pair of splits to the next."""
        return float(np.std(np.subtract(self.random, self.grouped), ddof=1))

    @property
    def is_clear(self) -> bool:
        """Whether the gap is more than its spread.

        Splits share clips, so they vary less than chance does. Allowing for that, with
        ten pairs that test on a fifth, 1.08 spreads are the one-sided 95 % limit.

        References:
            Nadeau and Bengio, Inference for the Generalization Error, Machine Learning
            52 (2003): the corrected resampled t-test.
        """
        return self.gap > self.spread

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        return {
            "model": self.model,
            "random": list(self.random),
            "grouped": list(self.grouped),
            "gap": self.gap,
            "spread": self.spread,
        }


@dataclass(frozen=True)
class SplitGap:
    """What a random split is worth on some clips.

    Args:
        n_clips: Clips that were used.
        n_groups: Groups they lie in.
        n_test: Clips in a test part, on average.
        models: One entry a model, the one that remembers most first.
    """

    n_clips: int
    n_groups: int
    n_test: int
    models: tuple[ModelGap, ...]

    def sentence(self) -> str:
        """Return what it means, for a person."""
        clear = [model for model in self.models if model.is_clear]
        if not clear:
            widest = max(self.models, key=lambda model: model.gap)
            return (
                "A random and a grouped split score alike here: the difference, "
                f"{100 * widest.gap:+.1f} points, is less than it varies from split to "
                f"split ({100 * widest.spread:.1f})."
            )
        worst = max(clear, key=lambda model: model.gap)
        random, grouped = 100 * np.mean(worst.random), 100 * np.mean(worst.grouped)
        return (
            f"A random split flatters: a quick model ({worst.model}) is right on "
            f"{random:.0f} of 100 test clips after a random split, but on "
            f"{grouped:.0f} if they come from groups it has not heard. A score from a "
            f"random split of these clips may be up to {100 * worst.gap:.0f} points "
            "too high."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        return {
            "n_clips": self.n_clips,
            "n_groups": self.n_groups,
            "n_test": self.n_test,
            "models": [model.to_dict() for model in self.models],
            "sentence": self.sentence(),
        }


def measure_gap(
    clips: Clips,
    *,
    seed: int = 0,
    n_splits: int = N_SPLITS,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> SplitGap:
    """Compare quick models on random and on grouped splits of the same clips.

    Every pair of splits tests on equally many clips, a fifth of them as nearly as whole
    groups allow. A clip with several labels is right if all of them are. Parts that the
    clips come in are not kept.

    Args:
        clips: Clips that can be decoded; their groups are what a fair test keeps whole.
            Of more than 10,000, whole groups are drawn, and of a group of more than 500
            clips as many. Classes in one group only are left out.
        seed: Another seed gives other splits.
        n_splits: Pairs of splits, at least 2.
        on_progress: Called with the clips heard so far and their number.

    Raises:
        DataError: If nothing can be compared: every clip is a group of its own, or
            fewer than two classes lie in two groups or more.
        AudioError: If a clip cannot be decoded.
    """
    clips = _comparable(_few(clips, seed))
    features = clip_features(clips, on_progress)
    names = clips.frame["labels"].list.sort().list.join(_SEPARATOR)
    classes = names.rank("dense").to_numpy().astype(np.int64)
    # Where each clip went is told by the number it has for a name.
    grouped = _numbered(clips)
    single = grouped.with_groups([str(number) for number in range(len(clips))])
    right: dict[str, list[list[float]]] = {name: [] for name in QUICK_MODELS}
    n_test = []
    for number in range(n_splits):
        fair = _parts(grouped, _TEST_SHARE, seed + number)
        n_test.append(len(fair[1]))
        random = _parts(single, len(fair[1]) / len(clips), seed + number)
        for name, model in QUICK_MODELS.items():
            shares = [
                _share_right(model, features, classes, parts)
                for parts in (random, fair)
            ]
            right[name].append(shares)
    return SplitGap(
        n_clips=len(clips),
        n_groups=clips.frame["group"].n_unique(),
        n_test=round(float(np.mean(n_test))),
        models=tuple(
            ModelGap(name, *(tuple(shares) for shares in zip(*pairs, strict=True)))
            for name, pairs in right.items()
        ),
    )


def _few(clips: Clips, seed: int) -> Clips:
    """Return at most `MOST_CLIPS` clips, in groups that are whole if they are small."""
    if len(clips) <= MOST_CLIPS:
        return clips
    rng = np.random.default_rng(seed)
    # Sorted first, or the order of the table would choose as well.
    _, group = np.unique(clips.frame["group"].to_numpy(), return_inverse=True)
    drawn = rng.permutation(group.max() + 1)[group]
    order = np.lexsort((rng.permutation(len(clips)), drawn))
    _, starts, n_clips = np.unique(drawn[order], return_index=True, return_counts=True)
    place = np.arange(len(clips)) - np.repeat(starts, n_clips)
    kept = order[place < _MOST_CLIPS_A_GROUP][:MOST_CLIPS]
    return clips.select(np.sort(kept))


def _comparable(clips: Clips) -> Clips:
    """Return the clips of classes that a grouped split can test, with those labels.

    Raises:
        DataError: If there is nothing to compare.
    """
    frame = clips.frame.with_columns(absent=pl.lit(None, pl.List(pl.String)))
    if frame["group"].n_unique() == len(frame):
        raise DataError(
            "every clip is a group of its own, so a grouped split is a random one; "
            "say with --group-by what belongs together"
        )
    n_classes = frame["labels"].explode().drop_nulls().n_unique()
    while alone := _classes_of_one_group(frame):
        has_one = pl.col("labels").list.eval(pl.element().is_in(alone)).list.any()
        frame = frame.filter(~has_one)
    carried = frame["labels"].explode().drop_nulls().unique().to_list()
    if len(carried) < 2:
        raise DataError(
            f"{len(carried)} of {n_classes} classes lie in two groups or more, as "
            "training and test need; two classes are the least to compare"
        )
    return Clips(frame, Labels.of(carried))


def _classes_of_one_group(frame: pl.DataFrame) -> list[str]:
    pairs = frame.select("group", "labels").explode("labels").drop_nulls()
    n_groups = pairs.group_by("labels").agg(pl.col("group").n_unique())
    return n_groups.filter(pl.col("group") < 2)["labels"].to_list()


def _numbered(clips: Clips) -> Clips:
    number = pl.int_range(pl.len()).cast(pl.String).alias("path")
    return Clips(clips.frame.with_columns(number), clips.labels)


def _parts(clips: Clips, test: float, seed: int) -> _Parts:
    parts = split(clips, validation=0, test=test, seed=seed, keep_given=False)
    train, tested = (
        part.frame["path"].cast(pl.Int64).to_numpy()
        for part in (parts.train, parts.test)
    )
    return train, tested


def _share_right(
    model: QuickModel, features: np.ndarray, classes: np.ndarray, parts: _Parts
) -> float:
    train, test = parts
    answers = model(features[train], classes[train], features[test])
    return float(np.mean(answers == classes[test]))
