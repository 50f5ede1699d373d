"""The magnitude or power spectrogram of a waveform."""

from typing import Any

import keras
import numpy as np
from keras import ops

from sonotype.errors import SettingError

POWERS = (1.0, 2.0)


@keras.saving.register_keras_serializable(package="sonotype")
class Spectrogram(keras.layers.Layer):
    """Short-time Fourier transform of a waveform: magnitude, or power.

    Frames are not centred and never padded: the first one starts at the first sample
    and a rest shorter than a frame is left out, as in `tf.signal.stft`. The window is
    the periodic Hann window (that of TensorFlow is periodic for even lengths only).
    The layer computes in float32 whatever the global policy, because half precision
    loses quiet sounds.

    Args:
        frame_length: Samples in a frame, at least 2.
        hop_length: Samples from one frame to the next, at least 1.
        n_fft: FFT length in samples, a power of two (LiteRT has no other); shorter
            frames are filled with zeros. `None` is the next power of two.
        power: 1 gives magnitudes, 2 gives their squares.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If an argument is out of range, or a clip is shorter than a frame.

    Example:
        >>> layer = Spectrogram(frame_length=400, hop_length=160)
        >>> layer.compute_output_shape((8, 16_000))
        (8, 98, 257)
    """

    def __init__(
        self,
        *,
        frame_length: int = 2048,
        hop_length: int = 512,
        n_fft: int | None = None,
        power: float = 1.0,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if frame_length < 2 or hop_length < 1:
            raise SettingError(
                "a frame needs at least 2 samples and a hop at least 1, not "
                f"frame_length={frame_length} and hop_length={hop_length}"
            )
        if n_fft is None:
            n_fft = 1 << (frame_length - 1).bit_length()
        if n_fft < frame_length or n_fft & (n_fft - 1):
            raise SettingError(
                f"n_fft must be a power of two of at least {frame_length}, "
                f"the frame length, not {n_fft}"
            )
        if power not in POWERS:
            raise SettingError(
                f"power must be 1 (magnitude) or 2 (power), not {power:g}"
            )
        self.frame_length = frame_length
        self.hop_length = hop_length
        self.n_fft = n_fft
        self.power = float(power)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the window, a weight that is never trained."""
        self.compute_output_shape(input_shape)
        phase = 2.0 * np.pi * np.arange(self.frame_length) / self.frame_length
        window = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
        # A weight, not a constant, so that it stays on the device between batches.
        self.window = self.add_weight(
            shape=window.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(window, dtype),
            trainable=False,
            name="window",
        )

    def call(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        """Return the spectrogram of each clip."""
        frames = self._frames(audio) * self.window  # (batch, frames, frame_length)
        real, imaginary = ops.rfft(frames, fft_length=self.n_fft)
        power = ops.square(real) + ops.square(imaginary)  # (batch, frames, bins)
        return power if self.power == 2.0 else ops.sqrt(power)

    def _frames(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        # A frame is a few neighbouring hops: slicing whole hops is several times
        # faster than gathering the samples of each frame, and LiteRT has the ops.
        hops_per_frame = -(-self.frame_length // self.hop_length)
        rest = hops_per_frame * self.hop_length - self.frame_length
        n_frames = self._n_frames(ops.shape(audio)[1])
        n_hops = n_frames + hops_per_frame - 1
        audio = ops.pad(audio, [[0, 0], [0, rest]])[:, : n_hops * self.hop_length]
        hops = ops.reshape(audio, (-1, n_hops, self.hop_length))
        frames = ops.concatenate(
            [hops[:, first : first + n_frames] for first in range(hops_per_frame)],
            axis=-1,
        )
        return frames[..., : self.frame_length]

    def _n_frames(self, n_samples: Any) -> Any:
        if isinstance(n_samples, int) and n_samples < self.frame_length:
            raise SettingError(
                f"a clip of {n_samples} samples is shorter than one frame of "
                f"{self.frame_length}; use longer clips or shorter frames"
            )
        return 1 + (n_samples - self.frame_length) // self.hop_length

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return `(batch, frames, bins)`."""
        if len(input_shape) != 2:
            raise SettingError(
                "a spectrogram needs waveforms of shape (batch, samples), "
                f"not {tuple(input_shape)}"
            )
        batch, n_samples = input_shape
        n_frames = None if n_samples is None else self._n_frames(n_samples)
        return batch, n_frames, self.n_fft // 2 + 1

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "frame_length": self.frame_length,
            "hop_length": self.hop_length,
            "n_fft": self.n_fft,
            "power": self.power,
        }
