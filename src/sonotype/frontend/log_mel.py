"""The log-mel spectrogram of a waveform."""

import math
from collections.abc import Callable
from typing import Any, Literal

import keras
from keras import ops

from sonotype.errors import SettingError, unknown_name
from sonotype.frontend.fourier import Window
from sonotype.frontend.mel import MelNorm, MelScale, mel_filterbank
from sonotype.frontend.spectrogram import Framing, Implementation, Spectrogram

# Digital silence becomes ln(1e-6) = -13.8, below the noise of a 16-bit recording,
# which is about ln(1e-5) in the widest band of a 512-sample FFT.
LOG_FLOOR = 1e-6

# Decibels in a power ratio of e.
DECIBELS = 10.0 / math.log(10.0)

Filters = Literal["htk", "slaney", "kaldi"]
Log = Literal["stabilised", "floored", "decibels", "none"]
FILTERS: dict[str, tuple[MelScale, MelNorm]] = {
    "htk": ("htk", "peak"),
    "slaney": ("slaney", "area"),
    "kaldi": ("kaldi", "peak"),
}
# What is taken of the energy in a band, given the floor.
LOGS: dict[str, Callable[[Any, float], Any]] = {
    "stabilised": lambda energy, floor: ops.log(energy + floor),
    "floored": lambda energy, floor: ops.log(ops.maximum(energy, floor)),
    "decibels": lambda energy, floor: ops.log(ops.maximum(energy, floor)) * DECIBELS,
    "none": lambda energy, floor: energy,
}


@keras.saving.register_keras_serializable(package="sonotype")
class LogMel(keras.layers.Layer):
    """Logarithm of the power in mel bands.

    Nothing is measured over the batch, so the features of a clip depend on its samples
    only. Unless `range_db` is given, nothing is measured over the clip either, and a
    longer clip begins with the features of a shorter one. The defaults are natural
    logarithms of HTK bands; published front ends are `sonotype.frontend.presets`.

    Args:
        sample_rate: Samples per second of the waveform.
        n_mels: Number of mel bands.
        frame_seconds: Length of a frame.
        hop_seconds: Time from one frame to the next.
        n_fft: FFT length in samples; `None` is the next power of two.
        low_hz: Lower edge of the first band.
        high_hz: Upper edge of the last band; `None` is half the sample rate.
        filters: `htk` has triangles with peaks of 1; `slaney` another scale, and
            triangles of equal area; `kaldi` those of HTK, drawn over mel.
        log: `stabilised` is ln(energy + floor); `floored` is ln(energy), at least
            ln(floor); `decibels` is 10 log10 of the same; `none` is the energy.
        floor: The energy that silence counts as, above 0.
        range_db: With decibels: the largest distance below the loudest band of the
            same clip; what is further below is lifted to it. `None` lifts nothing.
        power: 2 sums squares of magnitudes into the bands, 1 the magnitudes.
        window: The window of a frame, as in `Spectrogram`.
        framing: Where frames lie, as in `Spectrogram`.
        implementation: `fft`, `convolution` or `auto`, as in `Spectrogram`.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If an argument is out of range, a band holds no FFT bin, or a
            clip is shorter than a frame.

    References:
        Davis and Mermelstein, IEEE Trans. ASSP 28 (1980), on mel bands.

    Example:
        >>> LogMel(sample_rate=16_000).compute_output_shape((8, 16_000))
        (8, 98, 64)
    """

    def __init__(  # noqa: PLR0913 - as many numbers as a published front end has
        self,
        *,
        sample_rate: int,
        n_mels: int = 64,
        frame_seconds: float = 0.025,
        hop_seconds: float = 0.010,
        n_fft: int | None = None,
        low_hz: float = 20.0,
        high_hz: float | None = None,
        filters: Filters = "htk",
        log: Log = "stabilised",
        floor: float = LOG_FLOOR,
        range_db: float | None = None,
        power: float = 2.0,
        window: Window = "hann",
        framing: Framing = "start",
        implementation: Implementation = "auto",
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if sample_rate < 1:
            raise SettingError(f"sample_rate must be at least 1 Hz, not {sample_rate}")
        if filters not in FILTERS:
            raise unknown_name("mel filters", filters, FILTERS)
        _check_log(log, floor, range_db)
        self.sample_rate = sample_rate
        self.n_mels = n_mels
        self.frame_seconds = frame_seconds
        self.hop_seconds = hop_seconds
        self.low_hz = low_hz
        self.high_hz = high_hz
        self.filters = filters
        self.log = log
        self.floor = floor
        self.range_db = range_db
        self.power_spectrogram = Spectrogram(
            frame_length=round(frame_seconds * sample_rate),
            hop_length=round(hop_seconds * sample_rate),
            n_fft=n_fft,
            power=power,
            window=window,
            framing=framing,
            implementation=implementation,
            dtype=self.dtype_policy,
        )
        self.n_fft = self.power_spectrogram.n_fft
        scale, norm = FILTERS[filters]
        self._filterbank = mel_filterbank(
            n_mels,
            n_fft=self.n_fft,
            sample_rate=sample_rate,
            low_hz=low_hz,
            high_hz=high_hz,
            scale=scale,
            norm=norm,
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
        energy = ops.matmul(power, self.mel)  # (batch, frames, mels)
        levels = LOGS[self.log](energy, self.floor)
        if self.range_db is None:
            return levels
        # Of each clip, not of the batch: neighbours must not change its features.
        loudest = ops.max(levels, axis=(1, 2), keepdims=True)
        return ops.maximum(levels, loudest - self.range_db)

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
            "filters": self.filters,
            "log": self.log,
            "floor": self.floor,
            "range_db": self.range_db,
            "power": self.power_spectrogram.power,
            "window": self.power_spectrogram.window_name,
            "framing": self.power_spectrogram.framing,
            "implementation": self.power_spectrogram.implementation,
        }


def _check_log(log: str, floor: float, range_db: float | None) -> None:
    if log not in LOGS:
        raise unknown_name("log", log, LOGS)
    if not floor > 0:
        raise SettingError(f"floor must be above 0, not {floor:g}")
    if range_db is None:
        return
    if log != "decibels":
        raise SettingError(f'range_db is for log="decibels", not for {log!r}')
    if not range_db > 0:
        raise SettingError(f"range_db must be above 0, not {range_db:g}")
