"""Take the low frequencies away."""

from collections.abc import Sequence
from typing import Any

import keras

from sonotype.augment.checks import require_cutoffs, require_order_of_filter
from sonotype.augment.draws import log_uniform_per_example
from sonotype.augment.frequency_domain import (
    frequencies_hz,
    high_pass_gain,
    multiply_spectra,
    padded_length,
)
from sonotype.augment.random_layer import Drawn, RandomLayer


@keras.saving.register_keras_serializable(package="sonotype")
class HighPass(RandomLayer):
    """Thin each clip out below a cut-off of its own.

    Small microphones and loudspeakers have no bass, and many recorders remove wind and
    rumble this way. The filter works on the spectrum of the whole clip and moves
    nothing in time.

    Args:
        cutoff_hz: Lowest and highest cut-off, where the level is 3 dB down; each
            octave between them is equally likely.
        sample_rate: Samples per second of the clips.
        order: Steepness, times 6 dB an octave.
        probability: Share of the clips that are filtered.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a cut-off is not above 0 and at most half the sample rate, the
            order is below 1, or the probability is none.

    Example:
        >>> layer = HighPass((100, 800), 16_000, seed=0)
        >>> tuple(layer(keras.ops.ones((2, 16_000)), training=True).shape)
        (2, 16000)
    """

    takes = "waveforms"

    def __init__(
        self,
        cutoff_hz: Sequence[float],
        sample_rate: int,
        *,
        order: int = 4,
        probability: float = 0.5,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        self.cutoff_hz = require_cutoffs("cutoff_hz", cutoff_hz, sample_rate)
        require_order_of_filter(order)
        self.sample_rate = sample_rate
        self.order = order

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw a cut-off for each clip."""
        cutoff = log_uniform_per_example(examples, *self.cutoff_hz, self._draws)
        return {"cutoff_hz": cutoff}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the thin clips."""
        n_fft = padded_length(examples.shape[1], self.sample_rate)
        frequencies = frequencies_hz(n_fft, self.sample_rate)
        gain = high_pass_gain(frequencies, drawn["cutoff_hz"], self.order)
        return multiply_spectra(examples, gain, n_fft)
