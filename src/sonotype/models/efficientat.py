"""EfficientAT: MobileNetV3 that learned AudioSet from transformers, at four widths."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers

from sonotype.errors import WeightsError
from sonotype.models.efficientat_network import mobile_network, scaled
from sonotype.models.tensor_file import TENSOR_SUFFIXES, read_tensors
from sonotype.models.weights import PublishedWeights, find_weights, load_weights

_RELEASE = "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1"
N_AUDIOSET_CLASSES = 527


def _published(file: str, *, n_bytes: int = 0, sha256: str = "") -> PublishedWeights:
    return PublishedWeights(
        file_name=f"{file}.pt",
        address=f"{_RELEASE}/{file}.pt",
        n_bytes=n_bytes,
        digest=sha256 and f"sha256:{sha256}",
        trained_on="AudioSet",
        licence="MIT",
        copies=(f"{file}.npz",),
    )


# By width. The publisher gives no digests: these two are what others who pinned the
# files of the release have recorded, independently of each other.
AUDIOSET: Mapping[float, PublishedWeights] = {
    0.4: _published(
        "mn04_as_mAP_432",
        n_bytes=4_066_513,
        sha256="899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
    ),
    0.5: _published("mn05_as_mAP_443"),
    1.0: _published(
        "mn10_as_mAP_471",
        n_bytes=19_708_753,
        sha256="0bd7dc2443af498c289a2e739f02ebb515d6aa3fd3ab9db539c86123ae368a4e",
    ),
    2.0: _published("mn20_as_mAP_478"),
}


def efficientat(
    input_shape: Sequence[int | None],
    *,
    width: float = 1.0,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build an EfficientAT MobileNet without its classifier.

    It hears what the front end `efficientat` gives: 128 log-mel bands every 10 ms at
    32 kHz. A clip may be of any length. Each feature sees six seconds around it, and
    through the means that weigh the channels the whole clip.

    Args:
        input_shape: Shape of a clip's features, `(time, frequency)`; a channel may
            follow. Time may be `None`.
        width: Scales the channels of all layers; weights are published for 0.4, 0.5, 1
            and 2.
        weights: `None` or `none` for random ones; `audioset` or `pretrained` for the
            published ones; or a file of tensors (`.pt`, `.pth`, `.npz`) named as in
            these, a file of this network saved by Keras, or a folder with the
            published file.

    Returns:
        A model from features to a feature map `(batch, time / 32, frequency / 32,
        channels)`, rounded up; 960 channels at width 1.

    Raises:
        SettingError: If the features have other axes, or the width is not above 0.
        WeightsError: If the weights cannot be had or do not fit.

    References:
        Schmid et al., Efficient Large-Scale Audio Tagging via Transformer-to-CNN
            Knowledge Distillation, ICASSP 2023.
        Howard et al., Searching for MobileNetV3, ICCV 2019.

    Example:
        >>> efficientat((1_000, 128), width=0.4).output_shape
        (None, 32, 4, 384)
    """
    model = mobile_network(input_shape, width=width)
    _load(model, width, weights)
    return model


def audioset_tagger(
    input_shape: Sequence[int | None],
    *,
    width: float = 1.0,
    weights: str | Path | None = "audioset",
) -> keras.Model:
    """Build the whole published network, which names the 527 classes of AudioSet.

    Args:
        input_shape: As for `efficientat`.
        width: As for `efficientat`.
        weights: As for `efficientat`.

    Returns:
        A model from features to scores `(batch, 527)`, each from 0 to 1, in the order
        of AudioSet's `class_labels_indices.csv`.

    Raises:
        SettingError: As `efficientat`.
        WeightsError: As `efficientat`.

    Example:
        >>> audioset_tagger((100, 128), width=0.4, weights=None).output_shape
        (None, 527)
    """
    body = mobile_network(input_shape, width=width)
    flow = layers.GlobalAveragePooling2D()(body.output)
    n_hidden = scaled(1280, width)
    flow = layers.Dense(n_hidden, activation="hard_silu", name="classifier-2")(flow)
    scores = layers.Dense(
        N_AUDIOSET_CLASSES, activation="sigmoid", dtype="float32", name="classifier-5"
    )(flow)
    model = keras.Model(body.input, scores, name="audioset_tagger")
    _load(model, width, weights)
    return model


def _load(model: keras.Model, width: float, weights: str | Path | None) -> None:
    if weights is None or weights == "none":
        return
    published = AUDIOSET.get(width) or PublishedWeights("", trained_on="AudioSet")
    if not published.file_name and not Path(weights).is_file():
        raise WeightsError(
            f"there are no published weights for width {width:g}, only for "
            f"{', '.join(f'{known:g}' for known in AUDIOSET)}; name a file of weights, "
            "or use --weights none"
        )
    path = find_weights(weights, published)
    if path.suffix not in TENSOR_SUFFIXES:
        load_weights(model, path)
        return
    tensors = read_tensors(path)
    for layer in model.layers:
        if layer.weights:
            _set(layer, tensors, path, width)


def _set(
    layer: layers.Layer, tensors: Mapping[str, np.ndarray], path: Path, width: float
) -> None:
    prefix = layer.name.replace("-", ".")
    try:
        layer.set_weights(_ARRAYS[type(layer)](tensors, prefix))
    except (KeyError, ValueError) as error:
        found = tensors.get(f"{prefix}.weight")
        what = "are missing" if found is None else f"have the shape {found.shape}"
        raise WeightsError(
            f"{path} does not fit EfficientAT of width {width:g}: the weights "
            f"{prefix} {what}; use a file of that width, or --weights none"
        ) from error


# Kernels there are (out, in, frequency, time), here (time, frequency, in, out).
_ARRAYS: dict[type, Callable[[Mapping[str, np.ndarray], str], list[np.ndarray]]] = {
    layers.Conv2D: lambda tensors, name: [
        tensors[f"{name}.weight"].transpose(3, 2, 1, 0)
    ],
    layers.DepthwiseConv2D: lambda tensors, name: [
        tensors[f"{name}.weight"].transpose(3, 2, 0, 1)
    ],
    layers.Dense: lambda tensors, name: [
        tensors[f"{name}.weight"].T,
        tensors[f"{name}.bias"],
    ],
    layers.BatchNormalization: lambda tensors, name: [
        tensors[f"{name}.{part}"]
        for part in ("weight", "bias", "running_mean", "running_var")
    ],
}
