import keras
import numpy as np
import pytest
from scipy.special import expit, xlogy

from sonotype.training.loss import KnownCrossentropy, build_loss


def test_it_is_the_mean_cross_entropy_of_what_is_known(
    rng: np.random.Generator,
) -> None:
    target = rng.choice([0.0, 1.0, np.nan], size=(6, 4))
    scores = expit(rng.standard_normal((6, 4)))
    known = ~np.isnan(target)
    truth, found = target[known], scores[known]
    expected = -np.mean(xlogy(truth, found) + xlogy(1 - truth, 1 - found))
    assert float(KnownCrossentropy()(target, scores)) == pytest.approx(
        expected, rel=1e-5
    )


def test_smoothing_is_that_of_keras() -> None:
    target, scores = np.array([[0.0, 1.0]]), np.array([[0.2, 0.6]])
    expected = keras.losses.BinaryCrossentropy(label_smoothing=0.1)(target, scores)
    found = KnownCrossentropy(0.1)(target, scores)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_a_batch_of_which_nothing_is_known_costs_nothing() -> None:
    assert float(KnownCrossentropy()([[np.nan, np.nan]], [[0.1, 1.0]])) == 0.0


def test_each_task_has_its_loss() -> None:
    assert isinstance(build_loss("multi-label", 0.0), KnownCrossentropy)
    single = build_loss("single-label", 0.1)
    assert isinstance(single, keras.losses.CategoricalCrossentropy)
