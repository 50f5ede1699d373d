"""The two spectrograms that BirdNET listens to: one of low bands, one of high ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from sonotype.errors import SettingError
from sonotype.frontend.fourier import fourier_angles, window_samples
from sonotype.frontend.frames import cut_frames
from sonotype.frontend.mel import mel_filterbank

N_MELS = 96
_SILENCE = 1e-6


@dataclass(frozen=True)
class _Analysis:
    """How one of the two spectrograms is taken."""

    frame_length: int
    hop_length: int
    low_hz: float
    high_hz: float

    def kernel(self, sample_rate: int) -> np.ndarray:
        """Return window, cosines and mel filters as one matrix, in double precision.

        BirdNET keeps the real part of a frame's Fourier transform and forgets the
        imaginary one. So everything up to the square is linear, and a product of
        matrices takes the place of a Fourier transform.
        """
        cosines = np.cos(fourier_angles(self.frame_length, self.frame_length))
        window = window_samples("hann", self.frame_length)
        filters = mel_filterbank(
            N_MELS,
            n_fft=self.frame_length,
            sample_rate=sample_rate,
            low_hz=self.low_hz,
            high_hz=self.high_hz,
            scale="kaldi",
        )
        product: np.ndarray = (window[:, None] * cosines) @ filters
        return product


_ANALYSES = (
    _Analysis(2048, 278, 0.0, 3_000.0),
    _Analysis(1024, 280, 500.0, 15_000.0),
)


@keras.saving.register_keras_serializable(package="sonotype")
class BirdNETSpectrogram(keras.layers.Layer):
    """Two mel spectrograms, of 0 to 3 and of 0.5 to 15 kHz, as two channels.

    Each clip is scaled to fill -1 to 1 beforehand, so its level does not matter, and
    the features of a longer clip are not those of a part of it. The published network
    hears 3 s. The frames of the two are 278 and 280 samples apart: in a clip of 10 s
    the last ones are 70 ms apart.

    Args:
        sample_rate: Samples per second of the waveform; it must be 48000, at which the
            two are defined.
        exponents: What the squares of low and high bands are raised to. These are part
            of what the published network has learned.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If the rate is another one, there are not two exponents above 0,
            or a clip is shorter than a frame.

    References:
        Kahl et al., BirdNET: A deep learning solution for avian diversity monitoring,
        Ecological Informatics 61 (2021); the published graph of version 2.4.

    Example:
        >>> BirdNETSpectrogram().compute_output_shape((8, 144_000))
        (8, 511, 96, 2)
    """

    def __init__(
        self,
        *,
        sample_rate: int = 48_000,
        exponents: Sequence[float] = (0.23, 0.19),
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if sample_rate != 48_000:
            raise SettingError(
                f"BirdNET's spectrograms are defined at 48000 Hz, not {sample_rate}; "
                "set audio.sample_rate to 48000"
            )
        if len(exponents) != len(_ANALYSES) or min(exponents) <= 0:
            raise SettingError(
                f"exponents must be two numbers above 0, not {tuple(exponents)}"
            )
        self.sample_rate = sample_rate
        self.exponents = tuple(exponents)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the two matrices, weights that are never trained."""
        self.compute_output_shape(input_shape)
        self.kernels, self._of_constants = [], []
        for name, analysis in zip(("low", "high"), _ANALYSES, strict=True):
            kernel = analysis.kernel(self.sample_rate)
            self.kernels.append(
                self.add_weight(
                    shape=kernel.shape,
                    initializer=lambda shape, dtype, kernel=kernel: (
                        ops.convert_to_tensor(kernel, dtype)
                    ),
                    trainable=False,
                    name=name,
                )
            )
            self._of_constants.append(kernel.sum(axis=0).round(9))

    def call(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        """Return the two spectrograms of each clip."""
        n_samples = audio.shape[1]
        n_frames = _n_frames(ops.shape(audio)[1] if n_samples is None else n_samples)
        # These are of the shape (batch, 1, 1).
        lowest = ops.min(audio, axis=1, keepdims=True)[..., None]
        highest = ops.max(audio, axis=1, keepdims=True)[..., None]
        scale = 2.0 / (highest - lowest + _SILENCE)
        offset = -1.0 - lowest * scale
        channels = []
        for analysis, kernel, of_constant, exponent in zip(
            _ANALYSES, self.kernels, self._of_constants, self.exponents, strict=True
        ):
            frames = cut_frames(
                audio,
                n_frames,
                frame_length=analysis.frame_length,
                hop_length=analysis.hop_length,
            )
            # Scaled and moved only now, so that silence is nothing and not the rounding
            # of a constant, of which a root makes 1e-2.
            constant = ops.convert_to_tensor(of_constant, self.compute_dtype)
            bands = ops.matmul(frames, kernel) * scale + offset * constant
            channels.append(ops.power(ops.square(bands), exponent))
        return ops.stack(channels, axis=-1)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return `(batch, frames, 96, 2)`."""
        if len(input_shape) != 2:
            raise SettingError(
                "spectrograms are taken of waveforms of shape (batch, samples), "
                f"not {tuple(input_shape)}"
            )
        batch, n_samples = input_shape
        if n_samples is None:
            return batch, None, N_MELS, len(_ANALYSES)
        longest = max(analysis.frame_length for analysis in _ANALYSES)
        if n_samples < longest:
            raise SettingError(
                f"a clip of {n_samples} samples is shorter than a frame of {longest}; "
                "use longer clips"
            )
        return batch, _n_frames(n_samples), N_MELS, len(_ANALYSES)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "sample_rate": self.sample_rate,
            "exponents": self.exponents,
        }


def _n_frames(n_samples: Any) -> Any:
    """Return how many frames both spectrograms have of so many samples."""
    low, high = (
        (n_samples - analysis.frame_length) // analysis.hop_length + 1
        for analysis in _ANALYSES
    )
    if isinstance(n_samples, int):
        return min(low, high)
    return ops.minimum(low, high)
