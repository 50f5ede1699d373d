"""MatchboxNet: separable convolutions over time, the bands as channels."""

from collections.abc import Sequence

import keras
from keras import layers

from sonotype.models.blocks import (
    as_frames,
    as_map,
    begin,
    check_at_least_one,
    check_dropout,
    normalize,
)

# Table 1 of the paper: kernels of 13, 15, 17, ... frames, one size a block.
FIRST_KERNEL, KERNEL_GROWTH = 13, 2
OUTER_CHANNELS = 128
NAME = "MatchboxNet"


def matchboxnet(
    input_shape: Sequence[int],
    *,
    n_blocks: int = 3,
    n_sub_blocks: int = 2,
    channels: int = 64,
    block_dropout: float = 0.0,
) -> keras.Model:
    """Build MatchboxNet-BxRxC: B residual blocks of R sub-blocks with C channels.

    A sub-block is a convolution over time in each channel, one over channels, batch
    norm, ReLU and dropout. There is no convolution over frequency, so it is fast, also
    on small processors, and the one to choose where sound is later fed frame by frame.

    Args:
        input_shape: Shape of a clip's features: `(time, frequency)`, or `(time,
            frequency, channel)`. The paper has 64 cepstral coefficients.
        n_blocks: Residual blocks, B.
        n_sub_blocks: Convolutions in each, R.
        channels: Channels in the blocks, C.
        block_dropout: Share of the features that every sub-block drops in training.

    Returns:
        A model from features to a feature map `(batch, time / 2, 1, 128)`.

    Raises:
        SettingError: If the features or an option do not fit.

    References:
        Majumdar and Ginsburg, MatchboxNet: 1D Time-Channel Separable Convolutional
        Neural Network Architecture for Speech Commands Recognition, Interspeech 2020,
        arXiv 2004.08531.

    Example:
        >>> matchboxnet((98, 64)).output_shape
        (None, 49, 1, 128)
    """
    check_at_least_one(
        NAME, n_blocks=n_blocks, n_sub_blocks=n_sub_blocks, channels=channels
    )
    check_dropout(NAME, block_dropout)
    features, flow = begin(NAME, input_shape)
    flow = as_frames(flow)
    flow = normalize(_separable(flow, OUTER_CHANNELS, 11, strides=2))
    for position in range(n_blocks):
        kernel_size = FIRST_KERNEL + KERNEL_GROWTH * position
        flow = _block(flow, channels, kernel_size, n_sub_blocks, block_dropout)
    flow = normalize(_separable(flow, OUTER_CHANNELS, 29, dilation_rate=2))
    flow = normalize(_pointwise(flow, OUTER_CHANNELS))
    return keras.Model(features, as_map(flow), name="matchboxnet")


def _block(
    inputs: keras.KerasTensor,
    n_channels: int,
    kernel_size: int,
    n_sub_blocks: int,
    dropout: float,
) -> keras.KerasTensor:
    shortcut = normalize(_pointwise(inputs, n_channels), None)
    flow = inputs
    for _ in range(n_sub_blocks - 1):
        flow = normalize(_separable(flow, n_channels, kernel_size))
        flow = layers.Dropout(dropout)(flow)
    flow = normalize(_separable(flow, n_channels, kernel_size), None)
    flow = layers.ReLU()(layers.Add()([flow, shortcut]))
    return layers.Dropout(dropout)(flow)


def _separable(
    flow: keras.KerasTensor, n_channels: int, kernel_size: int, **steps: int
) -> keras.KerasTensor:
    """Convolve over time in each channel, then over channels."""
    flow = layers.DepthwiseConv1D(
        kernel_size,
        padding="same",
        use_bias=False,
        **steps,
    )(flow)
    return _pointwise(flow, n_channels)


def _pointwise(flow: keras.KerasTensor, n_channels: int) -> keras.KerasTensor:
    return layers.Conv1D(n_channels, 1, use_bias=False)(flow)
