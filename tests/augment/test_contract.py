"""What every augmentation keeps, whatever it changes."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sonotype.augment.random_layer import RandomLayer
from sonotype.augment.table import AUGMENTATIONS
from sonotype.errors import SettingError

# Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of, in every save.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

ARGUMENTS: dict[str, dict[str, Any]] = {
    "background_noise": {"snr_db": [0.0, 10.0], "probability": 1.0},
    "clipping": {"limit_db": [-20.0, -3.0], "probability": 0.9},
    "coloured_noise": {"snr_db": [0.0, 10.0], "exponent": [0.0, 1.0]},
    "cut_mix": {"alpha": 2.0, "area": "box", "probability": 0.9},
    "filter_augment": {"max_change": 1.0, "shape": "step"},
    "frequency_shift": {"max_bands": 5},
    "gain": {"low_db": -12.0, "high_db": -3.0},
    "high_pass": {"cutoff_hz": [200.0, 2_000.0], "sample_rate": 8_000},
    "low_pass": {"cutoff_hz": [200.0, 2_000.0], "sample_rate": 8_000},
    "mix_style": {"alpha": 2.0, "probability": 0.9},
    "mixup": {"alpha": 2.0},
    "pitch_shift": {"sample_rate": 8_000, "semitones": [-3.0, 5.0]},
    "polarity_flip": {"probability": 0.5},
    "reverb": {"sample_rate": 8_000, "decay_seconds": [0.05, 0.2]},
    "shift": {"max_seconds": 0.05, "sample_rate": 8_000},
    "spec_augment": {"max_time_fraction": 0.5, "max_frequency_fraction": 0.5},
    "spec_warp": {"max_frequency_shift": 0.1},
    "speed": {"low": 0.8, "high": 0.95},
    "telephone": {"sample_rate": 8_000, "probability": 0.9},
    "time_mask": {"max_seconds": 0.1, "sample_rate": 8_000},
    "time_stretch": {"sample_rate": 8_000, "speed": [0.7, 1.4]},
}
TAKES_FEATURES = {
    name for name, layer in AUGMENTATIONS.items() if layer.takes != "waveforms"
}
MIXES_NEIGHBOURS = {"cut_mix", "mix_style", "mixup"}
N_CLIPS, N_SAMPLES = 6, 2_000


@pytest.fixture(params=sorted(AUGMENTATIONS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(name: str, seed: int | None = 5) -> RandomLayer:
    return AUGMENTATIONS[name](**ARGUMENTS[name], seed=seed)


def as_input(name: str, audio: np.ndarray) -> Any:
    """Return the audio in the form a layer takes: folded, or with targets."""
    audio = audio.astype(np.float32)
    if name in TAKES_FEATURES:
        audio = audio.reshape(len(audio), -1, 40)
    if AUGMENTATIONS[name].mixes_targets:
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
    # The same two clips in turn, so that neighbours are the same for mixing too.
    output = varied(name, make(name), as_input(name, np.tile(pair, (8, 1))))
    for clips in (output[::2], output[1::2]):
        assert not np.allclose(clips, clips[:1])


def test_what_was_drawn_can_be_applied_again(name: str, inputs: Any) -> None:
    layer, called = make(name), make(name)
    drawn = layer.draw(inputs)
    assert all(len(np.asarray(values)) == N_CLIPS for values in drawn.values())
    # Drawing again changes the layer, not what was drawn before.
    layer.draw(inputs)
    first, again = layer.apply(inputs, drawn), layer.apply(inputs, drawn)
    expected = called(inputs, training=True)
    for one, other, wanted in zip(
        *map(tf.nest.flatten, (first, again, expected)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, wanted)


@pytest.mark.parametrize("name", sorted(set(AUGMENTATIONS) - MIXES_NEIGHBOURS))
def test_a_clip_does_not_depend_on_the_others_of_its_batch(
    name: str, inputs: Any
) -> None:
    layer = make(name)
    drawn = layer.draw(inputs)
    third = {key: np.asarray(values)[2:3] for key, values in drawn.items()}
    alone = layer.apply(inputs[2:3], third)
    together = np.asarray(layer.apply(inputs, drawn))[2:3]
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_a_probability_of_zero_changes_nothing(name: str, inputs: Any) -> None:
    layer = AUGMENTATIONS[name](**ARGUMENTS[name] | {"probability": 0.0}, seed=5)
    for after, before in zip(
        tf.nest.flatten(layer(inputs, training=True)),
        tf.nest.flatten(inputs),
        strict=True,
    ):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("n_samples", [1, 7, 255, 300])
@pytest.mark.parametrize("name", sorted(set(AUGMENTATIONS) - TAKES_FEATURES))
def test_short_clips_keep_their_length(name: str, n_samples: int) -> None:
    clips = np.random.default_rng(4).standard_normal((2, n_samples))
    output = varied(name, make(name), clips.astype(np.float32))
    assert output.shape == (2, n_samples)
    assert np.isfinite(output).all()


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


def test_silence_full_scale_and_a_constant_stay_finite(name: str) -> None:
    square = np.where(np.arange(N_SAMPLES) // 20 % 2, 1.0, -1.0)
    clips = np.stack([np.zeros(N_SAMPLES), square, np.ones(N_SAMPLES)])
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
        close = np.isclose(after, expected, rtol=1e-5, atol=1e-4)
        # Rounding to eight bits makes a whole step out of a rounding error.
        assert close.mean() >= (0.999 if name == "telephone" else 1.0)


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
    shape = (2, 2_000) if name in TAKES_FEATURES else (2, 50, 40)
    wrong: Any = np.zeros(shape, np.float32)
    if AUGMENTATIONS[name].mixes_targets:
        wrong = (wrong, np.eye(2, dtype=np.float32))
    with pytest.raises(SettingError, match="the front end"):
        make(name)(wrong, training=True)


@pytest.mark.parametrize("name", sorted(TAKES_FEATURES))
def test_pictures_are_changed_alike_in_every_channel(name: str) -> None:
    rng = np.random.default_rng(3)
    features = rng.random((4, 30, 20)).astype(np.float32)
    pictures = np.tile(features[..., None], (1, 1, 1, 3))
    targets = np.eye(4, dtype=np.float32)
    mixes = AUGMENTATIONS[name].mixes_targets
    both = [
        varied(name, make(name), (value, targets) if mixes else value)
        for value in (features, pictures)
    ]
    for channel in range(3):
        np.testing.assert_allclose(both[1][..., channel], both[0], atol=1e-5)
