"""Blends taken apart again with the help of one-hot targets."""

from typing import Any

import numpy as np
import pytest
import scipy.stats

from sonotype.augment.mixup import Mixup
from sonotype.errors import SettingError


def shares(layer: Mixup, n_examples: int = 400) -> np.ndarray:
    """Return the share each example keeps, after checking that it explains the mix."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n_examples, 6, 5)).astype(np.float32)
    targets = np.eye(n_examples, dtype=np.float32)
    mixed, blended = map(np.asarray, layer((features, targets), training=True))
    np.testing.assert_allclose(blended.sum(axis=1), 1.0, atol=1e-6)
    share = blended.diagonal()
    before = blended[np.arange(n_examples), np.arange(n_examples) - 1]
    np.testing.assert_allclose(share + before, 1.0, atol=1e-6)
    weights = share[:, None, None]
    expected = weights * features + (1 - weights) * np.roll(features, 1, axis=0)
    np.testing.assert_allclose(mixed, expected, atol=1e-5)
    return share


@pytest.mark.parametrize("alpha", [0.3, 1.0, 4.0])
def test_examples_and_targets_blend_alike_with_beta_shares(alpha: float) -> None:
    share = shares(Mixup(alpha, seed=1))
    assert share.min() >= 0.5
    beta = scipy.stats.beta(alpha, alpha)
    # The larger side of a symmetric share: both tails of Beta folded into one.
    folded = scipy.stats.kstest(share, lambda value: 1 - 2 * beta.sf(value))
    assert folded.pvalue > 1e-3


def test_the_share_of_examples_is_kept() -> None:
    share = shares(Mixup(2.0, probability=0.25, seed=2))
    assert 0.18 < (share < 1.0).mean() < 0.32


def test_a_single_example_stays_itself() -> None:
    features, targets = np.ones((1, 4, 3), np.float32), np.ones((1, 1), np.float32)
    mixed, blended = Mixup(0.5, seed=0)((features, targets), training=True)
    np.testing.assert_allclose(mixed, features)
    np.testing.assert_allclose(blended, targets)


def test_what_is_unknown_of_either_is_unknown_of_their_blend() -> None:
    targets = np.array([[1.0, np.nan], [0.0, 1.0]] * 32, np.float32)
    features = np.repeat(targets[:, :1], 4, axis=1)
    layer = Mixup(0.5, probability=0.5, seed=0)
    mixed, blended = layer((features, targets), training=True)
    is_mixed = np.any(np.asarray(mixed) != features, axis=1)
    assert 0.2 < is_mixed.mean() < 0.8
    blended = np.asarray(blended)
    np.testing.assert_array_equal(blended[~is_mixed], targets[~is_mixed])
    assert np.isnan(blended[is_mixed, 1]).all()
    assert not np.isnan(blended[:, 0]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0.0}, "alpha must be above 0, not 0; leave the layer out"),
        ({"probability": 2.0}, "probability must be from 0 to 1, not 2"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        Mixup(**arguments)
