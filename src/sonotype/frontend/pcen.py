"""Per-channel energy normalisation: loudness relative to the recent past."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from sonotype.errors import SettingError

# The smoother takes this many frames at a time as one product with a matrix. On a CPU,
# TensorFlow 2.21 then needs a third to a quarter of the time of a step a frame
# (`ops.scan`), and for 1,000 frames two thirds of that of one large matrix.
BLOCK_FRAMES = 128


@keras.saving.register_keras_serializable(package="sonotype")
class PCEN(keras.layers.Layer):
    """Divide each band by its own recent level, then compress.

    With the level `m`, smoothed over `time_constant_seconds`, an energy `e` becomes
    `(e / (floor + m) ** gain + bias) ** power - bias ** power`. Steady hum, wind and
    the loudness of a recording go; what begins suddenly stays. It replaces the
    logarithm, so it follows a layer that gives energies: a spectrogram, or mel bands
    of which no logarithm was taken. Energies are never negative.

    The smoother starts at the first frame's energy, so that a louder recording looks
    the same from its start (librosa starts at an energy of 1).

    Args:
        hop_seconds: Time from one frame to the next, as in the layer before.
        time_constant_seconds: How long a level is remembered.
        gain: How much of the level is divided out: 1 is all of it.
        bias: What is added before compression, in units of the level; the greater,
            the less a faint sound in a quiet moment is lifted.
        power: Exponent of the compression.
        floor: Added to the level, so that silence is not divided by zero.
        trainable: Whether gain, bias and power are learned, for each band its own,
            starting at these values. The smoother is never trained.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If an argument is not above 0, or the input is no spectrogram of
            known size.

    References:
        Wang et al., Trainable Frontend for Robust and Far-Field Keyword Spotting,
        ICASSP 2017. Lostanlen et al., Per-Channel Energy Normalization: Why and How,
        IEEE Signal Processing Letters 26 (2019), 39-43, for the time constant.

    Example:
        >>> hum = keras.ops.ones((1, 200, 40))
        >>> quiet, loud = PCEN()(hum), PCEN()(1_000.0 * hum)
        >>> f"{float(quiet[0, 99, 0]):.2f} {float(loud[0, 99, 0]):.2f}"
        '0.32 0.36'
    """

    def __init__(
        self,
        *,
        hop_seconds: float = 0.010,
        time_constant_seconds: float = 0.4,
        gain: float = 0.98,
        bias: float = 2.0,
        power: float = 0.5,
        floor: float = 1e-6,
        trainable: bool = False,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(trainable=trainable, **layer_options)
        self.hop_seconds = hop_seconds
        self.time_constant_seconds = time_constant_seconds
        self.gain = gain
        self.bias = bias
        self.power = power
        self.floor = floor
        for name, value in self._arguments().items():
            if not value > 0:
                raise SettingError(f"{name} must be above 0, not {value:g}")

    @property
    def smoothing(self) -> float:
        """The weight of the newest frame in the level, from 0 to 1."""
        frames = self.time_constant_seconds / self.hop_seconds
        # Halves the power of level changes at the angular frequency 1 / time constant.
        return 2.0 / (1.0 + math.sqrt(1.0 + 4.0 * frames**2))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights; only those of the compression may be trained."""
        self.compute_output_shape(input_shape)
        start = {"gain": self.gain, "bias": self.bias, "power": self.power}
        # Logarithms, because none of them may become negative in training.
        self.log_gain, self.log_bias, self.log_power = (
            self.add_weight(
                shape=input_shape[-1:],
                initializer=keras.initializers.Constant(math.log(value)),
                name=f"log_{name}",
            )
            for name, value in start.items()
        )
        decay = 1.0 - self.smoothing
        ages = np.arange(BLOCK_FRAMES)[:, None] - np.arange(BLOCK_FRAMES)
        smoother = np.tril(self.smoothing * decay ** np.maximum(ages, 0))
        fading = decay ** np.arange(1.0, BLOCK_FRAMES + 1)[:, None]
        self.smoother = self._fixed("smoother", smoother)
        self.fading = self._fixed("fading", fading)

    def _fixed(self, name: str, values: np.ndarray) -> keras.Variable:
        # A weight, not a constant, so that it stays on the device between batches.
        return self.add_weight(
            shape=values.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                values.astype(np.float32), dtype
            ),
            trainable=False,
            name=name,
        )

    def call(self, energies: keras.KerasTensor) -> keras.KerasTensor:
        """Return the normalised features of each clip."""
        gain, power = ops.exp(self.log_gain), ops.exp(self.log_power)  # (bands,)
        bias = ops.exp(self.log_bias)
        level = ops.log(self.floor + self._smooth(energies))  # (batch, frames, bands)
        relative = energies * ops.exp(-gain * level)
        return ops.power(relative + bias, power) - ops.power(bias, power)

    def _smooth(self, energies: keras.KerasTensor) -> keras.KerasTensor:
        """Return the level of each band: `m[t] = (1 - s) * m[t - 1] + s * e[t]`."""
        level = energies[:, :1]  # (batch, 1, bands)
        blocks = []
        for first in range(0, energies.shape[1], BLOCK_FRAMES):
            block = energies[:, first : first + BLOCK_FRAMES]
            n = block.shape[1]
            heard = ops.matmul(self.smoother[:n, :n], block)
            blocks.append(heard + self.fading[:n] * level)
            level = blocks[-1][:, -1:]
        return ops.concatenate(blocks, axis=1)  # (batch, frames, bands)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        if len(input_shape) != 3 or None in input_shape[1:]:
            raise SettingError(
                "energies are normalised in spectrograms of shape "
                "(batch, time, frequency) whose time and frequency are known, "
                f"not {tuple(input_shape)}"
            )
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().get_config(), **self._arguments()}

    def _arguments(self) -> dict[str, float]:
        return {
            "hop_seconds": self.hop_seconds,
            "time_constant_seconds": self.time_constant_seconds,
            "gain": self.gain,
            "bias": self.bias,
            "power": self.power,
            "floor": self.floor,
        }
