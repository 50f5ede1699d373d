"""Change the tempo of a clip and keep its pitch."""

from collections.abc import Sequence
from typing import Any

import keras

from sonotype.augment.checks import require_above_zero, require_rate
from sonotype.augment.draws import uniform_per_example
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.augment.vocoder import hop_samples, middle_hop, stretch_clips


@keras.saving.register_keras_serializable(package="sonotype")
class TimeStretch(RandomLayer):
    """Make each clip faster or slower by a phase vocoder.

    The middle stays where it is; a slower clip loses its ends and a faster one has
    silence around it. `SpecWarp` with `max_time_stretch` does the same to features for
    a small part of the time; use this one where the network reads samples, or where
    noise and rooms come after it.

    Args:
        sample_rate: Samples per second of the clips.
        speed: Least and greatest speed, drawn uniformly; 2 is twice as fast.
        probability: Share of the clips that are stretched.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a speed is not above 0 or the two are swapped, the rate is not
            above 0, or the probability is none.

    Example:
        >>> layer = TimeStretch(16_000, (0.9, 1.1), seed=0)
        >>> tuple(layer(keras.ops.ones((2, 16_000)), training=True).shape)
        (2, 16000)
    """

    takes = "waveforms"

    def __init__(
        self,
        sample_rate: int,
        speed: Sequence[float] = (0.8, 1.25),
        *,
        probability: float = 0.5,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        self.speed = require_above_zero("speed", speed)
        require_rate(sample_rate)
        self.sample_rate = sample_rate

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw a speed for each clip."""
        return {"speed": uniform_per_example(examples, *self.speed, self._draws)}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the stretched clips."""
        n_samples, hop = examples.shape[1], hop_samples(self.sample_rate)
        # An odd number of hops, so that the middle of both is the same sample.
        n_frames = 2 * middle_hop(n_samples, hop) + 1
        stretched = stretch_clips(examples, drawn["speed"], hop=hop, n_frames=n_frames)
        return stretched[:, :n_samples]
