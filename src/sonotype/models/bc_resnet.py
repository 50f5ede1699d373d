"""BC-ResNet: most of the work in time alone, broadcast back over frequency."""

from collections.abc import Sequence

import keras
from keras import layers

from sonotype.errors import SettingError
from sonotype.models.blocks import (
    begin,
    check_at_least_one,
    check_dropout,
    normalize,
)

# Table 1 of the paper: blocks, channels at tau 1, step in frequency, dilation in time.
STAGES = ((2, 8, 1, 1), (2, 12, 2, 2), (4, 16, 2, 4), (4, 20, 1, 8))
STEM_CHANNELS = 16
LAST_CHANNELS = 32
# The stem and two stages halve the bands; the last kernel spans five of the rest.
HALVINGS = 3
LAST_KERNEL = 5
SMALLEST_TAU, LARGEST_TAU = 0.5, 8.0
NAME = "BC-ResNet"


def bc_resnet(
    input_shape: Sequence[int],
    *,
    tau: float = 1,
    n_sub_bands: int = 5,
    block_dropout: float = 0.1,
) -> keras.Model:
    """Build a broadcasting residual network, BC-ResNet-`tau`.

    The most accurate for its size: 9 thousand parameters at `tau` 1. Each block
    convolves over frequency, averages frequency away, convolves over time alone, and
    adds the result to every band. Few multiplications, but many small steps: it is
    slower than their number suggests.

    Args:
        input_shape: Shape of a clip's features: `(time, frequency)`, or `(time,
            frequency, channel)`. The paper has 40 bands.
        tau: Width; the paper has 1, 1.5, 2, 3, 6 and 8.
        n_sub_bands: In how many groups of bands features are normalised; must divide
            a half, a quarter and an eighth of the bands.
        block_dropout: Share of the channels that every block drops in training.

    Returns:
        A model from features to a feature map `(batch, time, frequency, 32 * tau)`;
        of 40 bands one is left.

    Raises:
        SettingError: If the features or an option do not fit.

    References:
        Kim et al., Broadcasted Residual Learning for Efficient Keyword Spotting,
        Interspeech 2021, arXiv 2106.04140.
        Chang et al., SubSpectral Normalization for Neural Audio Data Processing,
        ICASSP 2021.

    Example:
        >>> bc_resnet((98, 40), tau=2).output_shape
        (None, 98, 1, 64)
    """
    if not SMALLEST_TAU <= tau <= LARGEST_TAU:
        raise SettingError(
            f"{NAME}: tau must be from {SMALLEST_TAU:g} to {LARGEST_TAU:g}, not {tau:g}"
        )
    check_at_least_one(NAME, n_sub_bands=n_sub_bands)
    check_dropout(NAME, block_dropout)
    least = 2**HALVINGS * (LAST_KERNEL - 1) + 1
    features, flow = begin(NAME, input_shape, least=(1, least))
    _check_sub_bands(input_shape[1], n_sub_bands)
    stem = layers.Conv2D(
        int(STEM_CHANNELS * tau), 5, strides=(1, 2), padding="same", use_bias=False
    )
    flow = normalize(stem(flow))
    for n_blocks, channels, step, dilation in STAGES:
        for position in range(n_blocks):
            flow = _block(
                flow,
                int(channels * tau),
                step=step if position == 0 else 1,
                dilation=dilation,
                n_sub_bands=n_sub_bands,
                dropout=block_dropout,
            )
    # Same length in time; in frequency only where the whole kernel fits.
    flow = layers.ZeroPadding2D((LAST_KERNEL // 2, 0))(flow)
    flow = _depthwise(flow, LAST_KERNEL, LAST_KERNEL, padding="valid")
    flow = layers.Conv2D(int(LAST_CHANNELS * tau), 1, use_bias=False)(flow)
    return keras.Model(features, normalize(flow), name="bc_resnet")


def _block(
    inputs: keras.KerasTensor,
    n_channels: int,
    *,
    step: int,
    dilation: int,
    n_sub_bands: int,
    dropout: float,
) -> keras.KerasTensor:
    """Add frequency features and, broadcast, time features; keep the input if alike."""
    is_transition = inputs.shape[-1] != n_channels
    flow = inputs
    if is_transition:
        flow = normalize(layers.Conv2D(n_channels, 1, use_bias=False)(flow))
    flow = _depthwise(flow, 1, 3)
    if step > 1:
        # TensorFlow without oneDNN, as on some computers, has no depthwise convolution
        # with a step in one axis only: make every band, keep every second.
        flow = layers.MaxPooling2D(1, strides=(1, step))(flow)
    frequency = sub_spectral_norm(flow, n_sub_bands)
    # (batch, time, 1, channel) from here on
    flow = layers.AveragePooling2D((1, frequency.shape[2]))(frequency)
    flow = _depthwise(flow, 3, 1, dilation=dilation)
    flow = normalize(flow, "silu")
    flow = layers.Conv2D(n_channels, 1, use_bias=False)(flow)
    flow = layers.SpatialDropout2D(dropout)(flow)
    parts = [frequency, flow] if is_transition else [inputs, frequency, flow]
    return layers.ReLU()(_sum(parts))


def _depthwise(
    flow: keras.KerasTensor,
    n_frames: int,
    n_bands: int,
    *,
    dilation: int = 1,
    padding: str = "same",
) -> keras.KerasTensor:
    return layers.DepthwiseConv2D(
        (n_frames, n_bands),
        dilation_rate=(dilation, 1),
        padding=padding,
        use_bias=False,
    )(flow)


def sub_spectral_norm(flow: keras.KerasTensor, n_sub_bands: int) -> keras.KerasTensor:
    """Normalise each group of neighbouring bands, in each channel, by itself."""
    n_frames, n_bands, n_channels = flow.shape[1:]
    width = n_bands // n_sub_bands
    # To (batch, time, width, sub-band and channel), where a plain layer does it.
    flow = layers.Reshape((n_frames, n_sub_bands, width, n_channels))(flow)
    flow = layers.Permute((1, 3, 2, 4))(flow)
    flow = layers.Reshape((n_frames, width, n_sub_bands * n_channels))(flow)
    flow = normalize(flow, None)
    flow = layers.Reshape((n_frames, width, n_sub_bands, n_channels))(flow)
    flow = layers.Permute((1, 3, 2, 4))(flow)
    return layers.Reshape((n_frames, n_bands, n_channels))(flow)


def _sum(parts: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    total = parts[0]
    for part in parts[1:]:
        total = layers.Add()([total, part])
    return total


def _check_sub_bands(n_bands: int, n_sub_bands: int) -> None:
    halved = [-(-n_bands // 2**times) for times in range(1, HALVINGS + 1)]
    if any(left % n_sub_bands for left in halved):
        fitting = [
            n for n in range(1, halved[-1] + 1) if not any(h % n for h in halved)
        ]
        raise SettingError(
            f"{NAME}: {n_bands} bands become {', '.join(map(str, halved))}, which "
            f"n_sub_bands={n_sub_bands} does not divide; "
            f"use one of {', '.join(map(str, fitting))}, or 40 bands"
        )
