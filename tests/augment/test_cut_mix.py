"""Patches found again, and their area compared with the targets."""

from typing import Any

import numpy as np
import pytest
import scipy.stats

from sonotype.augment.cut_mix import CutMix
from sonotype.errors import SettingError

N, FRAMES, BANDS = 400, 50, 20


def mixed(layer: CutMix, n_examples: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells were pasted, and the targets, one-hot before."""
    numbers = np.arange(n_examples, dtype=np.float32)[:, None, None]
    features = np.tile(numbers, (1, FRAMES, BANDS))
    targets = np.eye(n_examples, dtype=np.float32)
    output, blended = map(np.asarray, layer((features, targets), training=True))
    pasted = output != features
    np.testing.assert_array_equal(
        output, np.where(pasted, np.roll(features, 1, axis=0), features)
    )
    return pasted, blended


@pytest.mark.parametrize("area", ["time", "box"])
def test_targets_are_blended_by_the_area_kept(area: str) -> None:
    pasted, blended = mixed(CutMix(area=area, probability=1.0, seed=0))
    kept = 1 - pasted.mean(axis=(1, 2))
    np.testing.assert_allclose(blended.diagonal(), kept, atol=1e-6)
    rows = np.arange(N)
    np.testing.assert_allclose(blended[rows, rows - 1], 1 - kept, atol=1e-6)
    np.testing.assert_allclose(blended.sum(axis=1), 1.0, atol=1e-6)
    # With alpha 1 the share is uniform, up to whole frames and bands.
    assert scipy.stats.kstest(kept, "uniform").statistic < 0.1


def test_a_stretch_of_time_covers_all_frequencies() -> None:
    pasted, _ = mixed(CutMix(probability=1.0, seed=0))
    np.testing.assert_array_equal(pasted, np.tile(pasted[:, :, :1], (1, 1, BANDS)))
    edges = np.abs(np.diff(pasted[:, :, 0].astype(int), axis=1)).sum(axis=1)
    assert edges.max() <= 2
    # Anywhere: over many clips, each frame is pasted about as often as its mirror.
    often = pasted[:, :, 0].mean(axis=0)
    np.testing.assert_allclose(often, often[::-1], atol=0.12)


def test_a_box_has_sides_in_proportion_to_the_axes() -> None:
    pasted, _ = mixed(CutMix(area="box", probability=1.0, seed=0))
    frames = np.asarray(pasted.any(axis=2))
    bands = np.asarray(pasted.any(axis=1))
    np.testing.assert_array_equal(pasted, frames[:, :, None] & bands[:, None, :])
    np.testing.assert_allclose(frames.mean(axis=1), bands.mean(axis=1), atol=0.04)


def test_the_share_of_examples_is_kept() -> None:
    pasted, blended = mixed(CutMix(2.0, probability=0.25, seed=0))
    changed = pasted.any(axis=(1, 2))
    assert 70 < changed.sum() < 130
    np.testing.assert_array_equal(blended.diagonal() == 1.0, ~changed)


def test_several_labels_a_clip_and_unknown_ones() -> None:
    # Of both labels: known and heard, known and not heard, unknown.
    targets = np.array([[1.0, np.nan, 1.0], [0.0, 1.0, 1.0]] * 32, np.float32)
    features = np.tile(np.arange(64, dtype=np.float32)[:, None, None], (1, 10, 4))
    layer = CutMix(2.0, probability=0.5, seed=0)
    output, blended = map(np.asarray, layer((features, targets), training=True))
    pasted = (output != features).mean(axis=(1, 2))
    changed = pasted > 0
    assert 10 < changed.sum() < 54
    np.testing.assert_array_equal(blended[~changed], targets[~changed])
    assert np.isnan(blended[changed, 1]).all()
    kept = np.where(np.arange(64) % 2 == 0, 1 - pasted, pasted)
    np.testing.assert_allclose(blended[changed, 0], kept[changed], atol=1e-6)
    np.testing.assert_allclose(blended[:, 2], 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0.0}, "alpha must be above 0, not 0; leave the layer out"),
        ({"area": "boxes"}, "did you mean 'box'"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        CutMix(**arguments)
