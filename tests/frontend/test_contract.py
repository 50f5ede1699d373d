"""What every layer of the front end keeps, whatever it computes, and every preset.

A new layer is covered once it has a line in `ARGUMENTS`, and if it takes anything but
waveforms, a mention in the sets below it.
"""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from sonotype.errors import SettingError
from sonotype.frontend.presets import PRESETS, preset_layers
from sonotype.frontend.table import FRONTENDS

# Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of, in every save.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

ARGUMENTS: dict[str, dict[str, Any]] = {
    "birdnet_spectrogram": {"exponents": (0.25, 0.2)},
    "log_mel": {"sample_rate": 16_000, "n_mels": 40, "hop_seconds": 0.015},
    "mfcc": {"n_coefficients": 13, "lifter": 22.0},
    "normalize": {"statistics": "clip", "per_frequency": False},
    "pad": {"seconds": 0.01, "sample_rate": 16_000},
    "pcen": {"hop_seconds": 0.015, "time_constant_seconds": 0.1, "gain": 0.9},
    "pre_emphasis": {"coefficient": 0.9},
    "spectrogram": {"frame_length": 512, "hop_length": 128, "power": 2.0},
    "standardize": {"mean": -3.0, "deviation": 2.0},
    "to_image": {"height": 32, "width": 48},
}
TAKES_FEATURES = {"mfcc", "normalize", "pcen", "standardize", "to_image"}
# Of which these take energies, which are never negative.
TAKES_ENERGIES = {"pcen"}
# The same layers once more, as they compute otherwise.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "log_mel by convolution": (
        "log_mel",
        {"sample_rate": 16_000, "n_mels": 40, "implementation": "convolution"},
    ),
    "spectrogram by convolution": (
        "spectrogram",
        {"frame_length": 441, "hop_length": 97, "implementation": "convolution"},
    ),
    "spectrogram, centred": (
        "spectrogram",
        {"frame_length": 441, "hop_length": 97, "framing": "centre_zeros"},
    ),
    "log_mel, decibels of a clip": (
        "log_mel",
        {"sample_rate": 8_000, "n_mels": 20, "log": "decibels", "range_db": 80.0},
    ),
}
N_SAMPLES = 4_000


@pytest.fixture(params=sorted(FRONTENDS))
def layer_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[*sorted(FRONTENDS), *VARIANTS, *sorted(PRESETS)])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(name: str, n_samples: int | None = N_SAMPLES) -> keras.layers.Layer:
    """Return a layer, or the layers of a preset as a classifier chains them."""
    if name in FRONTENDS:
        return FRONTENDS[name](**ARGUMENTS[name])
    if name in VARIANTS:
        layer, arguments = VARIANTS[name]
        return FRONTENDS[layer](**arguments)
    inputs = flow = keras.Input((n_samples,))
    for step in preset_layers(name):
        flow = step(flow)
    return keras.Model(inputs, flow)


def as_input(name: str, audio: np.ndarray) -> np.ndarray:
    """Return the audio, folded into rows for layers that come after a spectrogram."""
    if name in TAKES_FEATURES:
        audio = audio[:, : audio.shape[1] // 50 * 50].reshape(len(audio), -1, 50)
    if name in TAKES_ENERGIES:
        audio = np.square(audio)
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
    layer = make(name, n_samples)
    example = as_input(name, np.zeros((2, n_samples)))
    output = layer(example)
    assert tuple(output.shape) == tuple(layer.compute_output_shape(example.shape))
    free = layer.compute_output_shape((None, *example.shape[1:]))
    assert tuple(free) == (None, *output.shape[1:])


@pytest.mark.parametrize("name", ["log_mel", "spectrogram", *VARIANTS, *PRESETS])
def test_the_shortest_clip_is_enough(name: str) -> None:
    steps = preset_layers(name) if name in PRESETS else [make(name)]
    shortest = next(n for n in range(1, N_SAMPLES) if accepted(steps, n))
    features = np.asarray(make(name, shortest)(np.ones((1, shortest), np.float32)))
    assert np.isfinite(features).all()
    if name not in {"article", "pictures"}:  # always a picture
        # A clip is mirrored only if it is long enough for a frame at either end.
        assert features.shape[1] == (2 if name == "efficientat" else 1)


def accepted(steps: list[keras.layers.Layer], n_samples: int) -> bool:
    shape: Any = (1, n_samples)
    try:
        for step in steps:
            shape = step.compute_output_shape(shape)
    except SettingError:
        return False
    return True


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


def test_silence_full_scale_and_a_constant_stay_finite(name: str) -> None:
    square = np.where(np.arange(N_SAMPLES) // 20 % 2, 1.0, -1.0)
    impulse = np.eye(1, N_SAMPLES, N_SAMPLES // 2)[0]
    sounds = [np.zeros(N_SAMPLES), square, np.full(N_SAMPLES, 0.5), impulse]
    example = as_input(name, np.stack(sounds))
    assert np.isfinite(np.asarray(make(name)(example))).all()


def test_no_number_in_is_no_number_out_of_that_clip(
    name: str, clips: np.ndarray
) -> None:
    layer = make(name)
    expected = np.asarray(layer(clips))
    clips[0] = np.nan
    features = np.asarray(layer(clips))
    silence = 2 * 160 if name == "pad" else 0
    assert np.count_nonzero(~np.isnan(features[0])) == silence
    np.testing.assert_allclose(features[1:], expected[1:], rtol=1e-5, atol=1e-5)


def test_the_configuration_makes_the_same_layer(layer_name: str) -> None:
    rng = np.random.default_rng(12)
    example = as_input(layer_name, rng.standard_normal((3, N_SAMPLES)))
    layer = make(layer_name)
    config = layer.get_config()
    assert set(ARGUMENTS[layer_name]) <= set(config)
    again = type(layer).from_config(config)
    assert again.get_config() == config
    np.testing.assert_array_equal(again(example), layer(example))


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
