"""Warps read from spectrograms whose values are their own positions."""

from typing import Any

import numpy as np
import pytest

from sonotype.augment.spec_warp import SpecWarp
from sonotype.errors import SettingError

N_FRAMES, N_BANDS = 101, 40


def ramp(axis: int) -> np.ndarray:
    """Return 200 spectrograms that hold the number of the frame or of the band."""
    frames, bands = np.mgrid[:N_FRAMES, :N_BANDS].astype(np.float32)
    return np.tile((frames, bands)[axis], (200, 1, 1))


def test_time_stretches_about_the_middle() -> None:
    layer = SpecWarp(max_frequency_stretch=0.0, max_frequency_shift=0.0, seed=0)
    read = np.asarray(layer(ramp(0), training=True))[:, :, 7]
    np.testing.assert_allclose(read[:, 50], 50.0, atol=1e-3)
    steps = np.diff(read[:, 40:61], axis=1)
    np.testing.assert_allclose(steps, steps[:, :1] * np.ones(20), atol=1e-3)
    assert steps.min() > 0.9 - 1e-3
    assert steps.max() < 1.1 + 1e-3
    assert np.ptp(steps[:, 0]) > 0.15


def test_frequency_stretches_from_the_lowest_band_and_shifts() -> None:
    layer = SpecWarp(max_time_stretch=0.0, max_frequency_shift=0.05, seed=0)
    read = np.asarray(layer(ramp(1), training=True))[:, 3]
    steps = np.diff(read[:, 5:30], axis=1)
    np.testing.assert_allclose(steps, steps[:, :1] * np.ones(24), atol=1e-3)
    ways = read[:, 5] - 5 * steps[:, 0]
    assert 0.15 < np.ptp(steps[:, 0]) < 0.2 + 1e-3
    assert ways.min() > -2.0 - 1e-2
    assert ways.max() < 2.0 + 1e-2
    assert np.abs(ways).max() > 1.96  # a twentieth of 40 bands, nearly
    # Independent draws: the two are not tied to each other.
    assert abs(np.corrcoef(ways, steps[:, 0])[0, 1]) < 0.3


@pytest.mark.parametrize("axis", [0, 1])
def test_past_the_edge_the_edge_is_held(axis: int) -> None:
    layer = SpecWarp(
        max_time_stretch=0.5,
        max_frequency_stretch=0.5,
        max_frequency_shift=0.5,
        seed=1,
    )
    read = np.asarray(layer(ramp(axis), training=True))
    assert read.min() >= 0.0
    assert read.max() <= (N_FRAMES, N_BANDS)[axis] - 1
    assert (np.diff(read, axis=1 + axis) >= -1e-4).all()


def test_no_warp_at_all_changes_nothing() -> None:
    layer = SpecWarp(
        max_time_stretch=0.0, max_frequency_stretch=0.0, max_frequency_shift=0.0
    )
    np.testing.assert_allclose(layer(ramp(1), training=True), ramp(1), atol=1e-6)


@pytest.mark.parametrize(
    "name", ["max_time_stretch", "max_frequency_stretch", "max_frequency_shift"]
)
def test_settings_out_of_range_are_refused(name: str) -> None:
    arguments: dict[str, Any] = {name: 1.0}
    with pytest.raises(SettingError, match=f"{name} must be from 0 to below 1, not 1"):
        SpecWarp(**arguments)
