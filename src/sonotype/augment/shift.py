"""Move a clip in time."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.blocks import BLOCK, take_blocks, to_blocks
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class Shift(RandomLayer):
    """Move each clip earlier or later; what is missing is silence.

    A word does not start at the same moment in every recording. Nothing wraps around:
    a sound that leaves at one end does not come back at the other. The way is a whole
    number of blocks of 8 samples.

    Args:
        max_seconds: Longest way, in both directions.
        sample_rate: Samples per second of the clips.
        probability: Share of the clips that are moved.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If `max_seconds` is negative, the rate not above 0, or the
            probability is none.

    Example:
        >>> layer = Shift(max_seconds=0.1, sample_rate=16_000, seed=0)
        >>> tuple(layer(keras.ops.ones((2, 16_000)), training=True).shape)
        (2, 16000)
    """

    takes = "waveforms"

    def __init__(
        self,
        max_seconds: float,
        sample_rate: int,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        if not max_seconds >= 0 or sample_rate < 1:
            raise SettingError(
                "a shift needs max_seconds of at least 0 and a sample rate above 0, "
                f"not max_seconds={max_seconds:g} and sample_rate={sample_rate}"
            )
        self.max_seconds = max_seconds
        self.sample_rate = sample_rate

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw how much later each clip begins; a negative number is earlier."""
        furthest = round(self.max_seconds * self.sample_rate) // BLOCK
        shape = (ops.shape(examples)[0], 1)
        way = keras.random.randint(shape, -furthest, furthest + 1, seed=self._draws)
        return {"later_samples": way * BLOCK}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the moved clips."""
        batch, n_samples = ops.shape(examples)[0], ops.shape(examples)[1]
        way = drawn["later_samples"] // BLOCK
        # A block of zeros on each side stands for everything outside the clip.
        n_blocks = -(-n_samples // BLOCK)
        rest = n_blocks * BLOCK - n_samples
        padded = ops.pad(examples, [[0, 0], [BLOCK, BLOCK + rest]])
        source = ops.clip(ops.arange(n_blocks) - way, -1, n_blocks) + 1
        first = ops.expand_dims(ops.arange(batch) * (n_blocks + 2), axis=-1)
        moved = take_blocks(to_blocks(padded), source + first)
        return moved[:, :n_samples]
