"""The log-mel spectrogram of a waveform."""

from typing import Any

import keras
from keras import ops

from sonotype.errors import SettingError
from sonotype.frontend.mel import mel_filterbank
from sonotype.frontend.spectrogram import Spectrogram

# Digital silence becomes ln(1e-6) = -13.8, below the noise of a 16-bit recording,
# which is about ln(1e-5) in the widest band of a 512-sample FFT.
LOG_FLOOR = 1e-6


@keras.saving.register_keras_serializable(package="sonotype")
class LogMel(keras.layers.Layer):
    """Natural logarithm of the power in mel bands.

    Nothing is measured over the batch or the clip, so the features of a clip depend
    on its samples only and a longer clip begins with the features of a shorter one.
    The bands are those of `mel_filterbank` with the HTK scale and peaks of 1.

    Args:
        sample_rate: Samples per second of the waveform.
        n_mels: Number of mel bands.
        frame_seconds: Length of a frame.
        hop_seconds: Time from one frame to the next.
        n_fft: FFT length in samples, a power of two; `None` is the next one.
        low_hz: Lower edge of the first band.
        high_hz: Upper edge of the last band; `None` is half the sample rate.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If an argument is out of range, a band holds no FFT bin, or a
            clip is shorter than a frame.

    Example:
        >>> LogMel(sample_rate=16_000).compute_output_shape((8, 16_000))
        (8, 98, 64)
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        n_mels: int = 64,
        frame_seconds: float = 0.025,
        hop_seconds: float = 0.010,
        n_fft: int | None = None,
        low_hz: float = 20.0,
        high_hz: float | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if sample_rate < 1:
            raise SettingError(f"sample_rate must be at least 1 Hz, not {sample_rate}")
        self.sample_rate = sample_rate
        self.n_mels = n_mels
        self.frame_seconds = frame_seconds
        self.hop_seconds = hop_seconds
        self.low_hz = low_hz
        self.high_hz = high_hz
        self.power_spectrogram = Spectrogram(
            frame_length=round(frame_seconds * sample_rate),
            hop_length=round(hop_seconds * sample_rate),
            n_fft=n_fft,
            power=2.0,
            dtype=self.dtype_policy,
        )
        self.n_fft = self.power_spectrogram.n_fft
        self._filterbank = mel_filterbank(
            n_mels,
            n_fft=self.n_fft,
            sample_rate=sample_rate,
            low_hz=low_hz,
            high_hz=high_hz,
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the filters, a weight that is never trained."""
        self.power_spectrogram.build(input_shape)
        # A weight, not a constant, so that it stays on the device between batches.
        self.mel = self.add_weight(
            shape=self._filterbank.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                self._filterbank, dtype
            ),
            trainable=False,
            name="mel",
        )

    def call(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        """Return the log-mel spectrogram of each clip."""
        power = self.power_spectrogram(audio)  # (batch, frames, bins)
        return ops.log(ops.matmul(power, self.mel) + LOG_FLOOR)  # (batch, frames, mels)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return `(batch, frames, mels)`."""
        batch, n_frames, _ = self.power_spectrogram.compute_output_shape(input_shape)
        return batch, n_frames, self.n_mels

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "sample_rate": self.sample_rate,
            "n_mels": self.n_mels,
            "frame_seconds": self.frame_seconds,
            "hop_seconds": self.hop_seconds,
            "n_fft": self.n_fft,
            "low_hz": self.low_hz,
            "high_hz": self.high_hz,
        }
