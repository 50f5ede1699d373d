"""Published front ends by name; `presets.toml` holds their layers."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

import keras

from sonotype.errors import SettingError, unknown_name
from sonotype.frontend.table import FRONTENDS

# The layers that are told the rate of the preset.
RATED = ("log_mel", "spectrogram")


@dataclass(frozen=True)
class Preset:
    """A published front end: the rate it is defined at, and its layers in order.

    `layers` are tables as in a recipe: the key `layer` is a name in `FRONTENDS`, the
    others are its arguments.
    """

    description: str
    sample_rate: int
    layers: tuple[Mapping[str, Any], ...]


def _read_presets() -> dict[str, Preset]:
    file = resources.files("sonotype.frontend") / "presets.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        name: Preset(table["description"], table["sample_rate"], tuple(table["layers"]))
        for name, table in tables.items()
    }


PRESETS: Mapping[str, Preset] = MappingProxyType(_read_presets())


def preset_layers(
    name: str, *, sample_rate: int | None = None
) -> list[keras.layers.Layer]:
    """Make the layers of a published front end.

    A network that was trained by others hears only what it was trained on, so a preset
    has nothing to set. To vary one, copy its layers from `presets.toml` to a recipe.

    Args:
        name: A name in `PRESETS`.
        sample_rate: Samples per second of the waveforms; where it is given, it must be
            the one that the preset is defined at.

    Returns:
        New layers, from waveforms `(batch, samples)` between -1 and 1 to features.

    Raises:
        SettingError: If the name is unknown or the rate is another one.

    Example:
        >>> [type(layer).__name__ for layer in preset_layers("speech_embedding")]
        ['LogMel', 'Standardize']
        >>> keras.Sequential(preset_layers("yamnet")).compute_output_shape((1, 15_600))
        (1, 96, 64)
    """
    if name not in PRESETS:
        raise unknown_name("front-end preset", name, PRESETS)
    preset = PRESETS[name]
    if sample_rate not in (None, preset.sample_rate):
        raise SettingError(
            f"front end {name} is defined at {preset.sample_rate} Hz, but the clips "
            f"have {sample_rate} Hz; set audio.sample_rate to {preset.sample_rate}"
        )
    return [_layer(dict(table), preset.sample_rate) for table in preset.layers]


def _layer(arguments: dict[str, Any], sample_rate: int) -> keras.layers.Layer:
    name = arguments.pop("layer")
    if name in RATED:
        arguments["sample_rate"] = sample_rate
    return FRONTENDS[name](**arguments)
