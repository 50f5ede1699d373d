"""What the networks share: how they begin, and what they refuse."""

import keras
import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.models.blocks import (
    as_frames,
    as_map,
    begin,
    normalize,
)


def test_features_get_a_channel_only_where_they_have_none() -> None:
    for shape, expected in [((6, 5), (6, 5, 1)), ((6, 5, 3), (6, 5, 3))]:
        inputs, features = begin("a network", shape)
        assert inputs.shape == (None, *shape)
        assert features.shape == (None, *expected)


@pytest.mark.parametrize("shape", [(7, 40), (8, 39)])
def test_too_few_frames_or_bands_are_refused(shape: tuple[int, int]) -> None:
    message = rf"at least 8 frames of 40 bands, but .* makes {shape[0]} of {shape[1]}"
    with pytest.raises(SettingError, match=message):
        begin("a network", shape, least=(8, 40))
    assert begin("a network", (8, 40), least=(8, 40))


def test_frames_hold_all_channels_of_a_band_together() -> None:
    inputs = keras.Input((3, 2, 4))
    values = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)
    frames = keras.Model(inputs, as_frames(inputs))(values)
    np.testing.assert_array_equal(frames, values.reshape(1, 3, 8))
    back = keras.Model(inputs, as_map(as_frames(inputs)))(values)
    np.testing.assert_array_equal(back, values.reshape(1, 3, 1, 8))


def test_a_batch_is_normalised_channel_by_channel_before_the_activation() -> None:
    inputs = keras.Input((5, 4, 2))
    values = np.random.default_rng(0).normal(3.0, 2.0, (6, 5, 4, 2)).astype(np.float32)
    found = keras.Model(inputs, normalize(inputs))(values, training=True)
    mean, variance = values.mean((0, 1, 2)), values.var((0, 1, 2))
    expected = np.maximum(0, (values - mean) / np.sqrt(variance + 1e-3))
    np.testing.assert_allclose(found, expected, atol=1e-5)
