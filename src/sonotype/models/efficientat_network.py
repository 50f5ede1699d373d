"""The network of EfficientAT: MobileNetV3-large, with the padding of PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers

from sonotype.errors import SettingError

_BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class _Block:
    """One row of MobileNetV3-large, at width 1."""

    kernel_size: int
    n_inner: int
    n_outer: int
    has_squeeze: bool
    activation: str
    stride: int


_STEM_CHANNELS = 16
_BLOCKS = (
    _Block(3, 16, 16, False, "relu", 1),
    _Block(3, 64, 24, False, "relu", 2),
    _Block(3, 72, 24, False, "relu", 1),
    _Block(5, 72, 40, True, "relu", 2),
    _Block(5, 120, 40, True, "relu", 1),
    _Block(5, 120, 40, True, "relu", 1),
    _Block(3, 240, 80, False, "hard_silu", 2),
    _Block(3, 200, 80, False, "hard_silu", 1),
    _Block(3, 184, 80, False, "hard_silu", 1),
    _Block(3, 184, 80, False, "hard_silu", 1),
    _Block(3, 480, 112, True, "hard_silu", 1),
    _Block(3, 672, 112, True, "hard_silu", 1),
    _Block(5, 672, 160, True, "hard_silu", 2),
    _Block(5, 960, 160, True, "hard_silu", 1),
    _Block(5, 960, 160, True, "hard_silu", 1),
)


def mobile_network(input_shape: Sequence[int | None], *, width: float) -> keras.Model:
    """Build the layers up to the last feature map, with random weights.

    Args:
        input_shape: Shape of a clip's features, `(time, frequency)`; a channel may
            follow. Time may be `None`.
        width: Scales the channels of all layers.

    Returns:
        A model from features to a feature map. Each layer is named as its tensors are
        in a published file, with `-` for every dot.

    Raises:
        SettingError: If the features have other axes, or the width is not above 0.
    """
    shape = tuple(input_shape)
    if len(shape) not in (2, 3) or shape[2:] not in ((), (1,)):
        raise SettingError(
            "EfficientAT needs features of shape (time, frequency[, 1]), "
            f"not {shape}; use the front end efficientat"
        )
    if not width > 0:
        raise SettingError(f"width must be above 0, not {width:g}")
    features = keras.Input(shape, name="features")
    flow = layers.Reshape((shape[0] or -1, shape[1], 1))(features)
    n_channels = scaled(_STEM_CHANNELS, width)
    flow = _convolution(flow, "features-0", n_channels, 3, 2, "hard_silu")
    for number, block in enumerate(_BLOCKS, start=1):
        flow = _block(flow, f"features-{number}-block", block, width)
    # The published networks widen by 6 whatever their width.
    name = f"features-{len(_BLOCKS) + 1}"
    flow = _convolution(flow, name, 6 * flow.shape[-1], 1, 1, "hard_silu")
    return keras.Model(features, flow, name="efficientat")


def _block(
    inputs: keras.KerasTensor, name: str, block: _Block, width: float
) -> keras.KerasTensor:
    """Widen, convolve each channel by itself, weigh the channels, and narrow."""
    n_inner, n_outer = scaled(block.n_inner, width), scaled(block.n_outer, width)
    flow, step = inputs, 0
    if n_inner != inputs.shape[-1]:
        flow = _convolution(flow, f"{name}-{step}", n_inner, 1, 1, block.activation)
        step += 1
    flow = _depthwise(
        flow, f"{name}-{step}", block.kernel_size, block.stride, block.activation
    )
    step += 1
    if block.has_squeeze:
        flow = _weigh_channels(flow, f"{name}-{step}-conc_se_layers-0")
        step += 1
    flow = _convolution(flow, f"{name}-{step}", n_outer, 1, 1, None)
    if block.stride == 1 and inputs.shape[-1] == n_outer:
        flow = layers.Add()([inputs, flow])
    return flow


def _convolution(
    flow: keras.KerasTensor,
    name: str,
    n_channels: int,
    kernel_size: int,
    stride: int,
    activation: str | None,
) -> keras.KerasTensor:
    flow = layers.Conv2D(
        n_channels,
        kernel_size,
        strides=stride,
        use_bias=False,  # the normalisation has its own
        kernel_initializer=_initializer(),
        name=f"{name}-0",
    )(_pad(flow, kernel_size))
    return _normalise(flow, name, activation)


def _depthwise(
    flow: keras.KerasTensor, name: str, kernel_size: int, stride: int, activation: str
) -> keras.KerasTensor:
    flow = layers.DepthwiseConv2D(
        kernel_size,
        strides=stride,
        use_bias=False,
        depthwise_initializer=_initializer(),
        name=f"{name}-0",
    )(_pad(flow, kernel_size))
    return _normalise(flow, name, activation)


def _normalise(
    flow: keras.KerasTensor, name: str, activation: str | None
) -> keras.KerasTensor:
    flow = layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=f"{name}-1")(
        flow
    )
    return flow if activation is None else layers.Activation(activation)(flow)


def _pad(flow: keras.KerasTensor, kernel_size: int) -> keras.KerasTensor:
    """Pad as much before as after; Keras's own `same` shifts the frames of a stride."""
    margin = (kernel_size - 1) // 2
    return layers.ZeroPadding2D(margin)(flow) if margin else flow


def _weigh_channels(flow: keras.KerasTensor, name: str) -> keras.KerasTensor:
    n_channels = flow.shape[-1]
    n_squeezed = _rounded(n_channels // 4)
    means = layers.GlobalAveragePooling2D()(flow)
    narrow = layers.Dense(n_squeezed, activation="relu", name=f"{name}-fc1")(means)
    wide = layers.Dense(n_channels, activation="sigmoid", name=f"{name}-fc2")(narrow)
    return layers.Multiply()([flow, layers.Reshape((1, 1, n_channels))(wide)])


def _initializer() -> keras.initializers.Initializer:
    # By what leaves a channel: a depthwise kernel has one channel of its own.
    return keras.initializers.VarianceScaling(2.0, mode="fan_out")


def scaled(n_channels: int, width: float) -> int:
    """Return a number of channels at another width than 1."""
    return _rounded(n_channels * width)


def _rounded(n_channels: float) -> int:
    """Return the nearest multiple of 8, but not less than nine tenths."""
    rounded = max(8, int(n_channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * n_channels else rounded + 8
