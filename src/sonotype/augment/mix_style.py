"""Give a spectrogram the colour of another recording."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError

# Below this a band holds no variation to speak of; features are of the order of 1.
LEAST_DEVIATION = 1e-3


@keras.saving.register_keras_serializable(package="sonotype")
class MixStyle(RandomLayer):
    """Blend each band's mean and deviation over time with those of a neighbour.

    What differs from device to device is mostly the level of each frequency. The sound
    stays, and so do the targets; the network meets devices that were never recorded.
    The neighbour is the example before it; shuffled batches make that a random one.

    Args:
        alpha: The share of its own style that an example keeps is drawn from
            Beta(alpha, alpha).
        probability: Share of the examples that are changed.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If alpha is not above 0, or the probability is none.

    References:
        Zhou et al., Domain Generalization with MixStyle, ICLR 2021; along frequency:
        Schmid et al., CP-JKU Submission to DCASE22, 2022.

    Example:
        >>> layer = MixStyle(seed=0)
        >>> tuple(layer(keras.ops.ones((2, 98, 64)), training=True).shape)
        (2, 98, 64)
    """

    takes = "spectrograms"

    def __init__(
        self,
        alpha: float = 0.3,
        *,
        probability: float = 0.5,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        if not alpha > 0:
            raise SettingError(
                f"alpha must be above 0, not {alpha:g}; leave the layer out instead"
            )
        self.alpha = alpha

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw the share of its own style that each example keeps."""
        shape = (ops.shape(examples)[0],) + (1,) * (len(examples.shape) - 1)
        share = keras.random.beta(shape, self.alpha, self.alpha, seed=self._draws)
        return {"share": share}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the examples with blended styles."""
        mean = ops.mean(examples, axis=1, keepdims=True)  # (batch, 1, frequency, ...)
        deviation = ops.std(examples, axis=1, keepdims=True)
        deviation = ops.maximum(deviation, LEAST_DEVIATION)
        share = drawn["share"]
        new_mean = blended(mean, share)
        new_deviation = blended(deviation, share)
        return (examples - mean) / deviation * new_deviation + new_mean


def blended(values: keras.KerasTensor, share: keras.KerasTensor) -> keras.KerasTensor:
    """Keep a share of each example's values and take the rest from the one before."""
    return share * values + (1.0 - share) * ops.roll(values, 1, axis=0)
