"""Colour spectrograms as another microphone would."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError, unknown_name

SHAPES = ("line", "step")


@keras.saving.register_keras_serializable(package="sonotype")
class FilterAugment(RandomLayer):
    """Add a random curve along the frequency axis to each logarithmic spectrogram.

    What is added to a logarithm is a gain: each microphone and room has its own curve.
    The axis is cut at random places; the curve takes a random value at each cut and
    goes in straight lines between them, or stays level and jumps at the cuts.

    Args:
        max_change: Greatest value of the curve, up and down, in the units of the
            features. Behind the default recipe's front end 0.35 is 6 dB.
        n_bands: Stretches the axis is cut into, at least 2.
        shape: `line` or `step`.
        probability: Share of the spectrograms that are changed.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If `max_change` is negative, there are fewer than 2 bands, the
            shape is unknown, or the probability is none.

    References:
        FilterAugment: An Acoustic Environmental Data Augmentation Method, ICASSP 2022,
        arXiv 2110.03282.

    Example:
        >>> layer = FilterAugment(seed=0)
        >>> tuple(layer(keras.ops.ones((2, 98, 64)), training=True).shape)
        (2, 98, 64)
    """

    takes = "spectrograms"

    def __init__(
        self,
        max_change: float = 0.35,
        *,
        n_bands: int = 4,
        shape: str = "line",
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        if not max_change >= 0 or n_bands < 2:
            raise SettingError(
                "FilterAugment needs max_change of at least 0 and 2 bands or more, "
                f"not max_change={max_change:g} and n_bands={n_bands}"
            )
        if shape not in SHAPES:
            raise unknown_name("shape", shape, SHAPES)
        self.max_change = max_change
        self.n_bands = n_bands
        self.shape = shape

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw where the axis is cut, as shares of it, and the curve's values."""
        batch = ops.shape(examples)[0]
        cuts = keras.random.uniform((batch, self.n_bands - 1), seed=self._draws)
        # A line needs a value at both ends of each band, a step one for each band.
        n_values = self.n_bands + (self.shape == "line")
        most = self.max_change
        values = keras.random.uniform((batch, n_values), -most, most, seed=self._draws)
        return {"cuts": ops.sort(cuts, axis=1), "change": values}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the coloured spectrograms."""
        n_bands = ops.shape(examples)[2]
        # The share of the axis at the middle of each band, (1, frequency, 1).
        place = (ops.arange(n_bands, dtype="float32") + 0.5) / n_bands
        place = place[None, :, None]
        rise = drawn["change"][:, 1:] - drawn["change"][:, :-1]
        curve = drawn["change"][:, :1] + ops.sum(
            rise[:, None, :] * self._climbed(place, drawn["cuts"][:, None, :]), axis=2
        )  # (batch, frequency)
        if len(examples.shape) == 4:
            return examples + curve[:, None, :, None]
        return examples + curve[:, None, :]

    def _climbed(
        self, place: keras.KerasTensor, cuts: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Return how much of each rise is behind, `(batch, frequency, rises)`."""
        if self.shape == "step":
            return ops.cast(place >= cuts, "float32")
        ends = ops.pad(cuts, [[0, 0], [0, 0], [1, 0]])
        ends = ops.concatenate([ends, ops.ones_like(ends[:, :, :1])], axis=2)
        first, width = ends[:, :, :-1], ends[:, :, 1:] - ends[:, :, :-1]
        return ops.clip((place - first) / ops.maximum(width, 1e-6), 0.0, 1.0)
