"""Change the pitch of a clip and keep its tempo."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_range, require_rate
from sonotype.augment.draws import uniform_per_example
from sonotype.augment.interpolation import interpolate_rows
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.augment.vocoder import hop_samples, middle_hop, stretch_clips


@keras.saving.register_keras_serializable(package="sonotype")
class PitchShift(RandomLayer):
    """Make each clip higher or lower: stretched by a phase vocoder, then played faster.

    Formants move with the pitch, so a voice becomes that of a smaller or larger
    speaker. Samples are read linearly, which dulls the highest octave a little.
    `FrequencyShift` and `SpecWarp` do the same to features for a small part of the
    time; use this one where the network reads samples, or where noise and rooms come
    after it.

    Args:
        sample_rate: Samples per second of the clips.
        semitones: Least and greatest shift, drawn uniformly; 12 is an octave up.
        probability: Share of the clips that are shifted.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If the shifts are swapped, the rate is not above 0, or the
            probability is none.

    Example:
        >>> layer = PitchShift(16_000, (-1.0, 1.0), seed=0)
        >>> tuple(layer(keras.ops.ones((2, 16_000)), training=True).shape)
        (2, 16000)
    """

    takes = "waveforms"

    def __init__(
        self,
        sample_rate: int,
        semitones: Sequence[float] = (-2.0, 2.0),
        *,
        probability: float = 0.5,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        require_rate(sample_rate)
        self.sample_rate = sample_rate
        self.semitones = require_range("semitones", semitones)

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw a shift for each clip."""
        shift = uniform_per_example(examples, *self.semitones, self._draws)
        return {"semitones": shift}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the clips at their new pitches."""
        n_samples, hop = examples.shape[1], hop_samples(self.sample_rate)
        middle = middle_hop(n_samples, hop)
        ratio = ops.power(2.0, drawn["semitones"] / 12.0)  # (batch, 1)
        # As many hops as the highest pitch reads on each side of the middle.
        reach = math.ceil((middle + 1) * max(1.0, 2.0 ** (self.semitones[1] / 12.0)))
        stretched = stretch_clips(
            examples, 1.0 / ratio, hop=hop, n_frames=2 * reach + 1
        )
        steps = ops.arange(n_samples, dtype="float32") - float(middle * hop)
        return interpolate_rows(stretched, steps * ratio + float(reach * hop))
