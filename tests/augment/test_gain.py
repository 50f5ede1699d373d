"""Gains measured in decibels."""

import numpy as np
import pytest

from sonotype.augment.gain import Gain
from sonotype.errors import SettingError


def test_gains_are_uniform_in_decibels_over_the_range() -> None:
    audio = np.full((2_000, 4), 0.5, np.float32)
    louder = np.asarray(Gain(-12.0, 6.0, seed=2)(audio, training=True))
    gain_db = 20 * np.log10(louder / audio)
    np.testing.assert_allclose(np.ptp(gain_db, axis=1), 0.0, atol=1e-4)
    counts, _ = np.histogram(gain_db[:, 0], bins=6, range=(-12.0, 6.0))
    assert counts.sum() == 2_000
    assert counts.min() > 250


def test_a_swapped_range_is_refused() -> None:
    with pytest.raises(SettingError, match="from low to high, not from 6 to -6"):
        Gain(6.0, -6.0)
