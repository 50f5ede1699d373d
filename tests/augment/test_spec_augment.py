"""Masks counted and measured."""

from typing import Any

import numpy as np
import pytest

from sonotype.augment.spec_augment import SpecAugment
from sonotype.errors import SettingError

N_CLIPS, N_FRAMES, N_BANDS = 3_000, 60, 40


def hidden(layer: SpecAugment) -> np.ndarray:
    """Return which values a layer replaces, all of them by the clip's mean."""
    rng = np.random.default_rng(0)
    clips = rng.random((N_CLIPS, N_FRAMES, N_BANDS)).astype(np.float32)
    masked = np.asarray(layer(clips, training=True))
    changed: np.ndarray = np.not_equal(masked, clips)
    means = np.broadcast_to(clips.mean(axis=(1, 2), keepdims=True), clips.shape)
    np.testing.assert_allclose(masked[changed], means[changed], atol=1e-5)
    return changed


def test_one_time_mask_covers_whole_frames_of_a_uniform_width() -> None:
    layer = SpecAugment(
        n_time_masks=1, max_time_fraction=0.15, n_frequency_masks=0, seed=1
    )
    changed = hidden(layer)
    frames: np.ndarray = changed.max(axis=2)
    np.testing.assert_array_equal(changed, frames[:, :, None] & np.ones(N_BANDS, bool))
    starts = np.diff(frames.astype(int), axis=1, prepend=0) == 1
    assert starts.sum(axis=1).max() == 1
    counts = np.bincount(frames.sum(axis=1))
    assert len(counts) == 0.15 * N_FRAMES + 1
    np.testing.assert_allclose(counts / N_CLIPS, 0.1, atol=0.03)


def test_a_mask_may_lie_anywhere() -> None:
    layer = SpecAugment(
        n_time_masks=0, n_frequency_masks=1, max_frequency_fraction=0.1, seed=2
    )
    share = hidden(layer).any(axis=1).mean(axis=0)
    middle = share[4:-4]
    np.testing.assert_allclose(middle, middle.mean(), rtol=0.25)
    assert share[[0, -1]].min() > 0.005


def test_a_wide_mask_stays_whole_inside_the_clip() -> None:
    layer = SpecAugment(
        n_time_masks=1, max_time_fraction=0.5, n_frequency_masks=0, seed=4
    )
    widths = hidden(layer).max(axis=2).sum(axis=1)
    assert widths.max() == 30
    assert widths.mean() == pytest.approx(15.0, abs=0.6)


def test_the_covered_share_of_several_masks_is_the_expected_one() -> None:
    layer = SpecAugment(
        n_time_masks=2,
        max_time_fraction=0.1,
        n_frequency_masks=2,
        max_frequency_fraction=0.2,
        seed=3,
    )
    changed = hidden(layer)
    # Mean widths are 3 of 60 frames and 4 of 40 bands; overlaps are counted once.
    seen = (1 - 3 / 60) ** 2 * (1 - 4 / 40) ** 2
    assert changed.mean() == pytest.approx(1 - seen, abs=0.02)
    assert changed.any(axis=2).min(axis=1).mean() > 0.5  # bands cross every frame


def test_no_masks_change_nothing() -> None:
    assert not hidden(SpecAugment(n_time_masks=0, n_frequency_masks=0)).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_time_masks": -1}, "at least 0, not n_time_masks=-1"),
        ({"max_time_fraction": 1.0}, "max_time_fraction must be from 0 to below 1"),
        ({"max_frequency_fraction": -0.1}, "max_frequency_fraction must be from 0"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        SpecAugment(**arguments)
