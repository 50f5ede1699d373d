"""Play a clip faster or slower."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_order
from sonotype.augment.draws import uniform_per_example
from sonotype.augment.interpolation import interpolate_rows
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class Speed(RandomLayer):
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
        SettingError: If a speed is not above 0 or the two are swapped, or the
            probability is none.

    Example:
        >>> layer = Speed(low=2.0, high=2.0)
        >>> clip = keras.ops.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
        >>> keras.ops.convert_to_numpy(layer(clip, training=True)).tolist()
        [[0.0, 1.0, 3.0, 5.0, 0.0]]
    """

    takes = "waveforms"

    def __init__(
        self,
        low: float = 0.9,
        high: float = 1.1,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        if not low > 0:
            raise SettingError(f"a speed must be above 0, not {low:g}")
        require_order("the speed", low, high)
        self.low = low
        self.high = high

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw a speed for each clip."""
        speed = uniform_per_example(examples, self.low, self.high, self._draws)
        return {"speed": speed}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the clips at their new speeds."""
        n_samples = ops.shape(examples)[1]
        middle = ops.cast(n_samples - 1, "float32") / 2
        steps = ops.arange(n_samples, dtype="float32") - middle
        positions = steps * drawn["speed"] + middle  # (batch, samples)
        return interpolate_rows(examples, positions)
