"""Add fresh noise of a drawn colour at a drawn signal-to-noise ratio."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sonotype.augment.background_noise import mix
from sonotype.augment.checks import require_range
from sonotype.augment.draws import uniform_per_example
from sonotype.augment.frequency_domain import fft_length
from sonotype.augment.level import LEVELS, require_level
from sonotype.augment.noise_colours import LEVEL_BELOW
from sonotype.augment.random_layer import Drawn, RandomLayer


@keras.saving.register_keras_serializable(package="sonotype")
class ColouredNoise(RandomLayer):
    """Add Gaussian noise whose power falls with frequency, differently for each clip.

    `BackgroundNoise` cuts stretches out of recordings, or of three colours that it
    made once; this layer makes noise anew for each clip, of any colour between white
    and brown and never the same twice, for several times the time.

    Args:
        snr_db: Least and greatest signal-to-noise ratio, drawn uniformly.
        exponent: Least and greatest exponent: the power falls as frequency to minus
            this. 0 is white, 1 pink and 2 brown noise.
        snr_of: What the noise is compared with: the whole `clip`, or its `active`
            frames, within 25 dB of the loudest.
        probability: Share of the clips that get noise.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a range is none, `snr_of` is unknown, or the probability is
            none.

    Example:
        >>> layer = ColouredNoise((10.0, 20.0), seed=0)
        >>> tuple(layer(keras.ops.ones((2, 16_000)), training=True).shape)
        (2, 16000)
    """

    takes = "waveforms"

    def __init__(
        self,
        snr_db: Sequence[float] = (0.0, 30.0),
        exponent: Sequence[float] = (0.0, 2.0),
        *,
        snr_of: str = "clip",
        probability: float = 0.5,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        self.snr_db = require_range("snr_db", snr_db)
        self.exponent = require_range("exponent", exponent)
        require_level(snr_of)
        self.snr_of = snr_of

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw ratio and colour, and the spectrum that white noise would have."""
        n_bins = fft_length(examples.shape[1]) // 2 + 1
        shape = (ops.shape(examples)[0], 2, n_bins)  # real and imaginary part
        return {
            "snr_db": uniform_per_example(examples, *self.snr_db, self._draws),
            "exponent": uniform_per_example(examples, *self.exponent, self._draws),
            "white_spectrum": keras.random.normal(shape, seed=self._draws),
        }

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the clips with noise."""
        n_samples = examples.shape[1]
        n_fft = fft_length(n_samples)
        cycles = ops.arange(n_fft // 2 + 1, dtype="float32") / n_fft
        # Nothing at 0 Hz, and level where nothing is heard: see `coloured_noise`.
        octaves = ops.log(ops.maximum(cycles, LEVEL_BELOW))
        colour = ops.where(cycles > 0, ops.exp(-drawn["exponent"] / 2 * octaves), 0.0)
        spectrum = drawn["white_spectrum"] * colour[:, None, :]
        noise = ops.irfft((spectrum[:, 0], spectrum[:, 1]), fft_length=n_fft)
        power = LEVELS[self.snr_of](examples)
        return mix(examples, noise[:, :n_samples], drawn["snr_db"], power)
