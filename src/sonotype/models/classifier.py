"""The classifier: front end, backbone and head as one model from sound to scores."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from sonotype.errors import SettingError, unknown_name
from sonotype.labels import Task
from sonotype.models.head import ACTIVATIONS, build_head
from sonotype.models.table import find_backbone

BuildBackbone = Callable[..., keras.Model]


def build_classifier(  # noqa: PLR0913 - as many choices as a classifier has
    frontend: keras.layers.Layer | Sequence[keras.layers.Layer],
    *,
    n_classes: int,
    clip_seconds: float,
    sample_rate: int | None = None,
    backbone: str | BuildBackbone = "residual",
    pooling: str = "mean",
    standardize: bool = False,
    dropout: float = 0.2,
    task: Task = "single-label",
    **backbone_options: Any,
) -> keras.Model:
    """Build a model from waveforms to class scores.

    The model has three layers, each a model of its own that can be called alone and
    shares its weights: `frontend` (waveform to features), `backbone` (features to a
    feature map) and `head` (pooling over the map, dropout, softmax or sigmoid), see
    `build_head`. Training puts augmentation between them; prediction runs them as one.

    Args:
        frontend: One layer, or several in order, from `(batch, samples)` to features.
        n_classes: Number of classes; at least 2 in a single-label model.
        clip_seconds: Length of a clip.
        sample_rate: Samples per second; `None` takes it from the front end.
        backbone: A name in `BACKBONES`, or a function from the shape of a clip's
            features to a model.
        pooling: How the head makes one vector of the map: a name in `POOLINGS`, or
            `attention`.
        standardize: Whether the head standardizes the map first, by the means and
            variances that `set_statistics` gives it.
        dropout: Share of the features that the head drops in training.
        task: Whether a clip carries one label (softmax) or any number (sigmoid).
        **backbone_options: Further arguments of the backbone, such as `channels`.

    Returns:
        A model with the input `audio`, float32 `(batch, samples)`, and one row of
        float32 scores a clip: summing to 1 if single-label, else each from 0 to 1.

    Raises:
        SettingError: If an argument is unknown or out of range, or the sample rate is
            given nowhere or twice.

    Example:
        >>> from sonotype.frontend.log_mel import LogMel
        >>> frontend = LogMel(sample_rate=16_000)
        >>> model = build_classifier(frontend, n_classes=10, clip_seconds=1.0)
        >>> model.input_shape, model.output_shape
        ((None, 16000), (None, 10))
        >>> [layer.name for layer in model.layers]
        ['audio', 'frontend', 'backbone', 'head']
    """
    steps = [frontend] if isinstance(frontend, keras.layers.Layer) else list(frontend)
    _check(steps, n_classes, task)
    build = _backbone(backbone, backbone_options)
    rate = _sample_rate(steps, sample_rate)
    n_samples = round(clip_seconds * rate)
    if n_samples < 1:
        raise SettingError(f"clip_seconds must be above 0, not {clip_seconds:g}")
    audio = keras.Input((n_samples,), dtype="float32", name="audio")
    features = _chain(audio.shape[1:], steps, name="frontend")
    built = build(features.output_shape[1:], **backbone_options)
    named = keras.Model(built.inputs, built.outputs[0], name="backbone")
    head = build_head(
        named.output_shape[1:],
        n_classes=n_classes,
        pooling=pooling,
        dropout=dropout,
        task=task,
        standardize=standardize,
    )
    return keras.Model(audio, head(named(features(audio))), name="classifier")


def _check(frontend: Sequence[keras.layers.Layer], n_classes: int, task: Task) -> None:
    if not frontend:
        raise SettingError("the front end has no layers; give at least one")
    if task not in ACTIVATIONS:
        raise unknown_name("task", task, ACTIVATIONS)
    # A detector of one species is a multi-label model of one class.
    least = 2 if task == "single-label" else 1
    if n_classes < least:
        raise SettingError(
            f"a {task} classifier needs at least {least} classes, not {n_classes}"
        )


def _backbone(
    backbone: str | BuildBackbone, options: Mapping[str, Any]
) -> BuildBackbone:
    if not isinstance(backbone, str):
        return backbone
    found = find_backbone(backbone)
    known = [*found.options, "weights"] if found.weights else found.options
    for name in options:
        if name not in known:
            raise unknown_name(f"backbone {backbone}: option", name, known)
    return found.build


def _sample_rate(
    frontend: Sequence[keras.layers.Layer], sample_rate: int | None
) -> int:
    rates = {
        rate for layer in frontend if (rate := getattr(layer, "sample_rate", None))
    }
    if sample_rate is not None:
        rates.add(sample_rate)
    if not rates:
        raise SettingError("no layer of the front end knows the rate; give sample_rate")
    if len(rates) > 1:
        raise SettingError(
            "the sample rate must be the same everywhere, but "
            f"{' and '.join(str(rate) for rate in sorted(rates))} Hz were given"
        )
    return int(rates.pop())


def _chain(
    shape: Sequence[int], steps: Sequence[keras.layers.Layer], *, name: str
) -> keras.Model:
    inputs = keras.Input(tuple(shape))
    flow = inputs
    for step in steps:
        flow = step(flow)
    return keras.Model(inputs, flow, name=name)
