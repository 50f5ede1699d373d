"""EfficientNetB0 with or without weights learned on ImageNet."""

import contextlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np

from sonotype.errors import SettingError
from sonotype.models.weights import (
    PublishedWeights,
    find_weights,
    is_published,
    load_weights,
)

IMAGENET = PublishedWeights(
    file_name="efficientnetb0_notop.h5",
    address="https://storage.googleapis.com/keras-applications/",
    md5="50bc09e76180e00e4465e1a485ddc09d",
)
# Standard deviations of the red, green and blue of ImageNet, as Keras has them.
IMAGENET_DEVIATIONS = np.array([0.229, 0.224, 0.225], dtype=np.float32)
SMALLEST_SIDE = 32


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
        input_shape: Shape of a clip's picture, `(height, width, channel)`.
        weights: `None` or `none` for random ones; `imagenet` for the published ones,
            downloaded once; or a file of weights (`.h5`, `.weights.h5`, `.keras`) of
            this network without its top.

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
    if len(input_shape) != 3 or min(input_shape[:2]) < SMALLEST_SIDE:
        raise SettingError(
            f"EfficientNetB0 needs pictures (height, width, channel) of at least "
            f"{SMALLEST_SIDE} x {SMALLEST_SIDE}, not {tuple(input_shape)}; "
            "put to_image at the end of the front end"
        )
    model = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=tuple(input_shape)
    )
    if weights is not None and weights != "none":
        path = find_weights(weights, IMAGENET)
        load_weights(model, path)
        if _divides_twice(path):
            _divide_in_normalisation(model)
    return model


def _divides_twice(path: Path) -> bool:
    """Return whether the weights were learned behind Keras's second division."""
    if is_published(path, IMAGENET):
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
