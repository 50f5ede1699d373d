"""Normalising by learned statistics and by those of the clip, against numpy."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from sonotype.errors import DataError, SettingError
from sonotype.frontend.normalize import Normalize


@pytest.fixture
def features() -> np.ndarray:
    rng = np.random.default_rng(6)
    bands = rng.normal(size=(20, 30, 5)) * np.array([0.1, 1.0, 2.0, 5.0, 9.0])
    return (bands + np.array([-50.0, -6.0, 0.0, 3.0, 800.0])).astype(np.float32)


def expected_of(features: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    exact = features.astype(np.float64)
    centred = exact - exact.mean(axis=axes, keepdims=True)
    return centred / np.sqrt(exact.var(axis=axes, keepdims=True) + 1e-6)


@pytest.mark.parametrize(
    ("per_frequency", "axes"), [(True, (0, 1)), (False, (0, 1, 2))]
)
@pytest.mark.parametrize("n_parts", [1, 3, 20])
def test_learned_statistics_are_those_of_numpy(
    features: np.ndarray, per_frequency: bool, axes: tuple[int, ...], n_parts: int
) -> None:
    layer = Normalize(per_frequency=per_frequency)
    layer.adapt(np.array_split(features, n_parts))
    np.testing.assert_allclose(
        layer.mean,
        features.astype(np.float64).mean(axes[: 2 + (not per_frequency)]),
        rtol=1e-5,
        atol=1e-5,
    )
    np.testing.assert_allclose(layer(features), expected_of(features, axes), atol=2e-4)


@pytest.mark.parametrize(("per_frequency", "axes"), [(True, (1,)), (False, (1, 2))])
def test_statistics_of_the_clip_are_those_of_numpy(
    features: np.ndarray, per_frequency: bool, axes: tuple[int, ...]
) -> None:
    layer = Normalize("clip", per_frequency=per_frequency)
    np.testing.assert_allclose(layer(features), expected_of(features, axes), atol=2e-4)


def test_pictures_are_normalised_along_their_frequency(features: np.ndarray) -> None:
    pictures = np.stack([features, 3.0 * features], axis=-1)
    layer = Normalize()
    layer.adapt(pictures)
    np.testing.assert_allclose(
        layer(pictures), expected_of(pictures, (0, 1, 3)), atol=2e-4
    )
    np.testing.assert_allclose(
        Normalize("clip")(pictures), expected_of(pictures, (1, 3)), atol=2e-4
    )


def test_a_far_mean_does_not_cancel() -> None:
    rng = np.random.default_rng(3)
    far = 1e6 + rng.integers(0, 8, (64, 10, 2)).astype(np.float32)
    layer = Normalize()
    layer.adapt(np.array_split(far, 7))
    deviation = far.astype(np.float64).std(axis=(0, 1))
    np.testing.assert_allclose(layer.deviation, deviation, rtol=1e-6)


@pytest.mark.parametrize("statistics", ["data", "clip"])
def test_constant_features_become_zero(statistics: Any) -> None:
    constant = np.full((2, 6, 3), -13.8, np.float32)
    layer = Normalize(statistics)
    if statistics == "data":
        layer.adapt(constant)
    np.testing.assert_allclose(layer(constant), 0.0, atol=2e-3)


def test_it_learns_from_a_tf_dataset_and_forgets_the_time_before(
    features: np.ndarray,
) -> None:
    layer = Normalize()
    layer.adapt(100.0 * features)
    layer.adapt(tf.data.Dataset.from_tensor_slices(features).batch(7))
    mean = features.astype(np.float64).mean(axis=(0, 1))
    np.testing.assert_allclose(layer.mean, mean, rtol=1e-5, atol=1e-5)
    assert not layer.trainable_weights


@pytest.mark.parametrize("per_frequency", [True, False])
def test_statistics_survive_keras_and_litert(
    features: np.ndarray, per_frequency: bool, tmp_path: Path
) -> None:
    inputs = keras.Input(batch_shape=(1, 30, 5))
    layer = Normalize(per_frequency=per_frequency)
    model = keras.Model(inputs, layer(inputs))
    layer.adapt(features)
    expected = np.asarray(layer(features))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(loaded(features[:1]), expected[:1])
    converter = tf.lite.TFLiteConverter.from_keras_model(loaded)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own, about the converter
        interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], features[:1])
    interpreter.invoke()
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(output, expected[:1], atol=1e-4)


def test_it_refuses_to_work_before_it_has_learned(tmp_path: Path) -> None:
    features = np.zeros((1, 4, 3), np.float32)
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, Normalize(name="scale")(inputs))
    with pytest.raises(SettingError, match="scale has learned no statistics yet"):
        model(features)
    model.save(tmp_path / "empty.keras")
    loaded = keras.saving.load_model(tmp_path / "empty.keras")
    with pytest.raises(SettingError, match="scale has learned no statistics yet"):
        loaded(features)


def test_what_cannot_be_learned_from_is_refused(features: np.ndarray) -> None:
    broken = features.copy()
    broken[3, 2, 1] = np.nan
    pairs = [(features, np.zeros(len(features)))]
    refused: list[tuple[Any, str]] = [
        ([], "there are no features"),
        ([features, broken], "batch 1 holds features that are not finite"),
        (pairs, "batch 0 is a tuple, .* without targets"),
        ([features, features[..., :4]], "have 4 frequencies, .* built for 5"),
    ]
    for batches, message in refused:
        layer = Normalize()
        with pytest.raises(DataError, match=message):
            layer.adapt(batches)
        assert not layer.is_adapted
    with pytest.raises(SettingError, match="has nothing to learn"):
        Normalize("clip").adapt(features)
    with pytest.raises(SettingError, match=r"not \(20, 30\)"):
        Normalize().adapt(features[..., 0])


def test_settings_out_of_range_are_refused() -> None:
    name: Any = "clips"
    with pytest.raises(SettingError, match=r"statistics 'clips' .*'clip'"):
        Normalize(name)
    for floor in (0.0, float("nan")):
        with pytest.raises(SettingError, match="floor must be above 0"):
            Normalize(floor=floor)
