"""Hide bands of time and frequency in a spectrogram."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_share
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class SpecAugment(RandomLayer):
    """Cover random stretches of time and of frequency with the clip's mean.

    A network that cannot count on any one moment or band learns to use them all. The
    width of a mask is uniform from 0 to the greatest one, its place uniform over the
    axis; masks may overlap.

    Args:
        n_time_masks: Masks along the time axis; 0 for none.
        max_time_fraction: Widest time mask, as a share of the frames.
        n_frequency_masks: Masks along the frequency axis; 0 for none.
        max_frequency_fraction: Widest frequency mask, as a share of the bands.
        probability: Share of the spectrograms that are masked.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a number is negative, a share not below 1, or the probability
            none.

    References:
        Park et al., SpecAugment, Interspeech 2019.

    Example:
        >>> layer = SpecAugment(seed=0)
        >>> tuple(layer(keras.ops.ones((2, 98, 64)), training=True).shape)
        (2, 98, 64)
    """

    takes = "spectrograms"

    def __init__(
        self,
        *,
        n_time_masks: int = 2,
        max_time_fraction: float = 0.15,
        n_frequency_masks: int = 2,
        max_frequency_fraction: float = 0.125,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
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

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw first position and width of each mask, `(batch, n_masks, 1)`."""
        times = self._masks(examples, 1, self.n_time_masks, self.max_time_fraction)
        bands = self._masks(
            examples, 2, self.n_frequency_masks, self.max_frequency_fraction
        )
        return {
            "first_frame": times[0],
            "n_frames": times[1],
            "first_band": bands[0],
            "n_bands": bands[1],
        }

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the masked spectrograms."""
        _, n_frames, n_bands = ops.shape(examples)[:3]
        times = covered(n_frames, drawn["first_frame"], drawn["n_frames"])
        bands = covered(n_bands, drawn["first_band"], drawn["n_bands"])
        hidden = ops.logical_or(times[:, :, None], bands[:, None, :])
        if len(examples.shape) == 4:
            hidden = hidden[..., None]  # (batch, time, frequency, 1)
        mean = ops.mean(examples, axis=(1, 2), keepdims=True)
        return ops.where(hidden, mean, examples)

    def _masks(
        self,
        examples: keras.KerasTensor,
        axis: int,
        n_masks: int,
        max_fraction: float,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        shape = (ops.shape(examples)[0], n_masks, 1)
        if not n_masks:
            return ops.zeros(shape), ops.zeros(shape)
        length = ops.cast(ops.shape(examples)[axis], "float32")
        widest = ops.round(max_fraction * length)
        width = ops.floor(
            keras.random.uniform(shape, seed=self._draws) * (widest + 1.0)
        )
        room = length - width + 1.0
        first = ops.floor(keras.random.uniform(shape, seed=self._draws) * room)
        return first, width


def covered(
    length: int, first: keras.KerasTensor, width: keras.KerasTensor
) -> keras.KerasTensor:
    """Return which positions of an axis any mask covers, `(batch, length)`."""
    positions = ops.arange(length, dtype="float32")
    under = ops.logical_and(positions >= first, positions < first + width)
    return ops.any(under, axis=1)  # (batch, masks, length) -> (batch, length)
