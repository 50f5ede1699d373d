"""The plain network: its shapes and its size, by hand."""

import pytest

from sonotype.errors import SettingError
from sonotype.models.cnn import cnn


def test_every_block_but_the_first_halves_the_map() -> None:
    network = cnn((65, 40), channels=(4, 8, 16), n_convolutions=2)
    assert network.output_shape == (None, 16, 10, 16)
    # Convolutions without bias, and four numbers a normalised channel.
    kernels = 9 * (1 * 4 + 4 * 4 + 4 * 8 + 8 * 8 + 8 * 16 + 16 * 16)
    assert network.count_params() == kernels + 4 * 2 * (4 + 8 + 16)


def test_a_clip_that_would_vanish_is_refused() -> None:
    assert cnn((8, 8)).output_shape == (None, 1, 1, 128)
    message = "at least 8 frames of 8 bands, but the front end makes 7 of 40"
    with pytest.raises(SettingError, match=message):
        cnn((7, 40))
