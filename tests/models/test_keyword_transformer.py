"""The keyword transformer: the sizes of the paper, and that order matters."""

import keras
import numpy as np
import pytest

from sonotype.models.keyword_transformer import keyword_transformer

FEATURES = (98, 40)
N_CLASSES = 12


@pytest.mark.parametrize(
    ("width", "n_heads", "published"), [(64, 1, 607_000), (128, 2, 2_394_000)]
)
def test_it_has_as_many_parameters_as_published(
    width: int, n_heads: int, published: int
) -> None:
    network = keyword_transformer(FEATURES, width=width, n_heads=n_heads)
    # Left out here: the class token and its position, the head, and the bias of each
    # projection out of the attention.
    left_out = 2 * width + (width + 1) * N_CLASSES + 12 * width
    assert network.count_params() + left_out == pytest.approx(published, rel=2e-3)
    assert left_out < 0.01 * published


def test_frames_are_told_apart_by_their_position_alone() -> None:
    network = keyword_transformer((20, 8), width=16, n_layers=2)
    features = np.random.default_rng(0).standard_normal((1, 20, 8)).astype(np.float32)
    forwards = np.asarray(network(features))
    backwards = np.asarray(network(features[:, ::-1]))[:, ::-1]
    assert np.abs(forwards - backwards).max() > 1e-3
    projection = next(
        layer for layer in network.layers if isinstance(layer, keras.layers.EinsumDense)
    )
    assert projection.bias.shape == (20, 16)
    projection.bias.assign(np.zeros((20, 16)))
    forwards = np.asarray(network(features))
    backwards = np.asarray(network(features[:, ::-1]))[:, ::-1]
    np.testing.assert_allclose(forwards, backwards, atol=1e-5)


def test_heads_share_the_width() -> None:
    sizes = {
        keyword_transformer((20, 8), width=24, n_heads=n, n_layers=1).count_params()
        for n in (1, 2, 3)
    }
    assert len(sizes) == 1
