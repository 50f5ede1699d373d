"""Blend two examples and their targets."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_probability
from sonotype.augment.draws import chosen_per_example
from sonotype.errors import SettingError

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="sonotype")
class Mixup(keras.layers.Layer):
    """Replace each example by a blend with its neighbour in the batch.

    The targets are blended in the same proportion, so that the network learns to be
    as unsure as the sound is. An example always keeps the greater part: the share
    is drawn from Beta(alpha, alpha) and its larger side taken. The neighbour is the
    example before it; shuffled batches make that a random one.

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

    # Tells a training loop to pass the targets along.
    mixes_targets = True

    def __init__(
        self,
        alpha: float = 0.3,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if not alpha > 0:
            raise SettingError(
                f"alpha must be above 0, not {alpha:g}; leave the layer out instead"
            )
        require_probability(probability)
        self.alpha = alpha
        self.probability = probability
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def call(
        self,
        inputs: tuple[keras.KerasTensor, keras.KerasTensor],
        training: bool = False,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Return the blended examples and the blended targets."""
        examples, targets = inputs
        if not training:
            return examples, targets
        batch = ops.shape(examples)[0]
        drawn = keras.random.beta((batch, 1), self.alpha, self.alpha, seed=self._draws)
        share = ops.maximum(drawn, 1.0 - drawn)
        chosen = chosen_per_example(share, self.probability, self._draws)
        share = ops.where(chosen, share, 1.0)  # (batch, 1)
        return _blend(examples, share), _blend(targets, share)

    def compute_output_shape(
        self, input_shape: tuple[Shape, Shape]
    ) -> tuple[Shape, Shape]:
        """Return the shapes of both inputs."""
        examples, targets = input_shape
        return examples, targets

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "probability": self.probability,
            "seed": self.seed,
        }


def _blend(values: keras.KerasTensor, share: keras.KerasTensor) -> keras.KerasTensor:
    """Keep `share` of each example and take the rest from the one before it."""
    share = ops.reshape(share, (-1,) + (1,) * (len(values.shape) - 1))
    return share * values + (1.0 - share) * ops.roll(values, 1, axis=0)
