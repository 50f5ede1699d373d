"""Play a clip faster or slower."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import (
    require_order,
    require_probability,
    require_waveforms,
)
from sonotype.augment.draws import chosen_per_example, uniform_per_example
from sonotype.augment.interpolation import interpolate_rows
from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class Speed(keras.layers.Layer):
    """Change tempo and pitch together, as a tape that runs faster or slower.

    The middle of the clip stays where it is; a slower clip loses its ends and a
    faster one has silence around it. Samples are interpolated linearly, which dulls
    the highest octave a little and is far cheaper than a resampling filter.

    Args:
        low: Least speed; 0.9 lowers the pitch by a tenth.
        high: Greatest speed.
        probability: Share of the clips that are changed.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a speed is not above 0 or the two are swapped.

    Example:
        >>> layer = Speed(low=2.0, high=2.0)
        >>> clip = keras.ops.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
        >>> keras.ops.convert_to_numpy(layer(clip, training=True)).tolist()
        [[0.0, 1.0, 3.0, 5.0, 0.0]]
    """

    def __init__(
        self,
        low: float = 0.9,
        high: float = 1.1,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if not low > 0:
            raise SettingError(f"a speed must be above 0, not {low:g}")
        require_order("the speed", low, high)
        require_probability(probability)
        self.low = low
        self.high = high
        self.probability = probability
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse a layer in the wrong place of a recipe."""
        require_waveforms(self.name, input_shape)

    def call(
        self, audio: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Return the clips at their new speeds."""
        if not training:
            return audio
        speed = uniform_per_example(audio, self.low, self.high, self._draws)
        chosen = chosen_per_example(audio, self.probability, self._draws)
        speed = ops.where(chosen, speed, 1.0)  # (batch, 1)
        n_samples = ops.shape(audio)[1]
        middle = ops.cast(n_samples - 1, "float32") / 2
        steps = ops.arange(n_samples, dtype="float32") - middle
        positions = steps * speed + middle  # (batch, samples)
        return interpolate_rows(audio, positions)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "low": self.low,
            "high": self.high,
            "probability": self.probability,
            "seed": self.seed,
        }
