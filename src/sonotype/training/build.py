"""From settings to layers and models; the one place where settings are unpacked."""

import inspect
import itertools
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from sonotype.augment.table import AUGMENTATIONS
from sonotype.errors import SettingError, unknown_name
from sonotype.frontend.presets import PRESETS, preset_layers
from sonotype.frontend.table import FRONTENDS
from sonotype.labels import Task
from sonotype.models.classifier import build_classifier
from sonotype.models.table import find_backbone
from sonotype.settings import LayerSettings, Settings
from sonotype.training.impulse_responses import read_responses

# Arrays cannot be written in a recipe: it names the folder they are read from.
READ_FROM_FOLDER = {"responses": read_responses}


def build_layer(
    kind: str,
    table: Mapping[str, type[keras.layers.Layer]],
    settings: LayerSettings,
    context: Mapping[str, Any],
) -> keras.layers.Layer:
    """Make one layer from a table of layers.

    Args:
        kind: What the table holds, for the error message.
        table: Layer classes by the name recipes use.
        settings: The name and the arguments.
        context: What the run knows, such as its sample rate; given to the layer where
            it has such an argument and the settings do not name it.

    Raises:
        SettingError: If the layer or one of its arguments is unknown, or it refuses
            a value.
    """
    if settings.layer not in table:
        raise unknown_name(kind, settings.layer, table)
    layer = table[settings.layer]
    known = set(inspect.signature(layer).parameters) - {"layer_options"}
    for name in settings.arguments:
        if name not in known:
            raise unknown_name(f"{kind} {settings.layer}: argument", name, known)
    filled = {name: value for name, value in context.items() if name in known}
    arguments = settings.arguments
    for name, read in READ_FROM_FOLDER.items():
        if isinstance(arguments.get(name), str):
            arguments[name] = read(arguments[name], context["sample_rate"])
    try:
        return layer(**filled | arguments)
    except TypeError as error:  # an argument is missing, or of a wrong type
        raise SettingError(f"{kind} {settings.layer}: {error}") from error


def build_frontend(settings: Settings) -> list[keras.layers.Layer]:
    """Make the layers between the waveform and the backbone."""
    context = {"sample_rate": settings.audio.sample_rate}
    layers: list[keras.layers.Layer] = []
    for chosen in settings.frontend:
        if chosen.layer in PRESETS:
            layers += _preset(chosen, settings.audio.sample_rate)
        elif chosen.layer in FRONTENDS:
            layers.append(build_layer("front end", FRONTENDS, chosen, context))
        else:
            raise unknown_name("front end", chosen.layer, [*FRONTENDS, *PRESETS])
    return layers


def _preset(chosen: LayerSettings, sample_rate: int) -> list[keras.layers.Layer]:
    """Return the layers of a published front end, which leaves nothing to choose."""
    if chosen.arguments:
        raise SettingError(
            f"front end {chosen.layer} has nothing to set, but "
            f"{next(iter(chosen.arguments))} was given; to vary a published front "
            "end, write its layers into the recipe"
        )
    return preset_layers(chosen.layer, sample_rate=sample_rate)


def build_augmentation(
    settings: Settings, *, noise: np.ndarray | None = None
) -> tuple[list[keras.layers.Layer], list[keras.layers.Layer]]:
    """Make the augmentation layers, each with a seed of its own.

    Args:
        settings: Names and arguments, in order.
        noise: Background recordings, float32 `(samples,)`, for layers that mix noise
            in; without, those layers make their own.

    Returns:
        The layers for waveforms, and those for spectrograms.
    """
    context: dict[str, Any] = {"sample_rate": settings.audio.sample_rate}
    if noise is not None:
        context["noise"] = noise
    seeds = itertools.count(settings.seed)
    waveform, spectrogram = (
        [
            build_layer(
                "augmentation", AUGMENTATIONS, layer, {**context, "seed": next(seeds)}
            )
            for layer in layers
        ]
        for layers in (settings.augment.waveform, settings.augment.spectrogram)
    )
    return waveform, spectrogram


def build_model(
    settings: Settings, n_classes: int, task: Task = "single-label"
) -> keras.Model:
    """Make the untrained classifier that settings describe: waveform in, scores out."""
    return build_classifier(
        build_frontend(settings),
        n_classes=n_classes,
        clip_seconds=settings.audio.clip_seconds,
        sample_rate=settings.audio.sample_rate,
        backbone=settings.model.backbone,
        pooling=settings.model.pooling,
        standardize=settings.model.standardize,
        dropout=settings.model.dropout,
        **backbone_options(settings),
        task=task,
    )


def backbone_options(settings: Settings) -> dict[str, Any]:
    """Return the backbone's arguments; `weights` only where there are any to load."""
    options = dict(settings.model.options)
    name, weights = settings.model.backbone, settings.model.weights
    if weights == "none":
        return options
    if find_backbone(name).weights is None:
        raise SettingError(
            f"backbone {name!r} has no weights to start from, but {weights!r} was "
            "asked for; use --weights none"
        )
    return options | {"weights": weights}
