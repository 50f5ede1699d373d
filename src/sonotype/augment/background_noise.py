"""Mix background noise into a clip at a drawn signal-to-noise ratio."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from sonotype.augment.blocks import BLOCK, take_blocks, to_blocks
from sonotype.augment.checks import require_range
from sonotype.augment.draws import uniform_per_example
from sonotype.augment.level import LEVELS, mean_power, require_level
from sonotype.augment.noise_colours import coloured_noise
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError

# White, pink and brown; half a minute each at 16 kHz.
EXPONENTS = (0.0, 1.0, 2.0)
SAMPLES_PER_COLOUR = 480_000
# Far below one step of a 24-bit recording, far above the smallest float32.
INAUDIBLE_POWER = 1e-20


@keras.saving.register_keras_serializable(package="sonotype")
class BackgroundNoise(RandomLayer):
    """Add a random stretch of noise, at a drawn ratio to the clip's own level.

    Levels are root mean squares over the clip, or over the part of it where something
    is heard, and over the stretch of noise; 0 dB means equally loud. A silent clip
    stays silent. The noise is a weight that is never trained: it sits on the device
    and comes back with a saved model.

    Args:
        snr_db: Least and greatest signal-to-noise ratio, drawn uniformly.
        probability: Share of the clips that get noise.
        snr_of: What the noise is compared with: the whole `clip`, or its `active`
            frames, within 25 dB of the loudest. Where sounds are short and padded
            with silence, `clip` makes the noise far too quiet.
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

    takes = "waveforms"

    def __init__(
        self,
        snr_db: Sequence[float] = (0.0, 30.0),
        probability: float = 0.8,
        *,
        snr_of: str = "clip",
        noise: np.ndarray | None = None,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        self.snr_db = require_range("snr_db", snr_db)
        require_level(snr_of)
        self.snr_of = snr_of
        self._recorded = noise is not None
        bank = _coloured(seed) if noise is None else _checked(noise)
        self.noise = self.add_weight(
            shape=bank.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(bank, dtype),
            trainable=False,
            name="noise",
        )

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw where each clip's noise begins, and the ratio."""
        shape, n_noise = (ops.shape(examples)[0], 1), self.noise.shape[0]
        n_blocks = self._blocks_of(ops.shape(examples)[1])
        if n_blocks:
            n_starts = n_noise // BLOCK - n_blocks + 1
            start = BLOCK * keras.random.randint(shape, 0, n_starts, seed=self._draws)
        else:
            start = keras.random.randint(shape, 0, n_noise, seed=self._draws)
        ratio = uniform_per_example(examples, *self.snr_db, self._draws)
        return {"start_samples": start, "snr_db": ratio}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the clips with noise."""
        noise = self._stretches(ops.shape(examples)[1], drawn["start_samples"])
        return mix(examples, noise, drawn["snr_db"], LEVELS[self.snr_of](examples))

    def _blocks_of(self, n_samples: Any) -> int | None:
        """Return how many blocks a stretch is; `None` if the noise is too short."""
        if not isinstance(n_samples, int):
            return None
        n_blocks = -(-n_samples // BLOCK)
        return n_blocks if n_blocks <= self.noise.shape[0] // BLOCK else None

    def _stretches(self, n_samples: Any, start: keras.KerasTensor) -> keras.KerasTensor:
        """Cut a stretch for each clip, going around where the noise is too short."""
        n_noise, n_blocks = self.noise.shape[0], self._blocks_of(n_samples)
        if n_blocks:
            blocks = to_blocks(self.noise[: n_noise // BLOCK * BLOCK])
            stretches = take_blocks(blocks, start // BLOCK + ops.arange(n_blocks))
            return stretches[:, :n_samples]
        return ops.take(self.noise, ops.mod(start + ops.arange(n_samples), n_noise))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; recorded noise only by its length."""
        config = super().get_config()
        del config["noise"]
        return {**config, "n_noise": self.noise.shape[0] if self._recorded else None}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the layer again; recorded noise is silent until its weight is loaded."""
        arguments = dict(config)
        n_noise = arguments.pop("n_noise", None)
        noise = None if n_noise is None else np.zeros(n_noise, dtype=np.float32)
        return cls(noise=noise, **arguments)


def mix(
    audio: keras.KerasTensor,
    noise: keras.KerasTensor,
    snr_db: keras.KerasTensor,
    signal_power: keras.KerasTensor,
) -> keras.KerasTensor:
    """Add noise `(batch, samples)` at a ratio to a signal power, both `(batch, 1)`."""
    noise_power = mean_power(noise)
    # A stretch of digital silence cannot be brought to any level.
    audible = noise_power > INAUDIBLE_POWER
    ratio = signal_power / ops.where(audible, noise_power, 1.0)
    amplitude = ops.sqrt(ratio) * ops.power(10.0, -snr_db / 20.0)
    return audio + ops.where(audible, amplitude, 0.0) * noise


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
