"""What every augmentation keeps, whatever it changes."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sonotype.augment.table import AUGMENTATIONS
from sonotype.errors import SettingError

# Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of, in every save.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

ARGUMENTS: dict[str, dict[str, Any]] = {
    "background_noise": {"snr_db": [0.0, 10.0], "probability": 1.0},
    "gain": {"low_db": -12.0, "high_db": -3.0},
    "mixup": {"alpha": 2.0},
    "shift": {"max_seconds": 0.05, "sample_rate": 8_000},
    "spec_augment": {"max_time_fraction": 0.5, "max_frequency_fraction": 0.5},
    "spec_warp": {"max_frequency_shift": 0.1},
    "speed": {"low": 0.8, "high": 0.95},
}
TAKES_FEATURES = {"mixup", "spec_augment", "spec_warp"}
N_CLIPS, N_SAMPLES = 6, 2_000


@pytest.fixture(params=sorted(AUGMENTATIONS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(name: str, seed: int | None = 5) -> keras.layers.Layer:
    return AUGMENTATIONS[name](**ARGUMENTS[name], seed=seed)


def as_input(name: str, audio: np.ndarray) -> Any:
    """Return the audio in the form a layer takes: folded, or with targets."""
    audio = audio.astype(np.float32)
    if name in TAKES_FEATURES:
        audio = audio.reshape(len(audio), -1, 40)
    if getattr(AUGMENTATIONS[name], "mixes_targets", False):
        return audio, np.eye(len(audio), dtype=np.float32)
    return audio


def varied(name: str, layer: keras.layers.Layer, inputs: Any) -> np.ndarray:
    """Return the examples after a training call, without their targets."""
    output = layer(inputs, training=True)
    return np.asarray(output[0] if isinstance(output, tuple) else output)


@pytest.fixture
def inputs(name: str) -> Any:
    rng = np.random.default_rng(13)
    return as_input(name, rng.standard_normal((N_CLIPS, N_SAMPLES)))


def test_every_layer_is_covered() -> None:
    assert set(ARGUMENTS) == set(AUGMENTATIONS)


def test_prediction_changes_nothing(name: str, inputs: Any) -> None:
    for output in (make(name)(inputs), make(name)(inputs, training=False)):
        for after, before in zip(
            tf.nest.flatten(output), tf.nest.flatten(inputs), strict=True
        ):
            np.testing.assert_array_equal(after, before)


def test_the_same_seed_gives_the_same_variation(name: str, inputs: Any) -> None:
    first, again = make(name), make(name)
    np.testing.assert_array_equal(
        varied(name, first, inputs), varied(name, again, inputs)
    )
    second_call = varied(name, first, inputs)
    assert not np.array_equal(varied(name, make(name), inputs), second_call)
    np.testing.assert_array_equal(second_call, varied(name, again, inputs))
    assert not np.array_equal(varied(name, make(name, seed=6), inputs), second_call)


def test_two_examples_of_a_batch_differ(name: str) -> None:
    rng = np.random.default_rng(2)
    pair = rng.standard_normal((2, N_SAMPLES))
    # Twice the same two clips, so that neighbours are the same for mixing too.
    output = varied(name, make(name), as_input(name, np.concatenate([pair, pair])))
    assert not np.allclose(output[0], output[2])
    assert not np.allclose(output[1], output[3])


def test_shapes_and_types_stay(name: str, inputs: Any) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = make(name)
        output = layer(inputs, training=True)
    finally:
        keras.config.set_dtype_policy(before)
    for after, given in zip(
        tf.nest.flatten(output), tf.nest.flatten(inputs), strict=True
    ):
        assert after.shape == given.shape
        assert keras.backend.standardize_dtype(after.dtype) == "float32"
    shapes = [array.shape for array in tf.nest.flatten(inputs)]
    announced = layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    assert announced == (tuple(shapes) if len(shapes) > 1 else shapes[0])


def test_silence_and_full_scale_stay_finite(name: str) -> None:
    square = np.where(np.arange(N_SAMPLES) // 20 % 2, 1.0, -1.0)
    clips = np.stack([np.zeros(N_SAMPLES), square, np.zeros(N_SAMPLES)])
    assert np.isfinite(varied(name, make(name), as_input(name, clips))).all()


def test_a_compiled_graph_with_a_free_batch_gives_the_same(
    name: str, inputs: Any
) -> None:
    layer, compiled = make(name), make(name)
    signature = tf.nest.map_structure(
        lambda value: tf.TensorSpec((None, *value.shape[1:]), tf.float32), inputs
    )

    @tf.function(input_signature=[signature])
    def run(batch: Any) -> Any:
        return compiled(batch, training=True)

    for after, expected in zip(
        tf.nest.flatten(run(inputs)),
        tf.nest.flatten(layer(inputs, training=True)),
        strict=True,
    ):
        np.testing.assert_allclose(after, expected, atol=1e-4)


def test_the_configuration_makes_the_same_layer(name: str, inputs: Any) -> None:
    layer = make(name)
    config = layer.get_config()
    assert {*ARGUMENTS[name], "seed"} <= set(config)
    again = type(layer).from_config(config)
    assert again.get_config() == config
    np.testing.assert_array_equal(
        varied(name, again, inputs), varied(name, layer, inputs)
    )


def test_a_saved_model_varies_the_same(name: str, inputs: Any, tmp_path: Path) -> None:
    symbols = tf.nest.map_structure(lambda value: keras.Input(value.shape[1:]), inputs)
    model = keras.Model(symbols, make(name)(symbols))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    for after, expected in zip(
        tf.nest.flatten(loaded(inputs, training=True)),
        tf.nest.flatten(model(inputs, training=True)),
        strict=True,
    ):
        np.testing.assert_allclose(after, expected, atol=1e-5)


@pytest.mark.parametrize("name", sorted(set(AUGMENTATIONS) - {"mixup"}))
def test_a_layer_in_the_wrong_place_is_refused(name: str) -> None:
    wrong = (2, 2_000) if name in TAKES_FEATURES else (2, 50, 40)
    with pytest.raises(SettingError, match="the front end"):
        make(name)(np.zeros(wrong, np.float32), training=True)


@pytest.mark.parametrize("name", ["spec_augment", "spec_warp", "mixup"])
def test_pictures_are_changed_alike_in_every_channel(name: str) -> None:
    rng = np.random.default_rng(3)
    features = rng.random((4, 30, 20)).astype(np.float32)
    pictures = np.tile(features[..., None], (1, 1, 1, 3))
    targets = np.eye(4, dtype=np.float32)
    both = [
        varied(name, make(name), (value, targets) if name == "mixup" else value)
        for value in (features, pictures)
    ]
    for channel in range(3):
        np.testing.assert_allclose(both[1][..., channel], both[0], atol=1e-5)
