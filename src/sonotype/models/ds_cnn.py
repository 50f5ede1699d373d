"""DS-CNN: depthwise separable convolutions, the network of small processors."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers

from sonotype.errors import unknown_name
from sonotype.models.blocks import begin, normalize


@dataclass(frozen=True)
class Size:
    """One of the three networks of the paper; steps are `(time, frequency)`."""

    channels: int
    stem_step: tuple[int, int]
    steps: tuple[int, ...]


SIZES = {
    "small": Size(64, (2, 2), (1, 1, 1, 1)),
    "medium": Size(172, (2, 1), (2, 1, 1, 1)),
    "large": Size(276, (2, 1), (2, 1, 1, 1, 1)),
}
STEM_KERNEL = (10, 4)


def ds_cnn(input_shape: Sequence[int], *, size: str = "small") -> keras.Model:
    """Build a depthwise separable network: a stem, then four or five alike layers.

    What benchmarks of microcontrollers run, so there is something to compare with
    everywhere. Made for few and coarse features, such as 10 cepstral coefficients
    every 20 ms: its cost grows with both.

    Args:
        input_shape: Shape of a clip's features: `(time, frequency)`, or `(time,
            frequency, channel)`.
        size: `small`, `medium` or `large`: 64, 172 or 276 channels.

    Returns:
        A model from features to a feature map `(batch, time, frequency, channels)`.

    Raises:
        SettingError: If the features or the size do not fit.

    References:
        Zhang et al., Hello Edge: Keyword Spotting on Microcontrollers, 2017,
        arXiv 1711.07128.

    Example:
        >>> ds_cnn((49, 10)).output_shape
        (None, 25, 5, 64)
    """
    if size not in SIZES:
        raise unknown_name("DS-CNN: size", size, SIZES)
    chosen = SIZES[size]
    features, flow = begin("DS-CNN", input_shape)
    flow = layers.Conv2D(
        chosen.channels,
        STEM_KERNEL,
        strides=chosen.stem_step,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(flow)
    flow = normalize(flow)
    for step in chosen.steps:
        flow = layers.DepthwiseConv2D(
            3,
            strides=step,
            padding="same",
            use_bias=False,
        )(flow)
        flow = normalize(flow)
        flow = layers.Conv2D(
            chosen.channels, 1, use_bias=False, kernel_initializer="he_normal"
        )(flow)
        flow = normalize(flow)
    return keras.Model(features, flow, name="ds_cnn")
