"""Make a clip sound like a telephone call."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_cutoffs
from sonotype.augment.draws import log_uniform_per_example
from sonotype.augment.frequency_domain import (
    frequencies_hz,
    high_pass_gain,
    low_pass_gain,
    multiply_spectra,
    padded_length,
)
from sonotype.augment.random_layer import Drawn, RandomLayer

# 48 dB an octave: a telephone's band ends abruptly.
ORDER = 8
# The companding curve and the steps of G.711, as used in America and Japan.
MU = 255.0
STEPS = 127.0


@keras.saving.register_keras_serializable(package="sonotype")
class Telephone(RandomLayer):
    """Keep a telephone's band and store each sample in eight bits.

    The band is filtered first; then samples are limited to 1 and rounded on the
    logarithmic scale of G.711, which adds noise that follows the signal. The sample
    rate stays.

    Args:
        sample_rate: Samples per second of the clips; at least twice the highest edge.
        low_hz: Least and greatest lower edge of the band, 3 dB down.
        high_hz: Least and greatest upper edge.
        probability: Share of the clips that are changed.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If an edge is not above 0 and at most half the sample rate, or
            the probability is none.

    References:
        ITU-T Recommendation G.711, Pulse code modulation of voice frequencies, 1988.

    Example:
        >>> layer = Telephone(16_000, seed=0)
        >>> tuple(layer(keras.ops.ones((2, 16_000)), training=True).shape)
        (2, 16000)
    """

    takes = "waveforms"

    def __init__(
        self,
        sample_rate: int,
        *,
        low_hz: Sequence[float] = (200.0, 400.0),
        high_hz: Sequence[float] = (3_000.0, 3_600.0),
        probability: float = 0.5,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        self.low_hz = require_cutoffs("low_hz", low_hz, sample_rate)
        self.high_hz = require_cutoffs("high_hz", high_hz, sample_rate)
        self.sample_rate = sample_rate

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw the edges of each clip's band."""
        return {
            "low_hz": log_uniform_per_example(examples, *self.low_hz, self._draws),
            "high_hz": log_uniform_per_example(examples, *self.high_hz, self._draws),
        }

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the clips as a telephone would carry them."""
        n_fft = padded_length(examples.shape[1], self.sample_rate)
        frequencies = frequencies_hz(n_fft, self.sample_rate)
        gain = high_pass_gain(frequencies, drawn["low_hz"], ORDER) * low_pass_gain(
            frequencies, drawn["high_hz"], ORDER
        )
        return companded(multiply_spectra(examples, gain, n_fft))


def companded(audio: keras.KerasTensor) -> keras.KerasTensor:
    """Return samples as eight bits on a logarithmic scale keep them.

    Example:
        >>> kept = companded(keras.ops.array([0.0, 0.5, 2.0]))
        >>> [round(float(sample), 3) for sample in kept]
        [0.0, 0.495, 1.0]
    """
    size = ops.clip(ops.abs(audio), 0.0, 1.0)
    code = ops.round(STEPS * ops.log1p(MU * size) / math.log1p(MU))
    return ops.sign(audio) * ops.expm1(code / STEPS * math.log1p(MU)) / MU
