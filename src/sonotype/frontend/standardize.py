"""Bring features to a convenient range with two fixed numbers."""

from typing import Any

import keras

from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class Standardize(keras.layers.Layer):
    """Subtract a fixed mean and divide by a fixed deviation.

    A network learns fastest from numbers around 0 and not far from 1. The numbers
    are settings, never measured on a batch, so a clip's features do not depend on its
    neighbours; the level of the sound is kept.

    Args:
        mean: What becomes 0.
        deviation: The distance from the mean that becomes 1; above 0.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If the deviation is not above 0.

    Example:
        >>> layer = Standardize(mean=-6.0, deviation=4.0)
        >>> keras.ops.convert_to_numpy(layer(keras.ops.array([-6.0, -2.0]))).tolist()
        [0.0, 1.0]
    """

    def __init__(
        self, mean: float = -6.0, deviation: float = 4.0, **layer_options: Any
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if not deviation > 0:
            raise SettingError(f"deviation must be above 0, not {deviation:g}")
        self.mean = mean
        self.deviation = deviation

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Return the scaled features, in the shape they came."""
        return (features - self.mean) / self.deviation

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "mean": self.mean,
            "deviation": self.deviation,
        }
