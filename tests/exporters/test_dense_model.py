"""One pass over a stretch gives its windows what one pass over each would."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.errors import ExportError
from sonotype.exporters.dense_model import DenseModel, build_dense
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.normalize import Normalize
from sonotype.frontend.pad import Pad
from sonotype.frontend.pcen import PCEN
from sonotype.frontend.to_image import ToImage
from sonotype.models.classifier import build_classifier
from sonotype.models.residual import residual_network

RATE = 8_000
CLIP_SAMPLES = 4_000
OPTIONS: dict[str, Any] = {"channels": (4, 6), "strides": (2, 2)}


def log_mel(**options: Any) -> LogMel:
    return LogMel(sample_rate=RATE, n_mels=8, **options)


def valid_network(input_shape: Sequence[int]) -> keras.Model:
    """Build a network that pads nothing in time, with a step of 4 frames."""
    features = keras.Input(tuple(input_shape))
    flow = keras.layers.Reshape((*input_shape, 1))(features)
    flow = keras.layers.Conv2D(4, (5, 3), strides=(2, 1), activation="relu")(flow)
    flow = keras.layers.MaxPooling2D((2, 2))(flow)
    flow = keras.ops.maximum(keras.layers.Conv2D(6, (3, 3))(flow), -0.4)
    return keras.Model(features, flow)


def classifier(*frontend: keras.layers.Layer, **options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    steps = [*frontend] if frontend else [log_mel()]
    model = build_classifier(
        steps,
        n_classes=3,
        clip_seconds=CLIP_SAMPLES / RATE,
        sample_rate=RATE,
        **options,
    )
    # Untrained statistics of 0 and 1 and biases of 0 would hide a wrong copy.
    rng = np.random.default_rng(0)
    for weight in [
        *model.get_layer("backbone").weights,
        *model.get_layer("head").weights,
    ]:
        if weight.path.endswith(("bias", "beta", "moving_mean")):
            weight.assign(0.1 * rng.standard_normal(weight.shape))
        if weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(rng.uniform(0.5, 2.0, weight.shape))
    return model


def sound(dense: DenseModel, n: int = 1) -> np.ndarray:
    rng = np.random.default_rng(1)
    swell = 10 ** (np.sin(np.arange(dense.stretch_samples) / 3e3) - 2)
    noise = rng.standard_normal((n, dense.stretch_samples))
    return (swell * noise).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("pooling", ["mean", "mean_max", "attention"])
def test_without_padding_in_time_the_scores_are_those_of_each_window(
    pooling: str,
) -> None:
    model = classifier(backbone=valid_network, pooling=pooling)
    dense = build_dense(model)
    assert (dense.first, dense.stride) == (0, 320)  # 4 frames of 80 samples
    stretches = sound(dense, 2)
    expected = model.predict(dense.windows(stretches), verbose=0)
    assert np.ptp(expected, axis=0).max() > 0.01
    found = dense.scores(stretches).reshape(-1, 3)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_with_padding_they_are_those_of_one_long_map() -> None:
    model = classifier(backbone="residual", **OPTIONS)
    dense = build_dense(model)
    stretch = sound(dense)
    features = keras.ops.convert_to_numpy(log_mel()(stretch))
    backbone = residual_network(features.shape[1:], **OPTIONS)
    backbone.set_weights(model.get_layer("backbone").get_weights())
    long_map = backbone.predict(features, verbose=0)[0].mean(axis=1)
    n_frames = model.get_layer("backbone").output_shape[1]
    kernel, bias = model.get_layer("head").get_weights()
    starts = (dense.first + dense.stride * np.arange(dense.n_windows)) // 320
    pooled = [long_map[start : start + n_frames].mean(axis=0) for start in starts]
    found = dense.scores(stretch).reshape(-1, 3)
    np.testing.assert_allclose(found, softmax(pooled @ kernel + bias), atol=1e-5)


@pytest.mark.parametrize(
    ("frontend", "options"),
    [
        ([log_mel()], {"backbone": "residual", **OPTIONS}),
        ([log_mel()], {"backbone": "residual", "squeeze_excite": True, **OPTIONS}),
        ([log_mel(framing="centre_reflect")], {"backbone": "cnn", "channels": (4, 4)}),
        ([log_mel()], {"backbone": "matchboxnet", "n_blocks": 1, "channels": 8}),
        ([log_mel()], {"backbone": "bc_resnet", "n_sub_bands": 1, "tau": 0.5}),
        ([Pad(seconds=0.1, sample_rate=RATE), log_mel()], {"backbone": valid_network}),
        ([log_mel(log="decibels", range_db=80.0)], {"backbone": valid_network}),
        ([log_mel(log="none"), PCEN()], {"backbone": valid_network}),
    ],
    ids=[
        "residual",
        "squeeze",
        "cnn",
        "matchboxnet",
        "bc_resnet",
        "pad",
        "range",
        "pcen",
    ],
)
def test_the_place_of_a_window_in_a_stretch_does_not_matter(
    frontend: list[keras.layers.Layer], options: dict[str, Any]
) -> None:
    if options["backbone"] == "bc_resnet":
        frontend = [LogMel(sample_rate=RATE, n_mels=40, low_hz=100.0, n_fft=1024)]
    model = classifier(*frontend, **options)
    before = [weight.numpy() for weight in model.weights]
    dense = build_dense(model)
    n_shifted = dense.n_windows // 2
    shift = n_shifted * dense.stride
    long = np.concatenate([sound(dense)[0], sound(dense)[0][::-1]])
    pair = np.stack(
        [long[: dense.stretch_samples], long[shift:][: dense.stretch_samples]]
    )
    early, late = dense.scores(pair).reshape(2, dense.n_windows, 3)
    np.testing.assert_allclose(early[n_shifted:], late[:-n_shifted], atol=2e-3)
    for weight, kept in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), kept)


def test_a_loud_sound_far_away_does_not_lift_the_floor_of_quiet_windows() -> None:
    frontend = log_mel(log="decibels", range_db=30.0)
    dense = build_dense(classifier(frontend, backbone=valid_network))
    quiet = 1e-3 * sound(dense)
    loud = quiet.copy()
    loud[:, -CLIP_SAMPLES:] += 1_000 * sound(dense)[:, :CLIP_SAMPLES]
    ends = dense.first + dense.stride * np.arange(dense.n_windows) + CLIP_SAMPLES
    n_far = int((ends < dense.stretch_samples - 2 * CLIP_SAMPLES).sum())
    without, with_loud = (
        dense.scores(one).reshape(dense.n_windows, 3) for one in (quiet, loud)
    )
    assert n_far > 10
    np.testing.assert_allclose(with_loud[:n_far], without[:n_far], atol=1e-5)
    assert np.abs(with_loud[-1] - without[-1]).max() > 1e-4


@pytest.mark.parametrize(
    ("frontend", "options", "name"),
    [
        ([log_mel()], {"backbone": "keyword_transformer"}, "MultiHeadAttention"),
        ([log_mel()], {"backbone": "crnn", "channels": (4, 4)}, "Bidirectional|GRU"),
        ([log_mel(), ToImage(32, 32)], {"backbone": "cnn"}, "ToImage"),
        ([log_mel(), Normalize("clip")], {"backbone": "cnn"}, "Normalize"),
    ],
    ids=["attention", "recurrent", "picture", "normalize"],
)
def test_what_takes_a_clip_as_a_whole_is_refused(
    frontend: list[keras.layers.Layer], options: dict[str, Any], name: str
) -> None:
    model = classifier(*frontend, **options)
    with pytest.raises(ExportError, match=f"scanned densely: ({name}) takes a clip"):
        build_dense(model)


def test_a_network_with_one_frame_for_more_than_a_clip_is_refused() -> None:
    strides = (4, 4, 4)
    model = classifier(backbone="residual", channels=(4, 4, 4), strides=strides)
    with pytest.raises(ExportError, match=r"one every 5120 samples and clips of 4000"):
        build_dense(model)
