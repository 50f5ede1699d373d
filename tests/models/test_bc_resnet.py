"""BC-ResNet: the sizes of the paper, and its normalisation by groups of bands."""

import math

import keras
import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.models.bc_resnet import bc_resnet, sub_spectral_norm
from sonotype.models.cost import count_macs

N_CLASSES = 12


# What others quote from the paper, to the digits they give. Multiply-adds are quoted as
# 3.1 and as 3.6 million at tau 1, by who counts.
@pytest.mark.parametrize(
    ("tau", "parameters", "multiply_adds"),
    [
        (0.625, 4_585, None),
        (1, 9_232, 3_100_000),
        (3, 54_200, None),
        (8, 321_000, 89_000_000),
    ],
)
def test_it_is_as_large_as_published(
    tau: float, parameters: int, multiply_adds: int | None
) -> None:
    network = bc_resnet((101, 40), tau=tau)
    trained = sum(weight.numpy().size for weight in network.trainable_weights)
    # The published numbers count the head, a 1x1 convolution with bias.
    trained += (network.output_shape[-1] + 1) * N_CLASSES
    assert trained == pytest.approx(parameters, rel=1e-3 if tau in {3, 8} else 0)
    if multiply_adds:
        # The products alone are 2.5 million; each normalised value takes two more.
        normalised = sum(
            math.prod(layer.output.shape[1:])
            for layer in network.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        )
        found = count_macs(network) + 2 * normalised
        assert found == pytest.approx(multiply_adds, rel=0.03)


def test_groups_of_bands_are_normalised_by_themselves() -> None:
    rng = np.random.default_rng(0)
    loudness = np.array([1.0, 1.0, 20.0, 20.0, 0.5, 0.5])[:, None]
    values = loudness * rng.standard_normal((4, 7, 6, 3)) + loudness
    inputs = keras.Input((7, 6, 3))
    layer = keras.Model(inputs, sub_spectral_norm(inputs, 3))
    found = np.asarray(layer(values.astype(np.float32), training=True))
    for low in (0, 2, 4):
        group = values[:, :, low : low + 2]
        mean, variance = group.mean((0, 1, 2)), group.var((0, 1, 2))
        expected = (group - mean) / np.sqrt(variance + 1e-3)
        np.testing.assert_allclose(found[:, :, low : low + 2], expected, atol=1e-4)


def test_every_second_band_is_kept_whatever_the_length() -> None:
    for n_bands, n_sub_bands, left in [(33, 1, 1), (64, 4, 4)]:
        network = bc_resnet((20, n_bands), n_sub_bands=n_sub_bands)
        assert network.output_shape == (None, 20, left, 32)


@pytest.mark.parametrize(
    ("n_bands", "message"),
    [
        (32, "at least 1 frames of 33 bands, but the front end makes 20 of 32"),
        (64, "64 bands become 32, 16, 8, .*=5 does not divide; use one of 1, 2, 4, 8"),
    ],
)
def test_bands_that_do_not_fit_are_refused(n_bands: int, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        bc_resnet((20, n_bands))
