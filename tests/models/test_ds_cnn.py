"""DS-CNN: the sizes of the paper."""

import math

import keras
import pytest

from sonotype.models.cost import count_macs
from sonotype.models.ds_cnn import ds_cnn

# 10 coefficients every 20 ms, windows of 40 ms, one second.
FEATURES = (49, 10)
N_CLASSES = 12


@pytest.mark.parametrize(
    ("size", "n_bytes", "n_operations"),
    [
        ("small", 38_600, 5_400_000),
        ("medium", 189_200, 19_800_000),
        ("large", 497_600, 56_900_000),
    ],
)
def test_it_takes_the_memory_and_the_operations_that_are_published(
    size: str, n_bytes: int, n_operations: int
) -> None:
    network = ds_cnn(FEATURES, size=size)
    head = (network.output_shape[-1] + 1) * N_CLASSES
    # In 8 bits, with each normalisation folded into the bias of its convolution, and
    # the largest map with the next one, which are in memory at the same time.
    weights = head + sum(
        math.prod(layer.kernel.shape) + layer.output.shape[-1]
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    )
    maps = [
        math.prod(layer.output.shape[1:])
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    ]
    assert weights + maps[0] + maps[1] == pytest.approx(n_bytes, rel=0.02)
    # An operation is a product or a sum; the paper counts those of the head too.
    found = 2 * (count_macs(network) + head)
    assert found == pytest.approx(n_operations, rel=0.02)


@pytest.mark.parametrize(
    ("size", "expected"),
    [("small", (25, 5, 64)), ("medium", (13, 5, 172)), ("large", (13, 5, 276))],
)
def test_the_larger_ones_halve_time_twice(
    size: str, expected: tuple[int, int, int]
) -> None:
    assert ds_cnn(FEATURES, size=size).output_shape == (None, *expected)
