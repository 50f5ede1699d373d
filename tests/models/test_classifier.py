"""The classifier as one model, as three, saved, exported and trained."""

import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from sonotype.errors import SettingError
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.spectrogram import Spectrogram
from sonotype.frontend.standardize import Standardize
from sonotype.frontend.to_image import ToImage
from sonotype.models.classifier import build_classifier
from sonotype.models.residual import residual_network

# Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of, in every save.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

RATE = 8_000
SMALL = {"channels": [8, 8], "strides": [2, 2]}


def tiny_efficientnet(input_shape: Sequence[int]) -> keras.Model:
    """Return one inverted bottleneck with the layers EfficientNet is made of."""
    layers = keras.layers
    inputs = keras.Input(tuple(input_shape))
    flow = layers.Rescaling(1 / 255)(inputs)
    flow = layers.ZeroPadding2D(((0, 1), (0, 1)))(flow)
    flow = layers.Conv2D(8, 3, strides=2, use_bias=False)(flow)
    flow = layers.BatchNormalization()(flow)
    expanded = layers.Activation("swish")(layers.Conv2D(16, 1)(flow))
    expanded = layers.DepthwiseConv2D(3, padding="same")(expanded)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(expanded)
    excited = layers.Conv2D(16, 1, activation="sigmoid")(squeezed)
    narrowed = layers.Conv2D(8, 1)(layers.Multiply()([expanded, excited]))
    return keras.Model(inputs, layers.Add()([flow, narrowed]))


def log_mel_model(**options: Any) -> keras.Model:
    keras.utils.set_random_seed(3)
    arguments: dict[str, Any] = {
        "n_classes": 4,
        "clip_seconds": 0.5,
        **({} if "backbone" in options else SMALL),
        **options,
    }
    frontend = [LogMel(sample_rate=RATE, n_mels=20), Standardize()]
    return build_classifier(frontend, **arguments)


def picture_model() -> keras.Model:
    keras.utils.set_random_seed(4)
    return build_classifier(
        [Spectrogram(frame_length=512, hop_length=128), ToImage(48, 32)],
        n_classes=3,
        clip_seconds=0.5,
        sample_rate=RATE,
        backbone=tiny_efficientnet,
    )


MODELS = {"residual": log_mel_model, "picture": picture_model}


