"""Silence before and after a clip."""

from typing import Any

import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.frontend.pad import Pad


@pytest.mark.parametrize(
    ("seconds", "n_samples"), [(0.0, 0), (0.25, 250), (0.0004, 0), (0.0016, 2)]
)
def test_silence_of_whole_samples_is_put_at_both_ends(
    seconds: float, n_samples: int, rng: np.random.Generator
) -> None:
    audio = rng.standard_normal((3, 40)).astype(np.float32)
    found = Pad(seconds=seconds, sample_rate=1_000)(audio)
    np.testing.assert_array_equal(found, np.pad(audio, [(0, 0), (n_samples,) * 2]))


def test_a_clip_of_no_fixed_length_is_padded_too() -> None:
    layer = Pad(seconds=0.5, sample_rate=8)
    assert layer.compute_output_shape((None, None)) == (None, None)
    assert layer.compute_output_shape((2, 3)) == (2, 11)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seconds": -0.1}, "seconds of silence must be 0 or more, not -0.1"),
        ({"seconds": float("nan")}, "seconds of silence must be 0 or more, not nan"),
        ({"seconds": float("inf")}, "seconds of silence must be 0 or more, not inf"),
        ({"sample_rate": 0}, "sample_rate must be above 0, not 0"),
    ],
)
def test_what_is_no_length_of_silence_is_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        Pad(**{"seconds": 0.1, "sample_rate": 100} | arguments)


def test_features_are_refused() -> None:
    with pytest.raises(
        SettingError, match=r"shape \(batch, samples\), not \(1, 4, 3\)"
    ):
        Pad(seconds=0.1, sample_rate=100)(np.zeros((1, 4, 3), np.float32))
