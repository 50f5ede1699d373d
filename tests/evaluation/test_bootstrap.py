import math

import numpy as np
import pytest

from sonotype.errors import DataError, SettingError
from sonotype.evaluation import bootstrap
from sonotype.evaluation.bootstrap import Interval, bootstrap_interval

TRUE_MEAN = 2 / 3


def draw_speakers(
    generator: np.random.Generator, n_groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Speakers who differ (Beta(2, 1), mean 2/3), 4 to 12 clips each."""
    sizes = generator.integers(4, 13, n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    chance = generator.beta(2, 1, n_groups)[groups]
    return generator.random(groups.size) < chance, groups


def slow_interval(values: np.ndarray, groups: np.ndarray, level: float) -> Interval:
    """The definition, word for word: put the clips of drawn groups in one heap."""
    generator = np.random.default_rng(987)
    names = sorted(set(groups.tolist()))
    heaps = [values[groups == name] for name in names]
    means = []
    for _ in range(2000):
        drawn = generator.choice(len(heaps), size=len(heaps))
        means.append(np.concatenate([heaps[group] for group in drawn]).mean())
    percents = [50 * (1 - level), 50 * (1 + level)]
    low, high = np.percentile(means, percents)
    return Interval(float(low), float(high), level)


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_equals_a_slow_loop(level: float) -> None:
    values, groups = draw_speakers(np.random.default_rng(1), 40)
    slow = slow_interval(values.astype(float), groups, level)
    fast = bootstrap_interval(values, groups, level=level)
    # The width is some 0.15 (0.05 at level 0.5); two sets of 2000 draws differ by less.
    assert fast.low == pytest.approx(slow.low, abs=0.01)
    assert fast.high == pytest.approx(slow.high, abs=0.01)
    assert fast.level == level


def test_other_statistics_equal_a_slow_loop() -> None:
    generator = np.random.default_rng(2)
    groups = generator.integers(0, 25, 200)
    values = generator.normal(groups / 10, 0.5)
    slow = slow_interval(values, groups, 0.9)
    fast = bootstrap_interval(values, groups, level=0.9, n_resamples=4000)
    assert fast.low == pytest.approx(slow.low, abs=0.02)
    assert fast.high == pytest.approx(slow.high, abs=0.02)


def test_covers_the_true_mean_as_often_as_it_says_and_clips_do_not() -> None:
    generator = np.random.default_rng(3)
    hits, hits_of_clips, n_studies = 0, 0, 300
    for _ in range(n_studies):
        values, groups = draw_speakers(generator, 60)
        own = bootstrap_interval(values, groups, n_resamples=400)
        by_clip = bootstrap_interval(values, np.arange(values.size), n_resamples=400)
        hits += own.low <= TRUE_MEAN <= own.high
        hits_of_clips += by_clip.low <= TRUE_MEAN <= by_clip.high
    # A share near 0.94 of 300 has a standard error of 0.014.
    assert 0.90 <= hits / n_studies <= 0.98
    assert hits_of_clips / n_studies < 0.85


def test_copies_of_a_clip_in_its_group_add_no_certainty() -> None:
    values = np.array([1, 0, 1, 1, 0, 1, 1, 1, 1, 0])
    groups = np.arange(10)
    once = bootstrap_interval(values, groups)
    assert bootstrap_interval(np.repeat(values, 50), np.repeat(groups, 50)) == once
    # As 500 clips of 500 groups the same values would look far more certain.
    as_groups = bootstrap_interval(np.repeat(values, 50), np.arange(500))
    assert as_groups.high - as_groups.low < (once.high - once.low) / 4


def test_same_seed_same_interval_in_any_order_of_clips() -> None:
    values, groups = draw_speakers(np.random.default_rng(4), 30)
    names = [f"speaker {group:02}" for group in groups]
    order = np.random.default_rng(5).permutation(values.size)
    first = bootstrap_interval(values, names, seed=7)
    again = bootstrap_interval(values[order], [names[i] for i in order], seed=7)
    assert again == first
    assert bootstrap_interval(values, names, seed=8) != first


def test_drawing_in_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values, groups = draw_speakers(np.random.default_rng(6), 31)
    at_once = bootstrap_interval(values, groups, n_resamples=500)
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", 100)
    assert bootstrap_interval(values, groups, n_resamples=500) == at_once
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", 1)
    assert bootstrap_interval(values, groups, n_resamples=500) == at_once


def test_a_higher_level_is_a_wider_interval_around_the_mean() -> None:
    values, groups = draw_speakers(np.random.default_rng(8), 50)
    half = bootstrap_interval(values, groups, level=0.5)
    most = bootstrap_interval(values, groups, level=0.99)
    assert most.low < half.low < values.mean() < half.high < most.high


def test_one_group_leaves_the_interval_unknown() -> None:
    interval = bootstrap_interval(np.array([1, 0, 1]), ["ann", "ann", "ann"])
    assert not interval.is_known
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert str(interval) == "no 95 % interval: one group only"


def test_equal_values_have_no_width() -> None:
    interval = bootstrap_interval(np.ones(4), ["a", "a", "b", "c"])
    assert interval.is_known
    assert (interval.low, interval.high) == (1.0, 1.0)


def test_reads_as_text() -> None:
    assert str(Interval(0.9, 0.9512, 0.995)) == "99.5 % interval 0.900 to 0.951"


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
def test_level_out_of_range_is_refused(level: float) -> None:
    with pytest.raises(SettingError, match=r"level is .* between 0 and 1"):
        bootstrap_interval(np.ones(2), ["a", "b"], level=level)


def test_no_resamples_are_refused() -> None:
    with pytest.raises(SettingError, match="n_resamples is 0; give at least 1"):
        bootstrap_interval(np.ones(2), ["a", "b"], n_resamples=0)


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [
        ([], [], "at least one clip"),
        ([1.0], ["a", "b"], r"values have shape \(1,\) and groups \(2,\)"),
        ([[1.0]], [["a"]], r"values have shape \(1, 1\)"),
        ([1.0, math.nan], ["a", "b"], "value of clip 1 is nan; leave that clip out"),
        ([1.0, 0.0], ["a", None], "give every clip a group"),
    ],
)
def test_bad_clips_are_refused(
    values: list[float], groups: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        bootstrap_interval(np.array(values), groups)
