"""What augmentation layers share: who is varied, by how much, and when."""

import inspect
from typing import Any, ClassVar, Literal

import keras
from keras import ops

from sonotype.augment.checks import (
    require_probability,
    require_spectrograms,
    require_waveforms,
)
from sonotype.augment.draws import chosen_per_example

Drawn = dict[str, keras.KerasTensor]

REQUIRE = {"waveforms": require_waveforms, "spectrograms": require_spectrograms}


class RandomLayer(keras.layers.Layer):
    """A layer that varies each training example by parameters of its own.

    It works in two steps, so that what it drew can be seen and done again: `draw`
    makes the parameters and `apply` uses them, always in the same way. A subclass
    writes `draw_parameters` and `change`, and keeps each constructor argument as an
    attribute of the same name: the configuration is read from there.

    Args:
        probability: Share of the examples that are varied.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If the probability is none.

    Example:
        >>> from sonotype.augment.gain import Gain
        >>> layer = Gain(low_db=-6.0, high_db=6.0, seed=0)
        >>> clips = keras.ops.ones((2, 16_000))
        >>> drawn = layer.draw(clips)
        >>> {name: tuple(values.shape) for name, values in drawn.items()}
        {'gain_db': (2, 1)}
        >>> tuple(layer.apply(clips, drawn).shape)
        (2, 16000)
    """

    takes: ClassVar[Literal["waveforms", "spectrograms", "both"]]
    # True tells a training loop to pass `(examples, targets)` and take both back.
    mixes_targets: ClassVar[bool] = False

    def __init__(
        self,
        *,
        probability: float = 1.0,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        require_probability(probability)
        self.probability = probability
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def draw_parameters(self, examples: Any) -> Drawn:
        """Draw what each example is varied by; the first axis of each is the batch."""
        raise NotImplementedError

    def change(self, examples: Any, drawn: Drawn) -> Any:
        """Return every example varied by its parameters."""
        raise NotImplementedError

    def draw(self, examples: Any) -> Drawn:
        """Draw the parameters of a batch, in the units that their names say.

        Args:
            examples: What the layer is called with; only its shape is used.

        Returns:
            Arrays whose first axis is the batch. With a probability below 1, `chosen`
            says which examples are varied at all.
        """
        drawn = self.draw_parameters(examples)
        if self.probability < 1.0:
            drawn["chosen"] = chosen_per_example(
                examples, self.probability, self._draws
            )
        return drawn

    def apply(self, examples: Any, drawn: Drawn) -> Any:
        """Vary a batch by parameters from `draw`, the same way each time."""
        changed = self.change(examples, drawn)
        if "chosen" not in drawn:
            return changed
        return ops.where(drawn["chosen"], changed, examples)

    def build(self, input_shape: Any) -> None:
        """Refuse a layer in the wrong place of a recipe."""
        if self.takes in REQUIRE:
            shape = input_shape[0] if self.mixes_targets else input_shape
            REQUIRE[self.takes](self.name, shape)

    def call(self, examples: Any, training: bool = False) -> Any:
        """Return the examples varied in training, and as they are otherwise."""
        if not training:
            return examples
        return self.apply(examples, self.draw(examples))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the input, or of both inputs."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        names = set(inspect.signature(type(self)).parameters) - {"layer_options"}
        values = {name: getattr(self, name) for name in sorted(names)}
        return {
            **super().get_config(),
            # As JSON has it, so that the configuration read back is equal.
            **{
                name: list(value) if isinstance(value, tuple) else value
                for name, value in values.items()
            },
        }
