"""The cost of networks: by hand for one layer each, and as papers give it."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from sonotype.errors import SettingError
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.normalize import Normalize
from sonotype.models.classifier import build_classifier
from sonotype.models.cost import count_macs, count_parameters

MAP = (10, 8, 6)  # time, frequency, channel
STEPS = (12, 5)  # time, channel


def of_one_layer(
    layer: keras.layers.Layer, *shapes: tuple[int | None, ...]
) -> keras.Model:
    inputs = [keras.Input(shape) for shape in shapes]
    return keras.Model(inputs, layer(*inputs))


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.Conv2D(4, 3), MAP, 8 * 6 * 3 * 3 * 6 * 4),
        (layers.Conv2D(4, 3, strides=(2, 1), padding="same"), MAP, 5 * 8 * 54 * 4),
        (layers.Conv2D(4, (3, 1), dilation_rate=(2, 1)), MAP, 6 * 8 * 3 * 6 * 4),
        (layers.Conv2D(6, 1, groups=3), MAP, 10 * 8 * 2 * 6),
        (layers.DepthwiseConv2D(3, padding="same"), MAP, 80 * 9 * 6),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), MAP, 8 * 6 * 9 * 6 * 2),
        (layers.SeparableConv2D(4, 3), MAP, 8 * 6 * (9 * 6 + 6 * 4)),
        (layers.Conv2DTranspose(4, 2, strides=2), MAP, 10 * 8 * 2 * 2 * 6 * 4),
        (layers.Conv1D(7, 3, strides=2, padding="causal"), STEPS, 6 * 3 * 5 * 7),
        (layers.DepthwiseConv1D(3), STEPS, 10 * 3 * 5),
        (layers.SeparableConv1D(7, 3), STEPS, 10 * (3 * 5 + 5 * 7)),
        (layers.Dense(9), STEPS, 12 * 5 * 9),
        (layers.EinsumDense("btc,cd->btd", (12, 9)), STEPS, 12 * 5 * 9),
        (layers.EinsumDense("...c,chd->...hd", (2, 4)), STEPS, 12 * 5 * 2 * 4),
        (layers.EinsumDense("btc,tcd->bd", 9), STEPS, 12 * 5 * 9),
        (layers.LSTM(7), STEPS, 12 * 4 * 7 * (5 + 7)),
        (layers.GRU(7, return_sequences=True), STEPS, 12 * 3 * 7 * (5 + 7)),
        (layers.SimpleRNN(7), STEPS, 12 * 7 * (5 + 7)),
        (layers.Bidirectional(layers.GRU(7)), STEPS, 2 * 12 * 3 * 7 * (5 + 7)),
        (layers.TimeDistributed(layers.Conv1D(2, 3)), MAP, 10 * 6 * 3 * 6 * 2),
        (layers.BatchNormalization(), MAP, 0),
        (layers.Embedding(30, 4), (5,), 0),
        (layers.GlobalAveragePooling2D(), MAP, 0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_one_layer_is_as_counted_by_hand(
    layer: keras.layers.Layer, shape: tuple[int, ...], expected: int
) -> None:
    assert count_macs(of_one_layer(layer, shape)) == expected


def test_attention_is_four_projections_and_two_products_of_pairs() -> None:
    itself = layers.MultiHeadAttention(num_heads=2, key_dim=3)
    steps = keras.Input(STEPS)
    model = keras.Model(steps, itself(steps, steps))
    projections = 3 * 12 * 5 * (2 * 3) + 12 * (2 * 3) * 5
    assert count_macs(model) == projections + 2 * 12 * 12 * (2 * 3)
    other = layers.MultiHeadAttention(2, 3, value_dim=4, output_shape=8)
    model = of_one_layer(other, (12, 5), (9, 7))
    expected = 12 * 5 * 6 + 9 * 7 * 6 + 9 * 7 * 8 + 12 * 9 * (6 + 8) + 12 * 8 * 8
    assert count_macs(model) == expected


def test_models_in_models_and_layers_called_twice_are_counted() -> None:
    inner_input = keras.Input((10, 8))
    dense = layers.Dense(8)
    inner = keras.Model(inner_input, dense(dense(inner_input)))
    chain = keras.Sequential([keras.Input((10, 8)), layers.Dense(3), layers.LSTM(2)])
    outer_input = keras.Input((10, 8))
    flow = inner(outer_input) * 0.5 + outer_input
    model = keras.Model(outer_input, [chain(flow), chain(outer_input)])
    of_chain = 10 * 8 * 3 + 10 * 4 * 2 * (3 + 2)
    assert count_macs(chain) == of_chain
    assert count_macs(model) == 2 * 10 * 8 * 8 + 2 * of_chain
    # Weights that are used twice are there once.
    assert count_parameters(model) == (64 + 8) + (24 + 3) + 4 * (2 * (3 + 2) + 2)


def test_the_front_end_of_a_classifier_is_left_out() -> None:
    model = build_classifier(
        [LogMel(sample_rate=8_000, n_mels=20), Normalize()],
        n_classes=3,
        clip_seconds=0.5,
        channels=[4],
        strides=[2],
    )
    backbone = model.get_layer("backbone")
    height, width, _ = backbone.output_shape[1:]
    products = height * width * 5 * 5 * 4
    assert count_macs(backbone) == products
    assert count_macs(model) == products + 4 * 3
    assert count_parameters(model) == 5 * 5 * 4 + 4 * 4 + (4 * 3 + 3)
    assert model.count_params() > count_parameters(model)


@pytest.mark.parametrize(
    ("network", "published_macs", "published_parameters"),
    [
        # Tan and Le 2019; Howard et al. 2019; Sandler et al. 2018; Howard et al. 2017
        (keras.applications.EfficientNetB0, 0.39e9, 5.3e6),
        (keras.applications.MobileNetV3Large, 0.219e9, 5.4e6),
        (keras.applications.MobileNetV3Small, 0.056e9, 2.5e6),
        (keras.applications.MobileNetV2, 0.300e9, 3.4e6),
        (keras.applications.MobileNet, 0.569e9, 4.2e6),
    ],
)
def test_known_networks_cost_what_their_papers_say(
    network: Callable[..., keras.Model],
    published_macs: float,
    published_parameters: float,
) -> None:
    model = network(weights=None, input_shape=(224, 224, 3))
    assert count_macs(model) == pytest.approx(published_macs, rel=0.015)
    assert count_parameters(model) == pytest.approx(published_parameters, rel=0.05)


class Projection(keras.layers.Layer):
    """A product of matrices that nobody knows."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.matrix = self.add_weight(shape=(input_shape[-1], 4))

    def call(self, inputs: Any) -> Any:
        return inputs @ self.matrix


class CountedProjection(Projection):
    """The same, with its price."""

    def count_macs(self, input_shape: tuple[int, ...]) -> int:
        return int(np.prod(input_shape)) * 4


def test_a_layer_of_ones_own_says_its_cost_or_is_refused() -> None:
    assert count_macs(of_one_layer(CountedProjection(), STEPS)) == 12 * 5 * 4
    with pytest.raises(SettingError, match=r"Projection 'unknown' .* a method count_m"):
        count_macs(of_one_layer(Projection(name="unknown"), STEPS))


def test_products_outside_of_layers_are_refused() -> None:
    steps = keras.Input(STEPS)
    pairs = keras.ops.matmul(steps, keras.ops.transpose(steps, (0, 2, 1)))
    with pytest.raises(SettingError, match=r"what Matmul .* cannot be counted"):
        count_macs(keras.Model(steps, pairs))


def test_a_length_that_is_open_is_refused() -> None:
    model = of_one_layer(layers.Conv1D(4, 3), (None, 5))
    with pytest.raises(SettingError, match=r"a shape is \(None, None, 5\)"):
        count_macs(model)
