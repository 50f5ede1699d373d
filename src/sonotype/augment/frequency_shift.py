"""Move a spectrogram along its frequency axis."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.interpolation import interpolate_rows
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class FrequencyShift(RandomLayer):
    """Move each spectrogram up or down by whole bands; the edge band is repeated.

    On a mel axis this is close to a change of pitch, for a small part of what
    `PitchShift` costs. `SpecWarp` moves by parts of a band, and stretches too.

    Args:
        max_bands: Longest way, in both directions.
        probability: Share of the spectrograms that are moved.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If `max_bands` is negative, or the probability is none.

    Example:
        >>> layer = FrequencyShift(max_bands=4, seed=0)
        >>> tuple(layer(keras.ops.ones((2, 98, 64)), training=True).shape)
        (2, 98, 64)
    """

    takes = "spectrograms"

    def __init__(
        self,
        max_bands: int = 2,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        if max_bands < 0:
            raise SettingError(f"max_bands must be at least 0, not {max_bands}")
        self.max_bands = max_bands

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw how many bands each spectrogram goes up; down is negative."""
        most, shape = self.max_bands, (ops.shape(examples)[0], 1)
        up = keras.random.randint(shape, -most, most + 1, seed=self._draws)
        return {"up_bands": up}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the moved spectrograms."""
        n_bands = ops.shape(examples)[2]
        source = ops.clip(ops.arange(n_bands) - drawn["up_bands"], 0, n_bands - 1)
        bands = ops.swapaxes(examples, 1, 2)  # (batch, frequency, time, ...)
        moved = interpolate_rows(bands, ops.cast(source, "float32"))
        return ops.swapaxes(moved, 1, 2)
