"""Make a clip louder or quieter."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_order, require_waveforms
from sonotype.augment.draws import uniform_per_example


@keras.saving.register_keras_serializable(package="sonotype")
class Gain(keras.layers.Layer):
    """Multiply each clip by a gain that is uniform in decibels.

    Distance and microphone change the level, not the meaning. Samples may pass 1:
    nothing clips inside a model.

    Args:
        low_db: Least gain; negative is quieter.
        high_db: Greatest gain.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If `low_db` is above `high_db`.

    Example:
        >>> layer = Gain(low_db=20.0, high_db=20.0)
        >>> keras.ops.convert_to_numpy(layer(keras.ops.ones((1, 2)), training=True))
        array([[10., 10.]], dtype=float32)
    """

    def __init__(
        self,
        low_db: float = -6.0,
        high_db: float = 6.0,
        *,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        require_order("the gain in decibels", low_db, high_db)
        self.low_db = low_db
        self.high_db = high_db
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse a layer in the wrong place of a recipe."""
        require_waveforms(self.name, input_shape)

    def call(
        self, audio: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Return the clips at their new levels."""
        if not training:
            return audio
        gain_db = uniform_per_example(audio, self.low_db, self.high_db, self._draws)
        return audio * ops.power(10.0, gain_db / 20.0)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "low_db": self.low_db,
            "high_db": self.high_db,
            "seed": self.seed,
        }
