"""Paste a part of one example over another, and mix their targets."""

from typing import Any

import keras
from keras import ops

from sonotype.augment.draws import chosen_per_example
from sonotype.augment.mixup import Pair, blend
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError, unknown_name

AREAS = ("time", "box")


@keras.saving.register_keras_serializable(package="sonotype")
class CutMix(RandomLayer):
    """Replace a stretch of each spectrogram by the same stretch of its neighbour.

    The targets are blended by the share of the area that each example keeps, for one
    label a clip and for several alike. Sounds stay as they are, which `Mixup` does not
    leave them; but a short sound may be cut away while its target stays in part. A
    target that is unknown (nan) in either is unknown in the blend. The neighbour is
    the example before it; shuffled batches make that a random one.

    Args:
        alpha: The share kept is drawn from Beta(alpha, alpha); 1 is uniform.
        area: `time` for a stretch of time over all frequencies, `box` for a box with
            the sides in proportion to the axes.
        probability: Share of the examples that are changed.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If alpha is not above 0, the area is unknown, or the probability
            is none.

    References:
        Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with
        Localizable Features, ICCV 2019.

    Example:
        >>> features, targets = keras.ops.ones((2, 98, 64)), keras.ops.eye(2)
        >>> mixed, blended = CutMix(seed=0)((features, targets), training=True)
        >>> tuple(mixed.shape), tuple(blended.shape)
        ((2, 98, 64), (2, 2))
    """

    takes = "spectrograms"
    mixes_targets = True

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        area: str = "time",
        probability: float = 0.5,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        if not alpha > 0:
            raise SettingError(
                f"alpha must be above 0, not {alpha:g}; leave the layer out instead"
            )
        if area not in AREAS:
            raise unknown_name("area", area, AREAS)
        self.alpha = alpha
        self.area = area

    def draw(self, examples: Pair) -> Drawn:
        """Draw which frames and bands are pasted, and into which examples."""
        features = examples[0]
        batch = ops.shape(features)[0]
        kept = keras.random.beta((batch, 1), self.alpha, self.alpha, seed=self._draws)
        chosen = chosen_per_example(kept, self.probability, self._draws)
        is_box = self.area == "box"
        side = ops.sqrt(1.0 - kept) if is_box else 1.0 - kept
        first_frame, n_frames = self._stretch(side, ops.shape(features)[1])
        first_band, n_bands = self._stretch(
            side if is_box else ops.ones_like(side), ops.shape(features)[2]
        )
        return {
            "first_frame": first_frame,
            "n_frames": n_frames,
            "first_band": first_band,
            "n_bands": n_bands,
            "chosen": chosen,
        }

    def apply(self, examples: Pair, drawn: Drawn) -> Pair:
        """Return the patched examples and the blended targets."""
        features, targets = examples
        total_frames, total_bands = ops.shape(features)[1], ops.shape(features)[2]
        frames = _between(total_frames, drawn["first_frame"], drawn["n_frames"])
        bands = _between(total_bands, drawn["first_band"], drawn["n_bands"])
        frames = ops.logical_and(frames, drawn["chosen"])
        pasted = ops.logical_and(frames[:, :, None], bands[:, None, :])
        if len(features.shape) == 4:
            pasted = pasted[..., None]  # (batch, time, frequency, 1)
        mixed = ops.where(pasted, ops.roll(features, 1, axis=0), features)
        area = ops.where(drawn["chosen"], drawn["n_frames"] * drawn["n_bands"], 0.0)
        total = ops.cast(total_frames * total_bands, "float32")
        return mixed, blend(targets, 1.0 - area / total)

    def _stretch(
        self, share: keras.KerasTensor, length: Any
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Draw a stretch that covers a share of an axis: its first place and width."""
        length = ops.cast(length, "float32")
        width = ops.round(share * length)
        place = keras.random.uniform(ops.shape(share), seed=self._draws)
        return ops.floor(place * (length - width + 1.0)), width


def _between(
    length: int, first: keras.KerasTensor, width: keras.KerasTensor
) -> keras.KerasTensor:
    """Return which positions of an axis a stretch covers, `(batch, length)`."""
    positions = ops.arange(length, dtype="float32")
    return ops.logical_and(positions >= first, positions < first + width)
