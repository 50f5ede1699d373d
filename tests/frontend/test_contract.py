"""What every layer of the front end keeps, whatever it computes."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from sonotype.frontend.table import FRONTENDS

# Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of, in every save.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

ARGUMENTS: dict[str, dict[str, Any]] = {
    "log_mel": {"sample_rate": 16_000, "n_mels": 40, "hop_seconds": 0.015},
    "spectrogram": {"frame_length": 512, "hop_length": 128, "power": 2.0},
    "standardize": {"mean": -3.0, "deviation": 2.0},
    "to_image": {"height": 32, "width": 48},
}
TAKES_FEATURES = {"standardize", "to_image"}
N_SAMPLES = 4_000


@pytest.fixture(params=sorted(FRONTENDS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(name: str) -> keras.layers.Layer:
    return FRONTENDS[name](**ARGUMENTS[name])


def as_input(name: str, audio: np.ndarray) -> np.ndarray:
    """Return the audio, folded into rows for layers that come after a spectrogram."""
    if name in TAKES_FEATURES:
        audio = audio[:, : audio.shape[1] // 50 * 50].reshape(len(audio), -1, 50)
    return audio.astype(np.float32)


@pytest.fixture
def clips(name: str) -> np.ndarray:
    """Return a quiet, a loud and an ordinary clip."""
    rng = np.random.default_rng(11)
    levels = np.array([[1e-4], [1.0], [0.1]])
    return as_input(name, levels * rng.standard_normal((3, N_SAMPLES)))


def test_every_layer_is_covered() -> None:
    assert set(ARGUMENTS) == set(FRONTENDS)


@pytest.mark.parametrize("n_samples", [3_999, 4_000, 4_001, 4_127, 4_128, 16_000])
def test_the_output_shape_is_the_one_announced(name: str, n_samples: int) -> None:
    layer = make(name)
    example = as_input(name, np.zeros((2, n_samples)))
    output = layer(example)
    assert tuple(output.shape) == tuple(layer.compute_output_shape(example.shape))
    free = layer.compute_output_shape((None, *example.shape[1:]))
    assert tuple(free) == (None, *output.shape[1:])


def test_a_clip_does_not_depend_on_its_batch(name: str, clips: np.ndarray) -> None:
    layer = make(name)
    together = np.asarray(layer(clips))
    for position, clip in enumerate(clips):
        alone = np.asarray(layer(clip[None]))[0]
        np.testing.assert_allclose(together[position], alone, rtol=1e-5, atol=1e-5)


def test_features_are_float32_under_any_policy(name: str, clips: np.ndarray) -> None:
    expected = np.asarray(make(name)(clips))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        features = make(name)(clips)
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(features.dtype) == "float32"
    np.testing.assert_array_equal(features, expected)


def test_silence_and_full_scale_stay_finite(name: str) -> None:
    square = np.where(np.arange(N_SAMPLES) // 20 % 2, 1.0, -1.0)
    example = as_input(name, np.stack([np.zeros(N_SAMPLES), square]))
    assert np.isfinite(np.asarray(make(name)(example))).all()


def test_the_configuration_makes_the_same_layer(name: str, clips: np.ndarray) -> None:
    layer = make(name)
    config = layer.get_config()
    assert set(ARGUMENTS[name]) <= set(config)
    again = type(layer).from_config(config)
    assert again.get_config() == config
    np.testing.assert_array_equal(again(clips), layer(clips))


def test_a_saved_model_gives_the_same_features(
    name: str, clips: np.ndarray, tmp_path: Path
) -> None:
    inputs = keras.Input(clips.shape[1:])
    model = keras.Model(inputs, make(name)(inputs))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(loaded(clips), model(clips))


def test_the_litert_graph_gives_the_same_features(name: str, clips: np.ndarray) -> None:
    inputs = keras.Input(batch_shape=(1, *clips.shape[1:]))
    model = keras.Model(inputs, make(name)(inputs))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own, about the converter
        interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    for clip in clips:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clip[None])
        interpreter.invoke()
        features = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        expected = np.asarray(model(clip[None]))
        np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)
