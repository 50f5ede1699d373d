"""Move a clip in time."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.blocks import BLOCK, take_blocks, to_blocks
from sonotype.augment.checks import require_waveforms
from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class Shift(keras.layers.Layer):
    """Move each clip earlier or later; what is missing is silence.

    A word does not start at the same moment in every recording. Nothing wraps around:
    a sound that leaves at one end does not come back at the other. The way is a whole
    number of blocks of 8 samples.

    Args:
        max_seconds: Longest way, in both directions.
        sample_rate: Samples per second of the clips.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If `max_seconds` is negative or the rate not above 0.

    Example:
        >>> layer = Shift(max_seconds=0.1, sample_rate=16_000, seed=0)
        >>> tuple(layer(keras.ops.ones((2, 16_000)), training=True).shape)
        (2, 16000)
    """

    def __init__(
        self,
        max_seconds: float,
        sample_rate: int,
        *,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if not max_seconds >= 0 or sample_rate < 1:
            raise SettingError(
                "a shift needs max_seconds of at least 0 and a sample rate above 0, "
                f"not max_seconds={max_seconds:g} and sample_rate={sample_rate}"
            )
        self.max_seconds = max_seconds
        self.sample_rate = sample_rate
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse a layer in the wrong place of a recipe."""
        require_waveforms(self.name, input_shape)

    def call(
        self, audio: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Return the moved clips."""
        if not training:
            return audio
        batch, n_samples = ops.shape(audio)[0], ops.shape(audio)[1]
        furthest = round(self.max_seconds * self.sample_rate) // BLOCK
        way = keras.random.randint(
            (batch, 1), -furthest, furthest + 1, seed=self._draws
        )
        # A block of zeros on each side stands for everything outside the clip.
        n_blocks = -(-n_samples // BLOCK)
        rest = n_blocks * BLOCK - n_samples
        padded = ops.pad(audio, [[0, 0], [BLOCK, BLOCK + rest]])
        source = ops.clip(ops.arange(n_blocks) - way, -1, n_blocks) + 1
        first = ops.expand_dims(ops.arange(batch) * (n_blocks + 2), axis=-1)
        moved = take_blocks(to_blocks(padded), source + first)
        return moved[:, :n_samples]

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "max_seconds": self.max_seconds,
            "sample_rate": self.sample_rate,
            "seed": self.seed,
        }
