"""Silence a stretch of a clip."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_rate
from sonotype.augment.draws import uniform_per_example
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class TimeMask(RandomLayer):
    """Replace a random stretch of each clip by silence.

    Lost packets and loose plugs do this. `SpecAugment` hides stretches of features for
    less, and puts the mean there; this one comes before noise and reverberation, which
    then fill the gap as they would in a room.

    Args:
        max_seconds: Longest stretch; its length is uniform from 0 to this.
        sample_rate: Samples per second of the clips.
        probability: Share of the clips that are changed.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If `max_seconds` is negative, the rate not above 0, or the
            probability is none.

    Example:
        >>> layer = TimeMask(max_seconds=0.1, sample_rate=16_000, seed=0)
        >>> clip = layer(keras.ops.ones((1, 16_000)), training=True)
        >>> 0 <= int(keras.ops.sum(clip == 0)) <= 1_600
        True
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
        require_rate(sample_rate)
        if not max_seconds >= 0:
            raise SettingError(f"max_seconds must be at least 0, not {max_seconds:g}")
        self.max_seconds = max_seconds
        self.sample_rate = sample_rate

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw first sample and length of the silence."""
        n_samples = ops.cast(ops.shape(examples)[1], "float32")
        longest = ops.minimum(
            float(round(self.max_seconds * self.sample_rate)), n_samples
        )
        share = uniform_per_example(examples, 0.0, 1.0, self._draws)
        length = ops.floor(share * (longest + 1.0))
        place = uniform_per_example(examples, 0.0, 1.0, self._draws)
        first = ops.floor(place * (n_samples - length + 1.0))
        return {"first_sample": first, "n_samples": length}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the clips with their gaps."""
        first, length = drawn["first_sample"], drawn["n_samples"]
        positions = ops.arange(ops.shape(examples)[1], dtype="float32")
        gap = ops.logical_and(positions >= first, positions < first + length)
        return ops.where(gap, 0.0, examples)
