"""The recurrent network: its size by hand, and which way it goes through time."""

from typing import Any

import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.models.crnn import crnn

SMALL: dict[str, Any] = {"channels": (4, 6), "n_units": 5}


@pytest.mark.parametrize(
    ("cell", "n_gates", "n_biases"), [("gru", 3, 2), ("lstm", 4, 1)]
)
def test_the_size_is_that_of_convolutions_and_gates(
    cell: str, n_gates: int, n_biases: int
) -> None:
    network = crnn((16, 12), cell=cell, **SMALL)
    assert network.output_shape == (None, 4, 1, 10)
    convolutions = 9 * (1 * 4 + 4 * 6) + 4 * (4 + 6)
    n_inputs = 3 * 6  # 12 bands halved twice, 6 channels each
    direction = n_gates * 5 * (n_inputs + 5 + n_biases)
    assert network.count_params() == convolutions + 2 * direction


def test_the_past_does_not_hear_the_future_in_one_direction() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2, 64, 12)).astype(np.float32)
    features[1, :48] = features[0, :48]  # they differ from frame 48 on
    for bidirectional in (False, True):
        network = crnn((64, 12), bidirectional=bidirectional, **SMALL)
        one, other = np.asarray(network(features))
        # Kernels of 3 before and after the first halving: 3 frames reach across.
        difference = np.abs(one - other)
        assert (difference[:11].max() > 1e-5) == bidirectional
        assert difference[12:].max() > 1e-2


def test_a_clip_that_would_vanish_is_refused() -> None:
    assert crnn((4, 8)).output_shape == (None, 1, 1, 128)
    message = "at least 4 frames of 8 bands, but the front end makes 3 of 40"
    with pytest.raises(SettingError, match=message):
        crnn((3, 40))
