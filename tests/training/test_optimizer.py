from typing import Any

import keras
import numpy as np
import pytest

from sonotype.settings import TrainingSettings
from sonotype.training.optimizer import build_optimizer, layer_shares, learning_rate


def settings(**changes: object) -> TrainingSettings:
    given = {"epochs": 1, "batch_size": 1, "learning_rate": 0.5} | changes
    return TrainingSettings.model_validate(given)


def cosine(*, warmup_fraction: float, n_steps: int) -> Any:
    given = settings(schedule="cosine", warmup_fraction=warmup_fraction)
    return learning_rate(given, n_steps)


def test_a_constant_rate_is_a_number() -> None:
    assert learning_rate(settings(), 100) == 0.5


def test_warm_up_is_a_line_and_the_rest_half_a_cosine() -> None:
    schedule = cosine(warmup_fraction=0.2, n_steps=100)
    found = [float(schedule(step)) for step in range(101)]
    line = 0.5 * np.arange(20) / 20
    curve = 0.25 * (1 + np.cos(np.pi * np.arange(81) / 80))
    np.testing.assert_allclose(found, [*line, *curve], atol=1e-6)


def test_a_cosine_without_warm_up_starts_at_the_top() -> None:
    schedule = cosine(warmup_fraction=0.0, n_steps=10)
    assert float(schedule(0)) == pytest.approx(0.5)
    assert float(schedule(10)) == pytest.approx(0.0, abs=1e-7)


def test_weight_decay_goes_to_the_optimizer_that_has_it() -> None:
    adamw = build_optimizer(settings(optimizer="adamw", weight_decay=0.03), 10)
    assert adamw.weight_decay == 0.03
    assert build_optimizer(settings(), 10).weight_decay is None


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_a_variable_learns_at_its_share_of_the_rate(kind: str) -> None:
    low, middle, high = (
        keras.Variable(np.array([1.0, 2.0], np.float32), name=name)
        for name in ("low", "middle", "high")
    )
    shares = {low.path: 0.25, middle.path: 0.5}
    optimizer = build_optimizer(settings(optimizer=kind), 10, shares=shares)
    gradient = keras.ops.convert_to_tensor(np.array([3.0, -0.1], np.float32))
    optimizer.apply([gradient, gradient, gradient], [low, middle, high])
    moved = [np.asarray(each) - [1.0, 2.0] for each in (low, middle, high)]
    # The first step of Adam is the rate, against the sign of the gradient.
    np.testing.assert_allclose(moved[2], [-0.5, 0.5], rtol=1e-4)
    np.testing.assert_allclose(moved[1], moved[2] / 2, rtol=1e-4)
    np.testing.assert_allclose(moved[0], moved[2] / 4, rtol=1e-4)


def test_with_whole_shares_it_computes_as_keras_does() -> None:
    rng = np.random.default_rng(0)
    start = rng.standard_normal(5).astype(np.float32)
    ours, theirs = keras.Variable(start), keras.Variable(start)
    optimizer = build_optimizer(settings(), 10, shares={ours.path: 1.0})
    known = keras.optimizers.Adam(0.5)
    for _ in range(5):
        gradient = keras.ops.convert_to_tensor(rng.standard_normal(5).astype("float32"))
        optimizer.apply([gradient], [ours])
        known.apply([gradient], [theirs])
    found, expected = map(keras.ops.convert_to_numpy, (ours, theirs))
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # PyTorch has its own order


def test_shares_fall_from_the_head_down() -> None:
    features = keras.Input((6, 4, 1))
    flow = keras.layers.Conv2D(2, 1, name="first")(features)
    flow = keras.layers.ReLU()(flow)
    flow = keras.layers.BatchNormalization(name="second")(flow)
    backbone = keras.Model(features, flow, name="backbone")
    audio = keras.Input((6, 4, 1))
    classifier = keras.Model(audio, keras.layers.Flatten(name="head")(backbone(audio)))
    found = layer_shares(classifier, 0.5)
    first, second = (backbone.get_layer(name) for name in ("first", "second"))
    assert layer_shares(classifier, 1.0) == {}
    assert found == {
        first.kernel.path: 0.25,
        first.bias.path: 0.25,
        second.gamma.path: 0.5,
        second.beta.path: 0.5,
    }
