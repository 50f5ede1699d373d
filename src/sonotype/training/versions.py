"""What training makes of clips: augmented versions that people can hear and see."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from sonotype.augment.random_layer import RandomLayer
from sonotype.settings import LayerSettings, Settings
from sonotype.training.build import build_augmentation, build_frontend

# A parameter with more numbers than this, such as a noise spectrum, is not readable.
MOST_NUMBERS = 8


@dataclass(frozen=True)
class Parameter:
    """One parameter that a layer drew for one clip.

    Args:
        layer: The layer, by the name recipes use.
        name: The parameter, with its unit.
        values: What was drawn.
    """

    layer: str
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Version:
    """One clip as a training step heard it.

    Args:
        clip: Which of the clips it was made of.
        samples: After the layers for waveforms, float32 `(n_samples,)`.
        features: After the front end and the layers for spectrograms, what the
            backbone sees: float32 `(frames, bands)`; of a picture, its first channel.
        drawn: What the layers drew, in their order; a layer that left the clip as it
            was is not there.
    """

    clip: int
    samples: np.ndarray = field(repr=False)
    features: np.ndarray = field(repr=False)
    drawn: tuple[Parameter, ...]


def plain_features(clips: np.ndarray, settings: Settings) -> np.ndarray:
    """Return what the backbone sees of clips at prediction, `(clips, frames, bands)`.

    Args:
        clips: float32 of shape `(clips, n_samples)`.
        settings: Their front end is used.
    """
    return _pictures(_through(build_frontend(settings), clips))


def make_versions(
    clips: np.ndarray,
    settings: Settings,
    *,
    count: int,
    noise: np.ndarray | None = None,
) -> list[Version]:
    """Augment clips as a training step would.

    Args:
        clips: float32 of shape `(clips, n_samples)`. Layers that mix neighbours mix a
            clip with the one before it, and the first with the last.
        settings: The augmentation, the front end and the seed.
        count: Versions of each clip.
        noise: Background recordings, float32 `(samples,)`, for layers that use them.

    Returns:
        The versions of the first clip, then those of the second, and so on.

    Raises:
        SettingError: If a layer is unknown or refuses an argument.

    Example:
        >>> from sonotype.settings import read_settings
        >>> clips = np.ones((1, 16_000), np.float32)
        >>> versions = make_versions(clips, read_settings(), count=2)
        >>> [version.features.shape for version in versions]
        [(66, 40), (66, 40)]
        >>> versions[0].drawn[0].layer, versions[0].drawn[0].name
        ('shift', 'later_samples')
    """
    waveform, spectrogram = build_augmentation(settings, noise=noise)
    batch = np.tile(clips, (count, 1))  # clip after clip, so that neighbours differ
    samples, drawn = _augment(waveform, settings.augment.waveform, batch)
    features = _through(build_frontend(settings), samples)
    features, also_drawn = _augment(spectrogram, settings.augment.spectrogram, features)
    heard, seen = ops.convert_to_numpy(samples), _pictures(features)
    rows = np.arange(len(batch)).reshape(count, len(clips)).T.ravel()
    return [
        Version(
            clip=int(row) % len(clips),
            samples=heard[row],
            features=seen[row],
            drawn=tuple(drawn[row] + also_drawn[row]),
        )
        for row in rows
    ]


def _augment(
    layers: Sequence[RandomLayer], named: Sequence[LayerSettings], examples: Any
) -> tuple[Any, list[list[Parameter]]]:
    """Apply layers in order, and note what each drew for each example."""
    drawn: list[list[Parameter]] = [[] for _ in range(len(examples))]
    # Targets that nobody reads, for the layers that mix them.
    targets = np.ones((len(examples), 1), np.float32)
    for layer, settings in zip(layers, named, strict=True):
        given = (examples, targets) if layer.mixes_targets else examples
        layer.build(
            (examples.shape, targets.shape) if layer.mixes_targets else examples.shape
        )
        parameters = layer.draw(given)
        changed = layer.apply(given, parameters)
        examples = changed[0] if layer.mixes_targets else changed
        arrays = {
            name: ops.convert_to_numpy(values) for name, values in parameters.items()
        }
        for row, noted in enumerate(drawn):
            noted += _parameters(settings.layer, arrays, row)
    return examples, drawn


def _parameters(layer: str, drawn: dict[str, np.ndarray], row: int) -> list[Parameter]:
    """Return what a layer drew for one example; nothing if it was not chosen."""
    if "chosen" in drawn and not drawn["chosen"][row].any():
        return []
    readable = {
        name: tuple(float(value) for value in values[row].ravel())
        for name, values in drawn.items()
        if name != "chosen" and values[row].size <= MOST_NUMBERS
    }
    if not readable:
        return [Parameter(layer, "changed", ())]
    return [Parameter(layer, name, values) for name, values in readable.items()]


def _through(layers: Sequence[keras.layers.Layer], values: Any) -> Any:
    for layer in layers:
        values = layer(values)
    return values


def _pictures(features: Any) -> np.ndarray:
    """Return features as `(examples, frames, bands)`."""
    array: np.ndarray = ops.convert_to_numpy(features)
    return array[..., 0] if array.ndim == 4 else array
