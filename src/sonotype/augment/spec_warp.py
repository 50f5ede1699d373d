"""Stretch a spectrogram in time and in frequency."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_share
from sonotype.augment.interpolation import interpolate_rows
from sonotype.augment.random_layer import Drawn, RandomLayer


@keras.saving.register_keras_serializable(package="sonotype")
class SpecWarp(RandomLayer):
    """Stretch or squeeze each spectrogram, and move it along the frequency axis.

    Tempo and voice change from speaker to speaker. On features both cost a fraction
    of resampling the sound, and they vary independently of each other. Time stretches
    about the middle, frequency about the lowest band; past the edge, the edge is held.

    Args:
        max_time_stretch: 0.1 draws the time step from 0.9 to 1.1.
        max_frequency_stretch: The same for the step from band to band.
        max_frequency_shift: Longest way along the frequency axis, in both directions,
            as a share of the bands.
        probability: Share of the spectrograms that are warped.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a number is not from 0 to below 1, or the probability is none.

    Example:
        >>> layer = SpecWarp(seed=0)
        >>> tuple(layer(keras.ops.ones((2, 98, 64)), training=True).shape)
        (2, 98, 64)
    """

    takes = "spectrograms"

    def __init__(
        self,
        *,
        max_time_stretch: float = 0.1,
        max_frequency_stretch: float = 0.1,
        max_frequency_shift: float = 0.03,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        require_share("max_time_stretch", max_time_stretch)
        require_share("max_frequency_stretch", max_frequency_stretch)
        require_share("max_frequency_shift", max_frequency_shift)
        self.max_time_stretch = max_time_stretch
        self.max_frequency_stretch = max_frequency_stretch
        self.max_frequency_shift = max_frequency_shift

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw the steps from frame to frame and band to band, and the way."""
        shape = (ops.shape(examples)[0], 1)

        def draw(most: float) -> keras.KerasTensor:
            return keras.random.uniform(shape, -most, most, seed=self._draws)

        n_bands = ops.cast(ops.shape(examples)[2], "float32")
        return {
            "time_step": 1.0 + draw(self.max_time_stretch),
            "down_bands": n_bands * draw(self.max_frequency_shift),
            "band_step": 1.0 + draw(self.max_frequency_stretch),
        }

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the warped spectrograms."""
        n_frames, n_bands = ops.shape(examples)[1], ops.shape(examples)[2]
        # Tempo keeps the middle of the clip; a voice keeps the lowest band.
        middle = (ops.cast(n_frames, "float32") - 1.0) / 2.0
        times = _positions(n_frames, drawn["time_step"], still=middle)
        bands = _positions(n_bands, drawn["band_step"], way=drawn["down_bands"])
        warped = interpolate_rows(examples, times)
        warped = ops.swapaxes(warped, 1, 2)  # (batch, frequency, time, ...)
        return ops.swapaxes(interpolate_rows(warped, bands), 1, 2)


def _positions(
    n_positions: int, step: keras.KerasTensor, *, still: Any = 0.0, way: Any = 0.0
) -> keras.KerasTensor:
    """Return where on an axis each output is read, `(batch, n_positions)`."""
    last = ops.cast(n_positions, "float32") - 1.0
    steps = ops.arange(n_positions, dtype="float32") - still
    return ops.clip(steps * step + still + way, 0.0, last)
