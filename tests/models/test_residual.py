"""The residual network: its shapes, its size and that it can learn."""

from typing import Any

import keras
import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.models.residual import residual_network


def n_weights(channels: list[int], kernel: int, widens: list[bool]) -> int:
    """Count by hand: convolutions without bias, four numbers a normalised channel."""
    total = kernel * kernel * channels[0] + 4 * channels[0]
    for before, after, has_shortcut in zip(
        channels, channels[1:], widens, strict=False
    ):
        total += 9 * before * after + 9 * after * after + 8 * after
        total += has_shortcut * (before * after + 4 * after)
    return total


@pytest.mark.parametrize(
    ("channels", "strides", "kernel", "expected_map"),
    [
        ([16, 16, 32, 64], [2, 1, 2, 2], 5, (7, 5)),
        ([8, 12], [[1, 2], 2], 3, (25, 10)),
        ([8], [[4, 1]], 3, (13, 40)),
    ],
)
def test_shapes_and_sizes_follow_channels_and_strides(
    channels: list[int],
    strides: list[Any],
    kernel: int,
    expected_map: tuple[int, int],
) -> None:
    network = residual_network(
        (50, 40), channels=channels, strides=strides, stem_kernel_size=kernel
    )
    assert network.input_shape == (None, 50, 40)
    assert network.output_shape == (None, *expected_map, channels[-1])
    widens = [
        before != after or step not in (1, [1, 1])
        for before, after, step in zip(
            channels, channels[1:], strides[1:], strict=False
        )
    ]
    assert network.count_params() == n_weights(channels, kernel, widens)


def test_pictures_with_channels_are_taken_too() -> None:
    network = residual_network((32, 24, 3), channels=[4, 8], strides=[2, 2])
    assert network(np.zeros((2, 32, 24, 3), np.float32)).shape == (2, 8, 6, 8)


def test_squeeze_and_excitation_adds_two_small_layers_a_block() -> None:
    plain = residual_network((32, 24), channels=[8, 16], strides=[2, 2])
    weighed = residual_network(
        (32, 24), channels=[8, 16], strides=[2, 2], squeeze_excite=True
    )
    extra = (16 * 8 + 8) + (8 * 16 + 16)
    assert weighed.count_params() - plain.count_params() == extra


def test_a_clip_does_not_depend_on_its_batch_and_statistics_follow_quickly() -> None:
    rng = np.random.default_rng(0)
    network = residual_network((30, 20), channels=[4, 8], strides=[2, 2])
    features = rng.standard_normal((4, 30, 20)).astype(np.float32) * 3
    together = np.asarray(network(features, training=False))
    alone = np.asarray(network(features[:1], training=False))
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            assert layer.momentum == 0.9


def test_eight_clips_are_learned_by_heart() -> None:
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    features = rng.standard_normal((8, 16, 12)).astype(np.float32)
    classes = np.arange(8) % 4
    network = residual_network((16, 12), channels=[8, 16], strides=[1, 2])
    pooled = keras.layers.GlobalAveragePooling2D()(network.output)
    scores = keras.layers.Dense(4, activation="softmax")(pooled)
    model = keras.Model(network.input, scores)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(features, classes, batch_size=8, epochs=30, verbose=0)
    np.testing.assert_array_equal(
        np.asarray(model(features, training=False)).argmax(axis=1), classes
    )


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ((16_000,), {}, r"shape \(time, frequency.*not \(16000,\)"),
        ((98, 64), {"channels": [8, 8], "strides": [2]}, "but there are 2 and 1"),
        ((98, 64), {"channels": [], "strides": []}, "but there are 0 and 0"),
        ((98, 64), {"channels": [8], "strides": [[2, 2, 2]]}, r"one or two numbers"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    shape: tuple[int, ...], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        residual_network(shape, **arguments)
