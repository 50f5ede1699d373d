"""Mix background noise into a clip at a drawn signal-to-noise ratio."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from sonotype.augment.blocks import BLOCK, take_blocks, to_blocks
from sonotype.augment.checks import (
    require_order,
    require_probability,
    require_waveforms,
)
from sonotype.augment.coloured_noise import coloured_noise
from sonotype.augment.draws import chosen_per_example, uniform_per_example
from sonotype.errors import SettingError

# White, pink and brown; half a minute each at 16 kHz.
EXPONENTS = (0.0, 1.0, 2.0)
SAMPLES_PER_COLOUR = 480_000
# Far below one step of a 24-bit recording, far above the smallest float32.
INAUDIBLE_POWER = 1e-20


@keras.saving.register_keras_serializable(package="sonotype")
class BackgroundNoise(keras.layers.Layer):
    """Add a random stretch of noise, at a drawn ratio to the clip's own level.

    Levels are root mean squares over the clip and over the stretch, so 0 dB means
    equally loud. A silent clip stays silent. The noise is a weight that is never
    trained: it sits on the device and comes back with a saved model.

    Args:
        snr_db: Least and greatest signal-to-noise ratio, drawn uniformly.
        probability: Share of the clips that get noise.
        noise: Recorded noise at the rate of the clips, of shape `(samples,)`; shorter
            noise is repeated. `None` makes white, pink and brown noise from the seed.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If an argument is out of range or the noise is not one finite
            row of samples.

    Example:
        >>> layer = BackgroundNoise((0.0, 0.0), 1.0, noise=np.ones(8, np.float32))
        >>> keras.ops.convert_to_numpy(layer(keras.ops.ones((1, 2)), training=True))
        array([[2., 2.]], dtype=float32)
    """

    def __init__(
        self,
        snr_db: Sequence[float] = (0.0, 30.0),
        probability: float = 0.8,
        *,
        noise: np.ndarray | None = None,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if len(snr_db) != 2:
            raise SettingError(f"snr_db must be two numbers, not {snr_db!r}")
        low_db, high_db = snr_db
        require_order("snr_db", low_db, high_db)
        require_probability(probability)
        self.snr_db = (low_db, high_db)
        self.probability = probability
        self.seed = seed
        self._recorded = noise is not None
        bank = _coloured(seed) if noise is None else _checked(noise)
        self.noise = self.add_weight(
            shape=bank.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(bank, dtype),
            trainable=False,
            name="noise",
        )
        self._draws = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse a layer in the wrong place of a recipe."""
        require_waveforms(self.name, input_shape)

    def call(
        self, audio: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Return the clips with noise."""
        if not training:
            return audio
        noise = self._stretches(audio)  # (batch, samples)
        snr_db = uniform_per_example(audio, *self.snr_db, self._draws)
        chosen = chosen_per_example(audio, self.probability, self._draws)
        signal_power = ops.mean(ops.square(audio), axis=1, keepdims=True)
        noise_power = ops.mean(ops.square(noise), axis=1, keepdims=True)
        # A stretch of digital silence cannot be brought to any level.
        audible = ops.logical_and(chosen, noise_power > INAUDIBLE_POWER)
        ratio = signal_power / ops.where(audible, noise_power, 1.0)
        amplitude = ops.sqrt(ratio) * ops.power(10.0, -snr_db / 20.0)
        return audio + ops.where(audible, amplitude, 0.0) * noise

    def _stretches(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        """Cut a stretch for each clip, going around where the noise is too short."""
        batch, n_samples = ops.shape(audio)[0], ops.shape(audio)[1]
        n_noise = self.noise.shape[0]
        n_blocks, n_starts = -(-n_samples // BLOCK), n_noise // BLOCK
        if isinstance(n_samples, int) and n_blocks <= n_starts:
            n_starts -= n_blocks - 1
            start = keras.random.randint((batch, 1), 0, n_starts, seed=self._draws)
            blocks = to_blocks(self.noise[: n_noise // BLOCK * BLOCK])
            stretches = take_blocks(blocks, start + ops.arange(n_blocks))
            return stretches[:, :n_samples]
        start = keras.random.randint((batch, 1), 0, n_noise, seed=self._draws)
        return ops.take(self.noise, ops.mod(start + ops.arange(n_samples), n_noise))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; recorded noise only by its length."""
        return {
            **super().get_config(),
            "snr_db": list(self.snr_db),
            "probability": self.probability,
            "n_noise": self.noise.shape[0] if self._recorded else None,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the layer again; recorded noise is silent until its weight is loaded."""
        arguments = dict(config)
        n_noise = arguments.pop("n_noise", None)
        noise = None if n_noise is None else np.zeros(n_noise, dtype=np.float32)
        return cls(noise=noise, **arguments)


def _coloured(seed: int | None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [
            coloured_noise(SAMPLES_PER_COLOUR, exponent=exponent, rng=rng)
            for exponent in EXPONENTS
        ]
    )


def _checked(noise: np.ndarray) -> np.ndarray:
    if np.ndim(noise) != 1 or not np.size(noise):
        raise SettingError(
            "noise must be one row of samples, not an array of shape "
            f"{np.shape(noise)}; mix its channels down first"
        )
    samples = np.asarray(noise, dtype=np.float32)
    if not np.isfinite(samples).all():
        raise SettingError("noise holds samples that are not finite; leave them out")
    return samples
