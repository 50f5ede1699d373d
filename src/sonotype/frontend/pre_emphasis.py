"""Lift the high frequencies of a waveform before its spectrogram is taken."""

from typing import Any

import keras
from keras import ops

from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class PreEmphasis(keras.layers.Layer):
    """Subtract from each sample a share of the one before it.

    Voices lose about 6 dB an octave; this filter gives most of it back, so that a
    network that sees levels on one scale does not miss the weak high bands. Before
    the first sample there is silence, which keeps the length of the clip.

    Args:
        coefficient: The share, above 0 and below 1. Slow changes are multiplied by
            `1 - coefficient`, the fastest by `1 + coefficient`.
        drop_first: Whether to leave out the first sample, of which the one before is
            unknown. Some published networks were trained like that.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If the coefficient is out of range, the input is no waveform, or
            leaving out its first sample leaves nothing.

    Example:
        >>> layer = PreEmphasis(0.5)
        >>> clip = keras.ops.array([[1.0, 1.0, 3.0]])
        >>> keras.ops.convert_to_numpy(layer(clip)).tolist()
        [[1.0, 0.5, 2.5]]
    """

    def __init__(
        self,
        coefficient: float = 0.97,
        *,
        drop_first: bool = False,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if not 0.0 < coefficient < 1.0:
            raise SettingError(
                f"coefficient must be above 0 and below 1, not {coefficient:g}"
            )
        self.coefficient = coefficient
        self.drop_first = drop_first

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse anything but waveforms."""
        self.compute_output_shape(input_shape)

    def call(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        """Return the filtered clips."""
        before = audio if self.drop_first else ops.pad(audio, [[0, 0], [1, 0]])
        now = audio[:, 1:] if self.drop_first else audio
        return now - self.coefficient * before[:, :-1]

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return `(batch, samples)`, one sample less where the first is left out."""
        if len(input_shape) != 2:
            raise SettingError(
                "pre-emphasis filters waveforms of shape (batch, samples), "
                f"not {tuple(input_shape)}"
            )
        batch, n_samples = input_shape
        if not self.drop_first or n_samples is None:
            return batch, n_samples
        if n_samples < 2:
            raise SettingError(
                "drop_first leaves nothing of a clip of one sample; use longer clips"
            )
        return batch, n_samples - 1

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "coefficient": self.coefficient,
            "drop_first": self.drop_first,
        }
