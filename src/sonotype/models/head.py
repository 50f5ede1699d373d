"""Heads: from a feature map to scores, pooling over time and frequency on the way."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import keras
import numpy as np
from keras import layers, ops

from sonotype.errors import SettingError, unknown_name
from sonotype.labels import Task

ACTIVATIONS: dict[Task, str] = {"single-label": "softmax", "multi-label": "sigmoid"}
STANDARDIZE = "standardize"
SCORES = "scores"
FRAME_LOGITS = "frame_logits"
MEAN_STD = "mean_std"
SMALLEST_VARIANCE = 1e-6
# Of a channel that does not change in a clip, so that its root has a gradient.
LEAST_VARIANCE = 1e-12

Pool = Callable[[keras.KerasTensor], keras.KerasTensor]


def _mean(features: keras.KerasTensor) -> keras.KerasTensor:
    return layers.GlobalAveragePooling2D()(features)


def _max(features: keras.KerasTensor) -> keras.KerasTensor:
    return layers.GlobalMaxPooling2D()(features)


def _mean_and_max(features: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Concatenate()([_mean(features), _max(features)])


def _mean_and_deviation(features: keras.KerasTensor) -> keras.KerasTensor:
    # Half precision has no numbers as small as the least variance.
    variance = ops.var(ops.cast(features, "float32"), axis=(1, 2))
    variance = ops.maximum(variance, LEAST_VARIANCE)
    # Its root: LiteRT for Microcontrollers has RSQRT of integers, but SQRT of floats.
    deviation = variance * ops.rsqrt(variance)
    return layers.Concatenate(name=MEAN_STD)([_mean(features), deviation])


def _band_means(features: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Flatten()(ops.mean(features, axis=1))  # (batch, frequency x channel)


POOLINGS: Mapping[str, Pool] = MappingProxyType(
    {
        "mean": _mean,
        "max": _max,
        "mean_max": _mean_and_max,
        MEAN_STD: _mean_and_deviation,
        "band_mean": _band_means,
    }
)
ATTENTION = "attention"


def build_head(
    shape: Sequence[int],
    *,
    n_classes: int,
    pooling: str = "mean",
    dropout: float = 0.0,
    task: Task = "single-label",
    standardize: bool = False,
) -> keras.Model:
    """Build the last part of a classifier.

    Args:
        shape: Shape of a clip's feature map, `(time, frequency, channel)`.
        n_classes: Number of classes.
        pooling: What becomes of each channel: `mean`, `max`, both of them (`mean_max`),
            mean and standard deviation (`mean_std`), the mean of each band of
            frequencies (`band_mean`), for networks that keep several; or `attention`:
            every frame scores every class, and a class's frames are weighed by how much
            they have to say about it, for sounds that fill a small part of a clip.
        dropout: Share of the pooled features that is dropped in training.
        task: Softmax if a clip carries one label, sigmoid if any number.
        standardize: Whether a layer `standardize` comes first, whose means and
            variances are to be set from data: a linear layer learns from features of a
            network trained by others as fast as these are alike in size.

    Returns:
        A model from a feature map to float32 scores, `(batch, n_classes)`.

    Raises:
        SettingError: If an argument is unknown or out of range.

    References:
        Kong et al., PANNs, TASLP 2020, for attention over frames. There the weighted
        sum is one of probabilities; here of logits, which serves both tasks.
        Snyder et al., X-Vectors, ICASSP 2018, for mean and standard deviation.

    Example:
        >>> build_head((7, 4, 96), n_classes=10, pooling="attention").output_shape
        (None, 10)
    """
    if pooling not in (*POOLINGS, ATTENTION):
        raise unknown_name("pooling", pooling, [*POOLINGS, ATTENTION])
    if not 0.0 <= dropout < 1.0:
        raise SettingError(f"dropout must be from 0 to below 1, not {dropout:g}")
    features = keras.Input(tuple(shape))
    flow = features
    if standardize:
        flow = _standardization()(flow)
    # Scores stay float32 where the rest computes in half precision.
    if pooling == ATTENTION:
        logits = _attend(flow, n_classes, dropout)
        scores = layers.Activation(ACTIVATIONS[task], dtype="float32", name=SCORES)
        return keras.Model(features, scores(logits), name="head")
    flow = layers.Dropout(dropout)(POOLINGS[pooling](flow))
    scores = layers.Dense(
        n_classes, activation=ACTIVATIONS[task], dtype="float32", name=SCORES
    )
    return keras.Model(features, scores(flow), name="head")


def _standardization() -> keras.layers.Layer:
    """Return a layer that subtracts and divides by what it is told.

    A batch normalisation that never learns: keras.layers.Normalization keeps a copy of
    its statistics that a compiled model goes on using when they change (Keras 3.15).
    """
    return layers.BatchNormalization(
        center=False,
        scale=False,
        epsilon=SMALLEST_VARIANCE,
        trainable=False,
        name=STANDARDIZE,
    )


def _attend(
    flow: keras.KerasTensor, n_classes: int, dropout: float
) -> keras.KerasTensor:
    """Return each class's logit: the sum of its frames', weighed for this class."""
    frames = layers.Dropout(dropout)(ops.mean(flow, axis=2))  # (batch, time, channel)
    logits = layers.Dense(n_classes, dtype="float32", name=FRAME_LOGITS)(frames)
    weights = layers.Dense(n_classes, dtype="float32", name=ATTENTION)(frames)
    weights = layers.Softmax(axis=1, dtype="float32")(ops.tanh(weights))
    return ops.sum(weights * logits, axis=1)  # (batch, class)


def set_statistics(head: keras.Model, mean: np.ndarray, variance: np.ndarray) -> None:
    """Set what the layer `standardize` goes by, `(channel,)` each.

    Variances below 1e-6 count as that.
    """
    layer = head.get_layer(STANDARDIZE)
    layer.moving_mean.assign(mean)
    # The layer adds its epsilon: to a channel that barely varies, that is a lot.
    layer.moving_variance.assign(np.maximum(variance - layer.epsilon, 0.0))
