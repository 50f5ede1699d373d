"""Silence before and after a clip."""

import math
from typing import Any

import keras
from keras import ops

from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class Pad(keras.layers.Layer):
    """Put silence before and after each clip.

    A network that pads nothing in time looks at the ends of a clip from few positions,
    or needs more sound than a short clip has. Silence around it lets every part of the
    clip be seen from all sides.

    Args:
        seconds: Silence at each end.
        sample_rate: Samples per second of the clips.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If `seconds` is below 0 or not finite, the rate not above 0, or
            the input is no waveform.

    Example:
        >>> layer = Pad(seconds=0.5, sample_rate=4)
        >>> keras.ops.convert_to_numpy(layer(keras.ops.ones((1, 3)))).tolist()
        [[0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]]
    """

    def __init__(
        self, *, seconds: float, sample_rate: int, **layer_options: Any
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if not 0 <= seconds < math.inf:
            raise SettingError(f"seconds of silence must be 0 or more, not {seconds:g}")
        if sample_rate <= 0:
            raise SettingError(f"sample_rate must be above 0, not {sample_rate}")
        self.seconds = seconds
        self.sample_rate = sample_rate
        self._n_samples = round(seconds * sample_rate)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse anything but waveforms."""
        self.compute_output_shape(input_shape)

    def call(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        """Return the longer clips."""
        return ops.pad(audio, [[0, 0], [self._n_samples, self._n_samples]])

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return `(batch, samples)` with the silence at both ends."""
        if len(input_shape) != 2:
            raise SettingError(
                "pad takes waveforms of shape (batch, samples), "
                f"not {tuple(input_shape)}"
            )
        batch, n_samples = input_shape
        if n_samples is None:
            return batch, None
        return batch, n_samples + 2 * self._n_samples

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "seconds": self.seconds,
            "sample_rate": self.sample_rate,
        }
