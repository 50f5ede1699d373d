"""Cut off the peaks of a clip."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sonotype.augment.checks import require_range
from sonotype.augment.draws import uniform_per_example
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class Clipping(RandomLayer):
    """Limit each clip at a level below its own peak, as an overdriven input does.

    The rest of the clip keeps its level. What is cut off comes back as harmonics,
    which is what makes recordings that were too loud hard to recognise.

    Args:
        limit_db: Least and greatest limit, in decibels relative to the clip's peak,
            drawn uniformly; at most 0, where nothing is cut.
        probability: Share of the clips that are limited.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a limit is above 0 or the two are swapped, or the probability
            is none.

    Example:
        >>> layer = Clipping((-20.0, -20.0), probability=1.0)
        >>> clip = keras.ops.array([[1.0, -0.5, 0.05]])
        >>> [round(float(sample), 3) for sample in layer(clip, training=True)[0]]
        [0.1, -0.1, 0.05]
    """

    takes = "waveforms"

    def __init__(
        self,
        limit_db: Sequence[float] = (-20.0, -3.0),
        probability: float = 0.5,
        *,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        self.limit_db = require_range("limit_db", limit_db)
        if self.limit_db[1] > 0:
            raise SettingError(
                "limit_db is relative to the clip's peak, so at most 0, "
                f"not {self.limit_db[1]:g}"
            )

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw a limit for each clip."""
        return {"limit_db": uniform_per_example(examples, *self.limit_db, self._draws)}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the limited clips."""
        peak = ops.max(ops.abs(examples), axis=1, keepdims=True)
        limit = peak * ops.power(10.0, drawn["limit_db"] / 20.0)
        return ops.clip(examples, -limit, limit)
