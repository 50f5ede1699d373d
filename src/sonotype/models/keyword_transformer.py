"""KWT, the keyword transformer: attention between the frames of a clip."""

from collections.abc import Sequence

import keras
from keras import layers

from sonotype.errors import SettingError
from sonotype.models.blocks import (
    as_frames,
    as_map,
    begin,
    check_at_least_one,
    check_dropout,
)

# As in the vision transformer that it follows.
INITIAL_DEVIATION = 0.02
LAYER_NORM_EPSILON = 1e-6
NAME = "KWT"


def keyword_transformer(
    input_shape: Sequence[int],
    *,
    width: int = 64,
    n_heads: int = 1,
    n_layers: int = 12,
    block_dropout: float = 0.0,
) -> keras.Model:
    """Build KWT-1: every frame is a patch, and attends to every other.

    It needs far more data than a convolutional network: the paper trains on 85,000
    clips. There an extra token, the class token, gathers what the head reads; here the
    head takes the mean over the frames, as it does of every backbone.

    Args:
        input_shape: Shape of a clip's features: `(time, frequency)`, or `(time,
            frequency, channel)`. The paper has 98 frames of 40 cepstral coefficients.
        width: Numbers that stand for a frame; a multiple of `n_heads`. The paper has
            64 for KWT-1, 128 for KWT-2 and 192 for KWT-3, with 1, 2 and 3 heads.
        n_heads: Kinds of attention in a layer.
        n_layers: Layers of attention.
        block_dropout: Share of the features that every layer drops in training.

    Returns:
        A model from features to a feature map `(batch, time, 1, width)`.

    Raises:
        SettingError: If the features or an option do not fit.

    References:
        Berg et al., Keyword Transformer: A Self-Attention Model for Keyword Spotting,
        Interspeech 2021, arXiv 2104.00769.

    Example:
        >>> keyword_transformer((98, 40), n_layers=2).output_shape
        (None, 98, 1, 64)
    """
    check_at_least_one(NAME, width=width, n_heads=n_heads, n_layers=n_layers)
    if width % n_heads:
        raise SettingError(
            f"{NAME}: width must be a multiple of n_heads, but {width} is none of "
            f"{n_heads}"
        )
    check_dropout(NAME, block_dropout)
    features, flow = begin(NAME, input_shape)
    flow = _positioned(as_frames(flow), width)
    flow = layers.Dropout(block_dropout)(flow)
    for _ in range(n_layers):
        flow = _layer(flow, n_heads, block_dropout)
    return keras.Model(features, as_map(flow), name="keyword_transformer")


def _positioned(frames: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """Project every frame to `width` numbers and add those of its position."""
    n_frames = frames.shape[1]
    # A bias over time is the table of positions: no layer of our own is needed.
    return layers.EinsumDense(
        "btf,fw->btw",
        output_shape=(n_frames, width),
        bias_axes="tw",
        kernel_initializer=_small(),
        bias_initializer=_small(),
    )(frames)


def _layer(
    inputs: keras.KerasTensor, n_heads: int, dropout: float
) -> keras.KerasTensor:
    """Attend, then think about each frame alone; normalise after each, as KWT does."""
    width = inputs.shape[-1]
    attended = layers.MultiHeadAttention(
        n_heads, width // n_heads, use_bias=False, kernel_initializer=_small()
    )(inputs, inputs)
    flow = _add_and_normalize(inputs, attended, dropout)
    thought = layers.Dense(4 * width, activation="gelu", kernel_initializer=_small())(
        flow
    )
    thought = layers.Dense(width, kernel_initializer=_small())(thought)
    return _add_and_normalize(flow, thought, dropout)


def _add_and_normalize(
    inputs: keras.KerasTensor, change: keras.KerasTensor, dropout: float
) -> keras.KerasTensor:
    change = layers.Dropout(dropout)(change)
    return layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON)(
        layers.Add()([inputs, change])
    )


def _small() -> keras.initializers.Initializer:
    """Return how to draw weights: so small that a layer changes little at first."""
    return keras.initializers.TruncatedNormal(stddev=INITIAL_DEVIATION)
