"""Blend two examples and their targets."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.draws import chosen_per_example
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError

Pair = tuple[keras.KerasTensor, keras.KerasTensor]


@keras.saving.register_keras_serializable(package="sonotype")
class Mixup(RandomLayer):
    """Replace each example by a blend with its neighbour in the batch.

    The targets are blended in the same proportion, so that the network learns to be
    as unsure as the sound is. An example always keeps the greater part: the share
    is drawn from Beta(alpha, alpha) and its larger side taken. The neighbour is the
    example before it; shuffled batches make that a random one. A target that is
    unknown (nan) in either is unknown in the blend.

    Args:
        alpha: The greater, the more equal the parts; above 0.
        probability: Share of the examples that are blended.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If alpha is not above 0 or the probability is none.

    References:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018.

    Example:
        >>> features, targets = keras.ops.ones((2, 98, 64)), keras.ops.eye(2)
        >>> mixed, blended = Mixup(0.3, seed=0)((features, targets), training=True)
        >>> tuple(mixed.shape), tuple(blended.shape)
        ((2, 98, 64), (2, 2))
    """

    takes = "both"
    mixes_targets = True

    def __init__(
        self,
        alpha: float = 0.3,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        if not alpha > 0:
            raise SettingError(
                f"alpha must be above 0, not {alpha:g}; leave the layer out instead"
            )
        self.alpha = alpha

    def draw(self, examples: Pair) -> Drawn:
        """Draw the share that each example keeps; 1 leaves it as it is."""
        shape = (ops.shape(examples[0])[0], 1)
        drawn = keras.random.beta(shape, self.alpha, self.alpha, seed=self._draws)
        share = ops.maximum(drawn, 1.0 - drawn)
        chosen = chosen_per_example(share, self.probability, self._draws)
        return {"share": ops.where(chosen, share, 1.0)}

    def apply(self, examples: Pair, drawn: Drawn) -> Pair:
        """Return the blended examples and the blended targets."""
        values, targets = examples
        return blend(values, drawn["share"]), blend(targets, drawn["share"])


def blend(values: keras.KerasTensor, share: keras.KerasTensor) -> keras.KerasTensor:
    """Keep `share` of each example and take the rest from the one before it."""
    share = ops.reshape(share, (-1,) + (1,) * (len(values.shape) - 1))
    blended = share * values + (1.0 - share) * ops.roll(values, 1, axis=0)
    # Alone, an example keeps its own targets, whatever is unknown (nan) of the other.
    return ops.where(share < 1.0, blended, values)
