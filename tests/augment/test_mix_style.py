"""Means and deviations over time, before and after."""

import numpy as np
import pytest
import scipy.stats

from sonotype.augment.mix_style import MixStyle
from sonotype.errors import SettingError


@pytest.fixture
def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    level = rng.normal(0, 2, (300, 1, 12))
    spread = rng.uniform(0.5, 2, (300, 1, 12))
    noise = rng.standard_normal((300, 40, 12))
    return (level + spread * noise).astype(np.float32)


def test_each_band_gets_a_blend_of_both_styles(features: np.ndarray) -> None:
    layer = MixStyle(0.5, probability=1.0, seed=0)
    drawn = layer.draw(features)
    styled = np.asarray(layer.apply(features, drawn))
    share = np.asarray(drawn["share"])[:, 0]  # (batch, 1)
    for measure in (np.mean, np.std):
        own = measure(features, axis=1)
        expected = share * own + (1 - share) * np.roll(own, 1, axis=0)
        np.testing.assert_allclose(measure(styled, axis=1), expected, atol=1e-3)
    assert scipy.stats.kstest(share[:, 0], scipy.stats.beta(0.5, 0.5).cdf).pvalue > 1e-3


def test_what_happens_in_a_band_stays(features: np.ndarray) -> None:
    styled = np.asarray(MixStyle(probability=1.0, seed=0)(features, training=True))

    def standardised(values: np.ndarray) -> np.ndarray:
        mean, deviation = values.mean(axis=1), values.std(axis=1)
        return (values - mean[:, None]) / deviation[:, None]

    np.testing.assert_allclose(standardised(styled), standardised(features), atol=1e-3)


def test_a_band_without_variation_stays_finite_and_level() -> None:
    features = np.ones((4, 10, 3), np.float32) * np.arange(4)[:, None, None]
    layer = MixStyle(probability=1.0, seed=0)
    styled = np.asarray(layer(features.astype(np.float32), training=True))
    assert np.isfinite(styled).all()
    assert np.ptp(styled, axis=1).max() < 1e-5


def test_an_alpha_that_draws_nothing_is_refused() -> None:
    with pytest.raises(SettingError, match="alpha must be above 0, not 0"):
        MixStyle(0.0)
