"""Turn a waveform upside down."""

from typing import Any

import keras

from sonotype.augment.random_layer import Drawn, RandomLayer


@keras.saving.register_keras_serializable(package="sonotype")
class PolarityFlip(RandomLayer):
    """Multiply some clips by -1.

    A microphone wired the other way records this, and no one hears a difference. A
    front end that takes magnitudes does not see one either: use it where the network
    reads samples.

    Args:
        probability: Share of the clips that are flipped.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If the probability is none.

    Example:
        >>> layer = PolarityFlip(probability=1.0)
        >>> clip = keras.ops.array([[0.5, -0.25]])
        >>> keras.ops.convert_to_numpy(layer(clip, training=True)).tolist()
        [[-0.5, 0.25]]
    """

    takes = "waveforms"

    def __init__(
        self,
        probability: float = 0.5,
        *,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw nothing: which clips are flipped is all there is."""
        return {}

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return every clip flipped."""
        return -examples
