"""MatchboxNet: the sizes and the kernels of the paper."""

import keras
import pytest

from sonotype.models.matchboxnet import matchboxnet

N_CLASSES = 30


@pytest.mark.parametrize(
    ("n_blocks", "n_sub_blocks", "published"),
    [(3, 1, 77_000), (3, 2, 93_000), (6, 2, 140_000)],
)
def test_it_has_as_many_parameters_as_published(
    n_blocks: int, n_sub_blocks: int, published: int
) -> None:
    network = matchboxnet((101, 64), n_blocks=n_blocks, n_sub_blocks=n_sub_blocks)
    trained = sum(weight.numpy().size for weight in network.trainable_weights)
    # The published numbers, in thousands, count the head of 30 words.
    head = (network.output_shape[-1] + 1) * N_CLASSES
    assert trained + head == pytest.approx(published, rel=0.01)


def test_every_block_has_a_longer_kernel_than_the_one_before() -> None:
    kernels = [
        layer.kernel_size[0]
        for layer in matchboxnet((101, 64)).layers
        if isinstance(layer, keras.layers.DepthwiseConv1D)
    ]
    assert kernels == [11, 13, 13, 15, 15, 17, 17, 29]
