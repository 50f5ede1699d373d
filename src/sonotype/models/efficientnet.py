"""EfficientNetB0 to B3, with or without weights learned on ImageNet."""

import contextlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np

from sonotype.models.pictures import check_picture
from sonotype.models.weights import (
    PublishedWeights,
    find_weights,
    is_published,
    load_weights,
)

KERAS_ADDRESS = "https://storage.googleapis.com/keras-applications/"
DIGESTS = {
    "b0": "md5:50bc09e76180e00e4465e1a485ddc09d",
    "b1": "md5:74c4e6b3e1f6a1eea24c589628592432",
    "b2": "md5:111f8e2ac8aa800a7a99e3239f7bfb39",
    "b3": "md5:af6d107764bb5b1abb91932881670226",
}
IMAGENET = {
    size: PublishedWeights(
        file_name=f"efficientnet{size}_notop.h5",
        address=f"{KERAS_ADDRESS}efficientnet{size}_notop.h5",
        digest=digest,
        trained_on="ImageNet",
        licence="Apache-2.0",
    )
    for size, digest in DIGESTS.items()
}
NETWORKS = {
    "b0": keras.applications.EfficientNetB0,
    "b1": keras.applications.EfficientNetB1,
    "b2": keras.applications.EfficientNetB2,
    "b3": keras.applications.EfficientNetB3,
}
# Standard deviations of the red, green and blue of ImageNet, as Keras has them.
IMAGENET_DEVIATIONS = np.array([0.229, 0.224, 0.225], dtype=np.float32)


def efficientnet_b0(
    input_shape: Sequence[int] = (128, 128, 3),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build EfficientNetB0 without its top.

    Keras builds one layer more, a second division of the colours, when it is asked for
    `imagenet` than when it is given the same weights as a file. Here both are the same
    network: the division goes into the variance of its first normalisation.

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
        Tan and Le, EfficientNet, ICML 2019.

    Example:
        >>> efficientnet_b0((32, 32, 3)).output_shape
        (None, 1, 1, 1280)
    """
    return _build("b0", input_shape, weights)


def efficientnet_b1(
    input_shape: Sequence[int] = (128, 128, 3),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build EfficientNetB1 without its top: one and a half times the work of B0.

    Args:
        input_shape: As for `efficientnet_b0`.
        weights: As for `efficientnet_b0`.

    Returns:
        A model from pictures to a feature map `(batch, height, width, 1280)`.

    Raises:
        SettingError: If the features are not pictures of at least 32 x 32.
        WeightsError: If the weights cannot be had or do not fit.
    """
    return _build("b1", input_shape, weights)


def efficientnet_b2(
    input_shape: Sequence[int] = (128, 128, 3),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build EfficientNetB2 without its top: 1.7 times the work of B0.

    Args:
        input_shape: As for `efficientnet_b0`.
        weights: As for `efficientnet_b0`.

    Returns:
        A model from pictures to a feature map `(batch, height, width, 1408)`.

    Raises:
        SettingError: If the features are not pictures of at least 32 x 32.
        WeightsError: If the weights cannot be had or do not fit.
    """
    return _build("b2", input_shape, weights)


def efficientnet_b3(
    input_shape: Sequence[int] = (128, 128, 3),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build EfficientNetB3 without its top: two and a half times the work of B0.

    Args:
        input_shape: As for `efficientnet_b0`.
        weights: As for `efficientnet_b0`.

    Returns:
        A model from pictures to a feature map `(batch, height, width, 1536)`.

    Raises:
        SettingError: If the features are not pictures of at least 32 x 32.
        WeightsError: If the weights cannot be had or do not fit.
    """
    return _build("b3", input_shape, weights)


def _build(
    size: str, input_shape: Sequence[int], weights: str | Path | None
) -> keras.Model:
    check_picture(f"EfficientNet{size.upper()}", input_shape)
    model = NETWORKS[size](
        include_top=False, weights=None, input_shape=tuple(input_shape)
    )
    if weights is not None and weights != "none":
        path = find_weights(weights, IMAGENET[size])
        load_weights(model, path)
        if _divides_twice(path, IMAGENET[size]):
            _divide_in_normalisation(model)
    return model


def _divides_twice(path: Path, published: PublishedWeights) -> bool:
    """Return whether the weights were learned behind Keras's second division."""
    if is_published(path, published):
        return True
    return sum(name.startswith("rescaling") for name in _layer_names(path)) > 1


def _layer_names(path: Path) -> list[str]:
    """Return the names of the layers in a file of weights, of any of three formats."""
    with contextlib.ExitStack() as stack:
        source: Path | IO[bytes] = path
        if path.suffix == ".keras":
            archive = stack.enter_context(zipfile.ZipFile(path))
            source = stack.enter_context(archive.open("model.weights.h5"))
        file = stack.enter_context(h5py.File(source, "r"))
        group = file.get("model_weights", file)
        names = group.attrs.get("layer_names", group.get("layers"))
        return [name.decode() if isinstance(name, bytes) else name for name in names]


def _divide_in_normalisation(model: keras.Model) -> None:
    """Divide by the root of the deviations once more, through the variance."""
    normalisation = next(
        layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)
    )
    variance = keras.ops.convert_to_numpy(normalisation.adapt_variance)
    normalisation.adapt_variance.assign(variance * IMAGENET_DEVIATIONS)
    normalisation.finalize_state()
