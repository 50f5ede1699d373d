"""Draws: one for each example, in the range."""

import keras
import numpy as np
import pytest

from sonotype.augment.draws import (
    chosen_per_example,
    log_uniform_per_example,
    uniform_per_example,
)


@pytest.mark.parametrize("shape", [(500, 7), (500, 3, 2), (500, 3, 2, 1)])
def test_every_example_has_a_number_of_its_own(shape: tuple[int, ...]) -> None:
    seed = keras.random.SeedGenerator(0)
    drawn = np.asarray(uniform_per_example(np.zeros(shape), -3.0, 5.0, seed))
    assert drawn.shape == (500,) + (1,) * (len(shape) - 1)
    assert len(np.unique(drawn)) > 490
    counts, _ = np.histogram(drawn, bins=4, range=(-3.0, 5.0))
    assert counts.sum() == 500
    assert counts.min() > 80


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_the_chosen_share_is_the_probability(probability: float) -> None:
    seed = keras.random.SeedGenerator(0)
    chosen = np.asarray(chosen_per_example(np.zeros((4_000, 2)), probability, seed))
    assert chosen.dtype == bool
    assert chosen.mean() == pytest.approx(probability, abs=0.03)


def test_each_octave_is_as_likely_as_another() -> None:
    seed = keras.random.SeedGenerator(0)
    clips = np.zeros((4_000, 2, 2))
    drawn = np.asarray(log_uniform_per_example(clips, 100.0, 1_600.0, seed))
    assert drawn.shape == (4_000, 1, 1)
    counts, _ = np.histogram(np.log2(drawn / 100.0), bins=4, range=(0, 4))
    assert counts.min() > 900
    assert counts.sum() == 4_000
