"""Make a clip louder or quieter."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_order
from sonotype.augment.draws import uniform_per_example
from sonotype.augment.random_layer import Drawn, RandomLayer


@keras.saving.register_keras_serializable(package="sonotype")
class Gain(RandomLayer):
    """Multiply each clip by a gain that is uniform in decibels.

    Distance and microphone change the level, not the meaning. Samples may pass 1:
    nothing clips inside a model.

    Args:
        low_db: Least gain; negative is quieter.
        high_db: Greatest gain.
        probability: Share of the clips that are changed.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If `low_db` is above `high_db`, or the probability is none.

    Example:
        >>> layer = Gain(low_db=20.0, high_db=20.0)
        >>> keras.ops.convert_to_numpy(layer(keras.ops.ones((1, 2)), training=True))
        array([[10., 10.]], dtype=float32)
    """

    takes = "waveforms"

    def __init__(
        self,
        low_db: float = -6.0,
        high_db: float = 6.0,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        require_order("the gain in decibels", low_db, high_db)
        self.low_db = low_db
        self.high_db = high_db

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw a gain for each clip."""
        gain = uniform_per_example(examples, self.low_db, self.high_db, self._draws)
        return {"gain_db": gain}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the clips at their new levels."""
        return examples * ops.power(10.0, drawn["gain_db"] / 20.0)
