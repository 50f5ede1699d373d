"""Stretch a spectrogram in time and in frequency."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_share, require_spectrograms
from sonotype.augment.interpolation import interpolate_rows


@keras.saving.register_keras_serializable(package="sonotype")
class SpecWarp(keras.layers.Layer):
    """Stretch or squeeze each spectrogram, and move it along the frequency axis.

    Tempo and voice change from speaker to speaker. On features both cost a fraction
    of resampling the sound, and they vary independently of each other. Time stretches
    about the middle, frequency about the lowest band; past the edge, the edge is held.

    Args:
        max_time_stretch: 0.1 draws the time step from 0.9 to 1.1.
        max_frequency_stretch: The same for the step from band to band.
        max_frequency_shift: Longest way along the frequency axis, in both directions,
            as a share of the bands.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a number is not from 0 to below 1.

    Example:
        >>> layer = SpecWarp(seed=0)
        >>> tuple(layer(keras.ops.ones((2, 98, 64)), training=True).shape)
        (2, 98, 64)
    """

    def __init__(
        self,
        *,
        max_time_stretch: float = 0.1,
        max_frequency_stretch: float = 0.1,
        max_frequency_shift: float = 0.03,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        require_share("max_time_stretch", max_time_stretch)
        require_share("max_frequency_stretch", max_frequency_stretch)
        require_share("max_frequency_shift", max_frequency_shift)
        self.max_time_stretch = max_time_stretch
        self.max_frequency_stretch = max_frequency_stretch
        self.max_frequency_shift = max_frequency_shift
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse a layer in the wrong place of a recipe."""
        require_spectrograms(self.name, input_shape)

    def call(
        self, spectrogram: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Return the warped spectrograms."""
        if not training:
            return spectrogram
        times = self._positions(spectrogram, 1, self.max_time_stretch)
        bands = self._positions(spectrogram, 2, self.max_frequency_stretch)
        warped = interpolate_rows(spectrogram, times)
        warped = ops.swapaxes(warped, 1, 2)  # (batch, frequency, time, ...)
        return ops.swapaxes(interpolate_rows(warped, bands), 1, 2)

    def _positions(
        self, spectrogram: keras.KerasTensor, axis: int, max_stretch: float
    ) -> keras.KerasTensor:
        """Return where on an axis each output is read, `(batch, length)`."""
        n_positions = ops.shape(spectrogram)[axis]
        last = ops.cast(n_positions, "float32") - 1.0
        # Tempo keeps the middle of the clip; a voice keeps the lowest band.
        still = last / 2.0 if axis == 1 else 0.0
        way = 0.0
        if axis == 2:
            way = (last + 1.0) * self._draw(spectrogram, self.max_frequency_shift)
        stretch = 1.0 + self._draw(spectrogram, max_stretch)
        steps = ops.arange(n_positions, dtype="float32") - still
        return ops.clip(steps * stretch + still + way, 0.0, last)

    def _draw(self, spectrogram: keras.KerasTensor, most: float) -> keras.KerasTensor:
        shape = (ops.shape(spectrogram)[0], 1)
        return keras.random.uniform(shape, -most, most, seed=self._draws)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "max_time_stretch": self.max_time_stretch,
            "max_frequency_stretch": self.max_frequency_stretch,
            "max_frequency_shift": self.max_frequency_shift,
            "seed": self.seed,
        }
