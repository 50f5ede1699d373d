"""Curves read from spectrograms of zeros."""

from typing import Any

import numpy as np
import pytest

from sonotype.augment.filter_augment import FilterAugment
from sonotype.errors import SettingError

N_BANDS = 200


def curves(layer: FilterAugment, n_examples: int = 300) -> np.ndarray:
    """Return what is added to each band, after checking that it is so at any time."""
    zeros = np.zeros((n_examples, 5, N_BANDS), np.float32)
    added = np.asarray(layer(zeros, training=True))
    np.testing.assert_array_equal(added, np.tile(added[:, :1], (1, 5, 1)))
    return added[:, 0]


def test_steps_are_level_between_their_cuts() -> None:
    added = curves(FilterAugment(0.5, n_bands=3, shape="step", seed=0))
    n_jumps = (np.abs(np.diff(added, axis=1)) > 1e-6).sum(axis=1)
    assert n_jumps.max() == 2
    assert (n_jumps == 2).mean() > 0.9  # else two cuts are in the same band
    assert 0.45 < np.abs(added).max() <= 0.5
    assert abs(added.mean()) < 0.03


def test_lines_go_through_the_drawn_values_at_the_drawn_cuts() -> None:
    layer = FilterAugment(0.5, n_bands=4, shape="line", seed=0)
    zeros = np.zeros((50, 2, N_BANDS), np.float32)
    drawn = layer.draw(zeros)
    added = np.asarray(layer.apply(zeros, drawn))[:, 0]
    place = (np.arange(N_BANDS) + 0.5) / N_BANDS
    for row, cuts, values in zip(added, drawn["cuts"], drawn["change"], strict=True):
        expected = np.interp(place, [0.0, *np.asarray(cuts), 1.0], np.asarray(values))
        np.testing.assert_allclose(row, expected, atol=1e-3)
    assert np.ptp(added, axis=1).min() > 0.05


def test_what_is_added_does_not_depend_on_what_is_there() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((4, 6, 30)).astype(np.float32)
    layer = FilterAugment(seed=0)
    drawn = layer.draw(features)
    added = np.asarray(layer.apply(features, drawn)) - features
    empty = np.asarray(layer.apply(np.zeros_like(features), drawn))
    np.testing.assert_allclose(added, empty, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_change": -1.0}, "max_change of at least 0"),
        ({"n_bands": 1}, "2 bands or more"),
        ({"shape": "lin"}, "did you mean 'line'"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        FilterAugment(**arguments)
