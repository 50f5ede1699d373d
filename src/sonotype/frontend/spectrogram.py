"""The magnitude or power spectrogram of a waveform."""

from typing import Any, Literal

import keras
from keras import ops

from sonotype.errors import SettingError, unknown_name
from sonotype.frontend.fourier import Window, fourier_kernel, window_samples
from sonotype.frontend.frames import cut_frames

POWERS = (1.0, 2.0)
Framing = Literal["start", "fft", "centre_zeros", "centre_reflect"]
Implementation = Literal["auto", "fft", "convolution"]
# How the samples beyond the ends of a clip are made up, by framing.
FRAMINGS: dict[str, str | None] = {
    "start": None,
    "fft": None,
    "centre_zeros": "constant",
    "centre_reflect": "reflect",
}
IMPLEMENTATIONS = ("auto", "fft", "convolution")


@keras.saving.register_keras_serializable(package="sonotype")
class Spectrogram(keras.layers.Layer):
    """Short-time Fourier transform of a waveform: magnitude, or power.

    By default frames are neither centred nor padded: the first one starts at the first
    sample and a rest shorter than a frame is left out, as in `tf.signal.stft`. The
    layer computes in float32 whatever the global policy, because half precision loses
    quiet sounds. A sample that is no number makes the frames that hold it no numbers.

    Two implementations agree to 1e-5 of the peak. `auto` is the FFT wherever its length
    is a power of two, because that is the faster one from 512 samples on, and at 256
    they are about even: 1.5 times as fast at 512 and 7 to 10 times at 2048 on
    TensorFlow and JAX, 1.3 and 8 times in LiteRT, on PyTorch even at 512 and 5 times
    at 2048 (`benchmarks/frontend.py`, two cores). Both share their weights, so that
    `implementation` may be set on a finished layer: an exporter sets it to
    `convolution` for a format without an FFT and calls the model again.

    Args:
        frame_length: Samples in a frame, at least 2; 2048 if not given in seconds.
        hop_length: Samples from one frame to the next; 512 if not given in seconds.
        n_fft: FFT length in samples; shorter frames are filled with zeros. `None` is
            the next power of two. Other lengths are computed by convolution, because
            LiteRT has an FFT of powers of two only.
        power: 1 gives magnitudes, 2 gives their squares.
        window: `hann`, `hamming`, `blackman` and `rectangular` are periodic;
            `hann_symmetric` and `hamming_symmetric` end as they begin.
        framing: Where frames lie. `start`: the first begins with the clip. `fft`: each
            is the middle of `n_fft` samples, and all of these are inside the clip
            (uncentred frames of librosa and PyTorch). `centre_zeros` and
            `centre_reflect`: the first is centred on the first sample, and the clip
            goes on beyond its ends with zeros, or mirrored.
        implementation: `fft`, `convolution`, or `auto` for the faster one.
        sample_rate: Samples per second; needed where a length is given in seconds.
        frame_seconds: Length of a frame, instead of `frame_length`.
        hop_seconds: Time between frames, instead of `hop_length`.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If an argument is out of range or a length is given twice, or a
            clip is shorter than a frame.

    References:
        Allen and Rabiner, Proceedings of the IEEE 65 (1977). As a convolution: Cheuk
        et al., nnAudio, IEEE Access 8 (2020).

    Example:
        >>> layer = Spectrogram(frame_length=400, hop_length=160)
        >>> layer.compute_output_shape((8, 16_000))
        (8, 98, 257)
        >>> layer = Spectrogram(sample_rate=8000, frame_seconds=0.032, hop_seconds=0.01)
        >>> layer.frame_length, layer.hop_length, layer.n_fft
        (256, 80, 256)
    """

    def __init__(  # noqa: PLR0913 - a short-time Fourier transform has as many numbers
        self,
        *,
        frame_length: int | None = None,
        hop_length: int | None = None,
        n_fft: int | None = None,
        power: float = 1.0,
        window: Window = "hann",
        framing: Framing = "start",
        implementation: Implementation = "auto",
        sample_rate: int | None = None,
        frame_seconds: float | None = None,
        hop_seconds: float | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        self.sample_rate = sample_rate
        self.frame_length = self._samples("frame", frame_length, frame_seconds, 2048)
        self.hop_length = self._samples("hop", hop_length, hop_seconds, 512)
        if self.frame_length < 2 or self.hop_length < 1:
            raise SettingError(
                "a frame needs at least 2 samples and a hop at least 1, not "
                f"frame_length={self.frame_length} and hop_length={self.hop_length}"
            )
        if n_fft is None:
            n_fft = 1 << (self.frame_length - 1).bit_length()
        if power not in POWERS:
            raise SettingError(
                f"power must be 1 (magnitude) or 2 (power), not {power:g}"
            )
        if framing not in FRAMINGS:
            raise unknown_name("framing", framing, FRAMINGS)
        self.n_fft = n_fft
        self.power = float(power)
        self.window_name = window
        self.framing = framing
        self.implementation = implementation
        self._check_fft()
        self._window = window_samples(window, self.frame_length)
        self._before, self._after = self._margins()

    def _samples(
        self, what: str, samples: int | None, seconds: float | None, default: int
    ) -> int:
        if seconds is None:
            return default if samples is None else samples
        if samples is not None:
            raise SettingError(
                f"{what}_length={samples} and {what}_seconds={seconds:g} were given; "
                "leave one out"
            )
        if self.sample_rate is None:
            raise SettingError(f"{what}_seconds needs a sample_rate to become samples")
        return round(seconds * self.sample_rate)

    def _check_fft(self) -> None:
        if self.implementation not in IMPLEMENTATIONS:
            raise unknown_name("implementation", self.implementation, IMPLEMENTATIONS)
        if self.n_fft < self.frame_length:
            raise SettingError(
                f"n_fft must be at least {self.frame_length}, the frame length, "
                f"not {self.n_fft}"
            )
        if self.implementation == "fft" and self.n_fft & (self.n_fft - 1):
            raise SettingError(
                f"n_fft must be a power of two for the FFT, not {self.n_fft}; "
                'take another, or implementation="convolution"'
            )

    def _margins(self) -> tuple[int, int]:
        """Return how many samples are added (or, below 0, left out) at either end."""
        if self.framing == "start":
            return 0, 0
        left = (self.n_fft - self.frame_length) // 2
        right = self.n_fft - self.frame_length - left
        half = 0 if self.framing == "fft" else self.n_fft // 2
        return half - left, half - right

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the window, a weight that is never trained."""
        self.compute_output_shape(input_shape)
        # A weight, not a constant, so that it stays on the device between batches.
        self.window = self.add_weight(
            shape=self._window.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(self._window, dtype),
            trainable=False,
            name="window",
        )

    def call(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        """Return the spectrogram of each clip."""
        n_frames = self._n_frames(ops.shape(audio)[1])
        audio = self._with_margins(audio)
        if self._by_convolution():
            real, imaginary = self._convolved(audio)
        else:
            frames = cut_frames(
                audio,
                n_frames,
                frame_length=self.frame_length,
                hop_length=self.hop_length,
            )  # (batch, frames, frame_length)
            frames = frames * self.window
            real, imaginary = ops.rfft(frames, fft_length=self.n_fft)
        power = ops.square(real) + ops.square(imaginary)  # (batch, frames, bins)
        return power if self.power == 2.0 else ops.sqrt(power)

    def _by_convolution(self) -> bool:
        if self.implementation != "auto":
            return self.implementation == "convolution"
        return bool(self.n_fft & (self.n_fft - 1))

    def _with_margins(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        if self.framing == "start":
            return audio
        mode = FRAMINGS[self.framing]
        if mode is not None:
            margins = [[0, 0], [self._before, self._after]]
            return ops.pad(audio, margins, mode=mode)
        return audio[:, -self._before : ops.shape(audio)[1] + self._after]

    def _convolved(
        self, audio: keras.KerasTensor
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        kernel = fourier_kernel(self._window, self.n_fft)[:, None]
        parts = ops.conv(
            ops.expand_dims(audio, axis=-1),  # (batch, samples, 1)
            ops.convert_to_tensor(kernel, dtype=self.compute_dtype),
            strides=self.hop_length,
            padding="valid",
            data_format="channels_last",
        )  # (batch, frames, 2 * bins)
        n_bins = self.n_fft // 2 + 1
        return parts[..., :n_bins], parts[..., n_bins:]

    def _n_frames(self, n_samples: Any) -> Any:
        if isinstance(n_samples, int):
            self._check_length(n_samples)
        outside = self._before + self._after
        return 1 + (n_samples + outside - self.frame_length) // self.hop_length

    def _check_length(self, n_samples: int) -> None:
        least = max(1, self.frame_length - self._before - self._after)
        if n_samples < least:
            raise SettingError(
                f"a clip of {n_samples} samples is shorter than one frame of "
                f"{least}; use longer clips or shorter frames"
            )
        mirrored = max(self._before, self._after)
        if self.framing == "centre_reflect" and n_samples <= mirrored:
            raise SettingError(
                f"a clip of {n_samples} samples has too few to mirror {mirrored} at "
                'each end; use longer clips, or framing="centre_zeros"'
            )

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
        """Return the constructor arguments, with lengths in samples."""
        return {
            **super().get_config(),
            "frame_length": self.frame_length,
            "hop_length": self.hop_length,
            "n_fft": self.n_fft,
            "power": self.power,
            "window": self.window_name,
            "framing": self.framing,
            "implementation": self.implementation,
            "sample_rate": self.sample_rate,
        }
