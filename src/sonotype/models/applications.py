"""EfficientNetV2-B0 and MobileNetV3, with or without weights learned on ImageNet."""

from collections.abc import Sequence
from pathlib import Path

import keras

from sonotype.models.pictures import check_picture
from sonotype.models.weights import PublishedWeights, find_weights, load_weights

KERAS_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications/"
# By the name of the network: folder, file and digest.
FILES = {
    "efficientnet_v2_b0": (
        "efficientnet_v2/",
        "efficientnetv2-b0_notop.h5",
        "md5:893217f2bb855e2983157299931e43ff",
    ),
    "mobilenet_v3_small": (
        "mobilenet_v3/",
        "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
        "md5:d3e8ec802a04aa4fc771ee12a9a9b836",
    ),
    "mobilenet_v3_large": (
        "mobilenet_v3/",
        "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
        "md5:07fb09a5933dd0c8eaafa16978110389",
    ),
}
IMAGENET = {
    name: PublishedWeights(
        file_name=file_name,
        address=f"{KERAS_ADDRESS}{folder}{file_name}",
        digest=digest,
        trained_on="ImageNet",
        licence="Apache-2.0",
    )
    for name, (folder, file_name, digest) in FILES.items()
}
NETWORKS = {
    "efficientnet_v2_b0": keras.applications.EfficientNetV2B0,
    "mobilenet_v3_small": keras.applications.MobileNetV3Small,
    "mobilenet_v3_large": keras.applications.MobileNetV3Large,
}
# MobileNetV3 has 0.999, which needs thousands of steps to follow the features.
BATCH_NORM_MOMENTUM = 0.99


def efficientnet_v2_b0(
    input_shape: Sequence[int] = (128, 128, 3),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build EfficientNetV2-B0 without its top.

    Args:
        input_shape: Shape of a clip's picture, `(height, width, channel)`, with values
            from 0 to 255.
        weights: `None` or `none` for random ones; `imagenet` or `pretrained` for the
            published ones, downloaded once; or a file of weights (`.h5`, `.weights.h5`,
            `.keras`) of this network without its top.

    Returns:
        A model from pictures to a feature map `(batch, height, width, 1280)`.

    Raises:
        SettingError: If the features are not pictures of at least 32 x 32.
        WeightsError: If the weights cannot be had or do not fit.

    References:
        Tan and Le, EfficientNetV2, ICML 2021.

    Example:
        >>> efficientnet_v2_b0((32, 32, 3)).output_shape
        (None, 1, 1, 1280)
    """
    return _build("efficientnet_v2_b0", input_shape, weights)


def mobilenet_v3_small(
    input_shape: Sequence[int] = (128, 128, 3),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build the small MobileNetV3 without its top: a seventh of EfficientNetB0's work.

    Args:
        input_shape: As for `efficientnet_v2_b0`.
        weights: As for `efficientnet_v2_b0`.

    Returns:
        A model from pictures to a feature map `(batch, height, width, 576)`.

    Raises:
        SettingError: If the features are not pictures of at least 32 x 32.
        WeightsError: If the weights cannot be had or do not fit.

    References:
        Howard et al., Searching for MobileNetV3, ICCV 2019.

    Example:
        >>> mobilenet_v3_small((32, 32, 3)).output_shape
        (None, 1, 1, 576)
    """
    return _build("mobilenet_v3_small", input_shape, weights)


def mobilenet_v3_large(
    input_shape: Sequence[int] = (128, 128, 3),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build the large MobileNetV3 without its top: half of EfficientNetB0's work.

    Args:
        input_shape: As for `efficientnet_v2_b0`.
        weights: As for `efficientnet_v2_b0`.

    Returns:
        A model from pictures to a feature map `(batch, height, width, 960)`.

    Raises:
        SettingError: If the features are not pictures of at least 32 x 32.
        WeightsError: If the weights cannot be had or do not fit.

    References:
        Howard et al., Searching for MobileNetV3, ICCV 2019.

    Example:
        >>> mobilenet_v3_large((32, 32, 3)).output_shape
        (None, 1, 1, 960)
    """
    return _build("mobilenet_v3_large", input_shape, weights)


def _build(
    name: str, input_shape: Sequence[int], weights: str | Path | None
) -> keras.Model:
    """Build a network that scales its pictures itself, whatever its weights are."""
    network = NETWORKS[name]
    check_picture(network.__name__, input_shape)
    model = network(include_top=False, weights=None, input_shape=tuple(input_shape))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, BATCH_NORM_MOMENTUM)
    if weights is not None and weights != "none":
        load_weights(model, find_weights(weights, IMAGENET[name]))
    return model
