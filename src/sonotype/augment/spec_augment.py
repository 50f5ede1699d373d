"""Hide bands of time and frequency in a spectrogram."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_share, require_spectrograms
from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class SpecAugment(keras.layers.Layer):
    """Cover random stretches of time and of frequency with the clip's mean.

    A network that cannot count on any one moment or band learns to use them all. The
    width of a mask is uniform from 0 to the greatest one, its place uniform over the
    axis; masks may overlap.

    Args:
        n_time_masks: Masks along the time axis; 0 for none.
        max_time_fraction: Widest time mask, as a share of the frames.
        n_frequency_masks: Masks along the frequency axis; 0 for none.
        max_frequency_fraction: Widest frequency mask, as a share of the bands.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a number is negative or a share not below 1.

    References:
        Park et al., SpecAugment, Interspeech 2019.

    Example:
        >>> layer = SpecAugment(seed=0)
        >>> tuple(layer(keras.ops.ones((2, 98, 64)), training=True).shape)
        (2, 98, 64)
    """

    def __init__(
        self,
        *,
        n_time_masks: int = 2,
        max_time_fraction: float = 0.15,
        n_frequency_masks: int = 2,
        max_frequency_fraction: float = 0.125,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if min(n_time_masks, n_frequency_masks) < 0:
            raise SettingError(
                "the number of masks must be at least 0, not "
                f"n_time_masks={n_time_masks}, n_frequency_masks={n_frequency_masks}"
            )
        require_share("max_time_fraction", max_time_fraction)
        require_share("max_frequency_fraction", max_frequency_fraction)
        self.n_time_masks = n_time_masks
        self.max_time_fraction = max_time_fraction
        self.n_frequency_masks = n_frequency_masks
        self.max_frequency_fraction = max_frequency_fraction
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse a layer in the wrong place of a recipe."""
        require_spectrograms(self.name, input_shape)

    def call(
        self, spectrogram: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Return the masked spectrograms."""
        if not training:
            return spectrogram
        times = self._hidden(spectrogram, 1, self.n_time_masks, self.max_time_fraction)
        bands = self._hidden(
            spectrogram, 2, self.n_frequency_masks, self.max_frequency_fraction
        )
        hidden = ops.logical_or(times[:, :, None], bands[:, None, :])
        if len(spectrogram.shape) == 4:
            hidden = hidden[..., None]  # (batch, time, frequency, 1)
        mean = ops.mean(spectrogram, axis=(1, 2), keepdims=True)
        return ops.where(hidden, mean, spectrogram)

    def _hidden(
        self,
        spectrogram: keras.KerasTensor,
        axis: int,
        n_masks: int,
        max_fraction: float,
    ) -> keras.KerasTensor:
        """Return which positions of an axis a mask covers, `(batch, length)`."""
        length = ops.shape(spectrogram)[axis]
        if not n_masks:
            return ops.zeros((1, length), dtype="bool")
        shape = (ops.shape(spectrogram)[0], n_masks, 1)
        widest = ops.round(max_fraction * ops.cast(length, "float32"))
        width = ops.floor(
            keras.random.uniform(shape, seed=self._draws) * (widest + 1.0)
        )
        room = ops.cast(length, "float32") - width + 1.0
        first = ops.floor(keras.random.uniform(shape, seed=self._draws) * room)
        positions = ops.arange(length, dtype="float32")
        covered = ops.logical_and(positions >= first, positions < first + width)
        return ops.any(covered, axis=1)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "n_time_masks": self.n_time_masks,
            "max_time_fraction": self.max_time_fraction,
            "n_frequency_masks": self.n_frequency_masks,
            "max_frequency_fraction": self.max_frequency_fraction,
            "seed": self.seed,
        }
