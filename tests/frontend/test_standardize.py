"""Standardising with fixed numbers, against arithmetic."""

import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.frontend.standardize import Standardize


def test_features_are_moved_and_scaled() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(-6.0, 4.0, (3, 10, 5)).astype(np.float32)
    scaled = np.asarray(Standardize(mean=-6.0, deviation=4.0)(features))
    np.testing.assert_allclose(scaled, (features + 6.0) * 0.25, atol=1e-6)


@pytest.mark.parametrize("deviation", [0.0, -1.0, float("nan")])
def test_a_deviation_that_is_none_is_refused(deviation: float) -> None:
    with pytest.raises(SettingError, match="deviation must be above 0"):
        Standardize(deviation=deviation)
