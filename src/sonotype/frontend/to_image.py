"""A spectrogram as a colour picture, for networks that were trained on pictures."""

from typing import Any

import keras
from keras import ops

from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class ToImage(keras.layers.Layer):
    """Resize a spectrogram to a picture and repeat it in every colour channel.

    Time runs down the picture and frequency to the right. The resizing is bilinear
    without smoothing, the default of `tf.image.resize`: a picture much smaller than
    the spectrogram skips rows instead of averaging them.

    Args:
        height: Rows of the picture.
        width: Columns of the picture.
        channels: Copies of the picture in the last axis.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a size is below 1 or the input is no batch of spectrograms.

    Example:
        >>> ToImage().compute_output_shape((8, 28, 1025))
        (8, 128, 128, 3)
    """

    def __init__(
        self,
        height: int = 128,
        width: int = 128,
        *,
        channels: int = 3,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if min(height, width, channels) < 1:
            raise SettingError(
                "a picture needs at least one row, column and channel, not "
                f"height={height}, width={width}, channels={channels}"
            )
        self.height = height
        self.width = width
        self.channels = channels

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse anything but spectrograms."""
        self.compute_output_shape(input_shape)

    def call(self, spectrogram: keras.KerasTensor) -> keras.KerasTensor:
        """Return one picture for each spectrogram."""
        image = ops.expand_dims(spectrogram, axis=-1)  # (batch, time, frequency, 1)
        image = ops.image.resize(
            image,
            (self.height, self.width),
            interpolation="bilinear",
            antialias=False,
            data_format="channels_last",
        )
        return ops.tile(image, (1, 1, 1, self.channels))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return `(batch, height, width, channels)`."""
        if len(input_shape) != 3:
            raise SettingError(
                "a picture is made from spectrograms of shape (batch, time, frequency)"
                f", not {tuple(input_shape)}; put a spectrogram layer first"
            )
        return input_shape[0], self.height, self.width, self.channels

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
        }
