"""A small residual network for features of any size, trained from scratch."""

from collections.abc import Sequence

import keras
from keras import layers

from sonotype.errors import SettingError

# The usual 0.99 needs hundreds of steps to follow the features; small data sets have
# a few dozen an epoch, and the statistics used at inference would lag behind.
BATCH_NORM_MOMENTUM = 0.9


def residual_network(
    input_shape: Sequence[int],
    *,
    channels: Sequence[int] = (16, 16, 32, 64, 96),
    strides: Sequence[int | Sequence[int]] = (2, 1, 2, 2, 2),
    stem_kernel_size: int | Sequence[int] = 5,
    activation: str = "relu",
    squeeze_excite: bool = False,
) -> keras.Model:
    """Build a network of ordinary 3x3 convolutions with shortcuts.

    The first number of `channels` and of `strides` is one convolution, the stem; each
    further one is a residual block of two. Separable convolutions would save weights,
    not time: on two CPU cores they train slower than these.

    Args:
        input_shape: Shape of a clip's features: `(time, frequency)`, or `(time,
            frequency, channel)`.
        channels: Channels of the stem and of each block.
        strides: Steps of the stem and of each block, one number for both axes or
            `(time, frequency)`.
        stem_kernel_size: Size of the first kernel, one number or `(time, frequency)`.
        activation: Name of a Keras activation.
        squeeze_excite: Let each block weigh its channels by their means.

    Returns:
        A model from features to a feature map `(batch, time, frequency, channels)`.

    Raises:
        SettingError: If the features have neither two nor three axes, or `channels`
            and `strides` differ in length.

    References:
        He et al., Deep Residual Learning for Image Recognition, CVPR 2016.
        Hu et al., Squeeze-and-Excitation Networks, CVPR 2018.

    Example:
        >>> residual_network((98, 64)).output_shape
        (None, 7, 4, 96)
    """
    if len(input_shape) not in (2, 3):
        raise SettingError(
            "a residual network needs features of shape (time, frequency[, channel]), "
            f"not {tuple(input_shape)}; add a spectrogram layer to the front end"
        )
    if not channels or len(channels) != len(strides):
        raise SettingError(
            "channels and strides need one number each for the stem and every block, "
            f"but there are {len(channels)} and {len(strides)}"
        )
    features = keras.Input(tuple(input_shape), name="features")
    flow = features
    if len(input_shape) == 2:
        flow = layers.Reshape((*input_shape, 1))(flow)
    steps = [_pair(stride) for stride in strides]
    flow = _convolution(flow, channels[0], _pair(stem_kernel_size), steps[0])
    flow = layers.Activation(activation)(flow)
    for n_channels, step in zip(channels[1:], steps[1:], strict=True):
        flow = _block(flow, n_channels, step, activation, squeeze_excite)
    return keras.Model(features, flow, name="residual")


def _block(
    inputs: keras.KerasTensor,
    n_channels: int,
    step: tuple[int, int],
    activation: str,
    squeeze_excite: bool,
) -> keras.KerasTensor:
    flow = _convolution(inputs, n_channels, (3, 3), step)
    flow = layers.Activation(activation)(flow)
    flow = _convolution(flow, n_channels, (3, 3), (1, 1))
    if squeeze_excite:
        flow = _weigh_channels(flow, n_channels)
    shortcut = inputs
    if step != (1, 1):
        shortcut = layers.AveragePooling2D(step, padding="same")(shortcut)
    if step != (1, 1) or inputs.shape[-1] != n_channels:
        shortcut = _convolution(shortcut, n_channels, (1, 1), (1, 1))
    return layers.Activation(activation)(layers.Add()([shortcut, flow]))


def _convolution(
    inputs: keras.KerasTensor,
    n_channels: int,
    kernel_size: tuple[int, int],
    step: tuple[int, int],
) -> keras.KerasTensor:
    flow = layers.Conv2D(
        n_channels,
        kernel_size,
        strides=step,
        padding="same",
        use_bias=False,  # the normalisation has its own
        kernel_initializer="he_normal",
    )(inputs)
    return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(flow)


def _weigh_channels(flow: keras.KerasTensor, n_channels: int) -> keras.KerasTensor:
    means = layers.GlobalAveragePooling2D(keepdims=True)(flow)
    narrow = layers.Conv2D(max(8, n_channels // 4), 1, activation="relu")(means)
    weights = layers.Conv2D(n_channels, 1, activation="sigmoid")(narrow)
    return layers.Multiply()([flow, weights])


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    """Return one number for both axes as two."""
    sizes = (size, size) if isinstance(size, int) else tuple(size)
    if len(sizes) != 2 or min(sizes) < 1:
        raise SettingError(
            f"a stride or kernel size is one or two numbers of at least 1, not {size!r}"
        )
    return sizes[0], sizes[1]