@pytest.fixture
def clips() -> np.ndarray:
    rng = np.random.default_rng(9)
    levels = np.array([[0.01], [0.1], [0.5], [1.0]])
    return (levels * rng.standard_normal((4, RATE // 2))).astype(np.float32)


def sharpen(model: keras.Model, clips: np.ndarray) -> None:
    """Make an untrained model tell the clips apart, so that differences show."""
    features = model.get_layer("backbone")(model.get_layer("frontend")(clips))
    pooled = np.asarray(features).mean(axis=(1, 2))
    dense = model.get_layer("head").get_layer("scores")
    dense.kernel.assign(np.asarray(dense.kernel) * 3 / pooled.std(axis=0).max())
    logits = pooled @ np.asarray(dense.kernel)
    dense.bias.assign(-logits.mean(axis=0))
    assert np.ptp(np.asarray(model(clips)), axis=0).max() > 0.2


@pytest.fixture(params=sorted(MODELS))
def model(request: pytest.FixtureRequest, clips: np.ndarray) -> keras.Model:
    made = MODELS[request.param]()
    sharpen(made, clips)
    return made


def test_sound_goes_in_and_scores_that_sum_to_one_come_out(
    model: keras.Model, clips: np.ndarray
) -> None:
    assert [tensor.name for tensor in model.inputs] == ["audio"]
    assert model.input_shape == (None, RATE // 2)
    scores = np.asarray(model(clips))
    assert scores.shape == (4, model.output_shape[1])
    assert scores.dtype == np.float32
    assert scores.min() >= 0
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)


def test_the_three_parts_called_in_turn_are_the_model(
    model: keras.Model, clips: np.ndarray
) -> None:
    names = ["frontend", "backbone", "head"]
    assert [layer.name for layer in model.layers[1:]] == names
    flow = clips
    for name in names:
        flow = model.get_layer(name)(flow, training=False)
    np.testing.assert_allclose(flow, model(clips), atol=1e-6)
    inside = {
        variable.path for name in names for variable in model.get_layer(name).weights
    }
    assert inside == {variable.path for variable in model.weights}
    assert not model.get_layer("frontend").trainable_weights


def test_a_clip_does_not_depend_on_its_batch(
    model: keras.Model, clips: np.ndarray
) -> None:
    together = np.asarray(model(clips))
    for position, clip in enumerate(clips):
        np.testing.assert_allclose(together[position], model(clip[None])[0], atol=1e-5)


def test_a_saved_model_gives_the_same_scores(
    model: keras.Model, clips: np.ndarray, tmp_path: Path
) -> None:
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(clips), model(clips))
    assert loaded.get_layer("frontend").name == "frontend"


def litert_scores(model: keras.Model, clips: np.ndarray) -> np.ndarray:
    audio = keras.Input(batch_shape=(1, model.input_shape[1]))
    converter = tf.lite.TFLiteConverter.from_keras_model(
        keras.Model(audio, model(audio, training=False))
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own, about the converter
        interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    scores = []
    for clip in clips:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clip[None])
        interpreter.invoke()
        output = interpreter.get_output_details()[0]["index"]
        scores.append(interpreter.get_tensor(output)[0].copy())
    return np.stack(scores)


def test_the_litert_graph_gives_the_same_scores(
    model: keras.Model, clips: np.ndarray
) -> None:
    np.testing.assert_allclose(litert_scores(model, clips), model(clips), atol=1e-4)


@pytest.mark.slow
def test_the_whole_efficientnet_converts_too(clips: np.ndarray) -> None:
    keras.utils.set_random_seed(0)
    model = build_classifier(
        [Spectrogram(frame_length=512, hop_length=128), ToImage(64, 64)],
        n_classes=3,
        clip_seconds=0.5,
        sample_rate=RATE,
        backbone="efficientnet_b0",
    )
    assert model.get_layer("backbone").output_shape == (None, 2, 2, 1280)
    sharpen(model, clips)
    np.testing.assert_allclose(litert_scores(model, clips), model(clips), atol=1e-4)


def test_eight_clips_are_learned_by_heart_with_plain_keras() -> None:
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    seconds = np.arange(RATE // 4) / RATE
    pitch_hz = np.array([300.0, 600.0, 1_200.0, 2_400.0] * 2)
    clips = 0.3 * np.sin(2 * np.pi * pitch_hz[:, None] * seconds)
    clips = (clips + 0.01 * rng.standard_normal(clips.shape)).astype(np.float32)
    targets = np.eye(4, dtype=np.float32)[np.arange(8) % 4]
    model = log_mel_model(dropout=0.0, clip_seconds=0.25)
    model.compile("adam", "categorical_crossentropy")
    model.optimizer.learning_rate = 0.02
    model.fit(clips, targets, batch_size=8, epochs=25, verbose=0)
    scores = np.asarray(model(clips, training=False))
    np.testing.assert_array_equal(scores.argmax(axis=1), targets.argmax(axis=1))


def test_scores_stay_float32_in_half_precision(clips: np.ndarray) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = log_mel_model()
        scores = model(clips)
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    assert model.get_layer("backbone").layers[-1].compute_dtype == "float16"
    assert model.get_layer("frontend").layers[-1].compute_dtype == "float32"
    np.testing.assert_allclose(scores, log_mel_model()(clips), atol=0.02)


def test_dropout_works_in_training_only(clips: np.ndarray) -> None:
    model = log_mel_model(dropout=0.9)
    features = model.get_layer("backbone")(model.get_layer("frontend")(clips))
    head = model.get_layer("head")
    np.testing.assert_array_equal(head(features), head(features))
    trained = [np.asarray(head(features, training=True)) for _ in range(2)]
    assert not np.allclose(trained[0], trained[1])


def test_one_layer_is_a_front_end_and_a_function_a_backbone() -> None:
    model = build_classifier(
        LogMel(sample_rate=RATE),
        n_classes=2,
        clip_seconds=0.25,
        backbone=partial(residual_network, channels=[4], strides=[2]),
    )
    assert model.input_shape == (None, 2_000)
    assert model.get_layer("backbone").output_shape[-1] == 4


def test_the_rate_may_be_given_where_the_front_end_knows_it() -> None:
    assert log_mel_model(sample_rate=RATE).input_shape == (None, RATE // 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "residul"}, r"backbone 'residul' is unknown .*'residual'"),
        (
            {"chanels": [8]},
            r"backbone residual: option 'chanels' is unknown .*'channels'",
        ),
        (
            {"weights": "imagenet"},
            "backbone residual: option 'weights' is unknown",
        ),
        ({"backbone": "efficientnet_b0"}, "put to_image"),
        ({"sample_rate": 16_000}, "but 8000 and 16000 Hz were given"),
        ({"n_classes": 1}, "at least 2 classes, not 1"),
        ({"task": "multilabel"}, "task 'multilabel' is unknown .*'multi-label'"),
        ({"task": "multi-label", "n_classes": 0}, "at least 1 classes, not 0"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, not 1"),
        ({"clip_seconds": 0.0}, "clip_seconds must be above 0, not 0"),
        ({"clip_seconds": 0.02}, "160 samples is shorter than one frame of 200"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        log_mel_model(**options)


def test_a_front_end_without_a_rate_or_a_layer_is_refused() -> None:
    with pytest.raises(SettingError, match="give sample_rate"):
        build_classifier(Spectrogram(), n_classes=2, clip_seconds=1.0)
    with pytest.raises(SettingError, match="has no layers"):
        build_classifier([], n_classes=2, clip_seconds=1.0, sample_rate=RATE)
