"""The picture of a spectrogram against TensorFlow's own functions."""

import numpy as np
import pytest
import tensorflow as tf

from sonotype.errors import SettingError
from sonotype.frontend.to_image import ToImage


@pytest.mark.parametrize("shape", [(2, 28, 1025), (1, 98, 64), (1, 128, 128)])
def test_the_picture_is_the_one_of_the_classic_recipe(
    shape: tuple[int, int, int],
) -> None:
    rng = np.random.default_rng(1)
    spectrogram = rng.random(shape).astype(np.float32)
    resized = tf.image.resize(spectrogram[..., None], (128, 128))
    expected = tf.image.grayscale_to_rgb(resized)
    np.testing.assert_array_equal(ToImage(128, 128)(spectrogram), expected)


def test_a_ramp_is_read_at_the_centres_of_the_pixels() -> None:
    ramp = np.tile(np.arange(8, dtype=np.float32), (1, 4, 1))
    picture = np.asarray(ToImage(4, 4, channels=1)(ramp))
    np.testing.assert_allclose(picture[0, 0, :, 0], [0.5, 2.5, 4.5, 6.5])


@pytest.mark.parametrize("sizes", [(0, 4, 3), (4, 0, 3), (4, 4, 0)])
def test_empty_pictures_are_refused(sizes: tuple[int, int, int]) -> None:
    height, width, channels = sizes
    with pytest.raises(SettingError, match="at least one row, column and channel"):
        ToImage(height, width, channels=channels)


def test_a_waveform_is_refused() -> None:
    with pytest.raises(SettingError, match="put a spectrogram layer first"):
        ToImage()(np.zeros((2, 16_000), np.float32))
