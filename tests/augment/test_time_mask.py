"""Gaps measured in samples."""

from typing import Any

import numpy as np
import pytest

from sonotype.augment.time_mask import TimeMask
from sonotype.errors import SettingError


def gaps(layer: TimeMask, n_clips: int, n_samples: int) -> tuple[np.ndarray, ...]:
    """Return first sample and length of the one gap in each clip of ones."""
    audio = np.asarray(layer(np.ones((n_clips, n_samples), np.float32), training=True))
    assert set(np.unique(audio)) <= {0.0, 1.0}
    edges = np.diff(np.pad(audio, [[0, 0], [1, 1]], constant_values=1.0), axis=1)
    assert ((edges == -1).sum(axis=1) <= 1).all()
    return np.argmin(audio, axis=1), (audio == 0).sum(axis=1)


def test_one_gap_a_clip_of_every_length_at_every_place() -> None:
    first, length = gaps(TimeMask(0.05, 1_000, seed=0), 3_000, 200)
    assert length.min() == 0
    assert length.max() == 50
    assert abs(length.mean() - 25) < 1.5
    last = first + length - 1
    assert first.min() == 0
    assert last.max() == 199
    assert abs((first + last)[length > 0].mean() / 2 - 99.5) < 4


def test_a_gap_is_never_longer_than_the_clip() -> None:
    _, length = gaps(TimeMask(1.0, 1_000, seed=0), 500, 40)
    assert length.max() == 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_seconds": -1.0}, "max_seconds must be at least 0, not -1"),
        ({"sample_rate": 0}, "sample_rate must be above 0, not 0"),
    ],
)
def test_settings_out_of_range_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        TimeMask(**{"max_seconds": 0.1, "sample_rate": 8_000} | arguments)
