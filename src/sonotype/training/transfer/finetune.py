"""Fine-tuning the upper part of a network on what its lower part made of the clips.

The lower layers know what sound is like; they stay. Their output is computed once for
several augmented versions of every clip, and only the layers above are run in training,
which on a CPU takes a fraction of the time.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import keras
import numpy as np
from keras import layers

from sonotype.errors import SettingError, unknown_name

LARGEST_BYTES = 1_500_000_000


def cut(classifier: keras.Model, layer: str | None) -> tuple[keras.Model, keras.Model]:
    """Return a classifier in two parts that share its weights.

    Args:
        classifier: A model from `build_classifier`.
        layer: The layer of its backbone whose output the lower part gives; `None` for
            the features, so that the whole backbone is in the upper part.

    Returns:
        The lower part, from waveforms to an array a clip, and the upper part, from that
        to scores, with the layers `frontend` (which does nothing), `backbone` and
        `head`, as training wants it.

    Raises:
        SettingError: If the backbone has no such layer, or what is above it needs more
            than its output.
    """
    backbone = classifier.get_layer("backbone")
    names = [one.name for one in backbone.layers]
    if layer is not None and layer not in names:
        raise unknown_name("training.cut: layer of the backbone", layer, names)
    edge = backbone.get_layer(layer).output if layer else backbone.inputs[0]
    audio = keras.Input(classifier.input_shape[1:], name="audio")
    below = keras.Model(backbone.inputs, edge) if layer else layers.Identity()
    lower = keras.Model(audio, below(classifier.get_layer("frontend")(audio)))
    try:
        above = keras.Model(edge, backbone.outputs[0], name="backbone")
    except ValueError as error:
        raise SettingError(
            f"the backbone cannot be cut at {layer!r}: what comes after it needs more "
            "than its output; cut where nothing passes it by, and before the last layer"
        ) from error
    middle = keras.Input(edge.shape[1:], name="middle")
    flow = above(layers.Identity(name="frontend")(middle))
    return lower, keras.Model(middle, classifier.get_layer("head")(flow))


def affordable_views(n_views: int, n_clips: int, shape: Sequence[int]) -> int:
    """Return how many versions of the clips fit into memory, at least one.

    Example:
        >>> affordable_views(5, 100_000, (40, 4, 72))
        1
    """
    n_bytes = 2 * n_clips * int(np.prod(shape))
    return max(1, min(n_views, LARGEST_BYTES // max(1, n_bytes)))


@contextmanager
def frozen_statistics(model: keras.Model) -> Iterator[None]:
    """Let batch normalisation use what it knows, while the model is trained.

    A few hundred clips are too few to learn means and variances from, and those it came
    with belong to the weights it came with.
    """
    found = [
        layer
        for layer in model.get_layer("backbone").layers
        if isinstance(layer, layers.BatchNormalization) and layer.trainable
    ]
    for layer in found:
        layer.trainable = False
    try:
        yield
    finally:
        for layer in found:
            layer.trainable = True


class ViewBatches(keras.utils.PyDataset):
    """An endless stream of batches, each clip in a version drawn anew.

    Args:
        views: `(n_views, n_clips, ...)`, float16.
        targets: `(n_clips, n_classes)`.
        positions: The clips that take part.
        batch_size: Examples a batch.
        seed: Seed of order and versions; a step's batch depends on it and the step.
    """

    def __init__(
        self,
        views: np.ndarray,
        targets: np.ndarray,
        positions: np.ndarray,
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._views = views
        self._targets = targets
        self._positions = positions
        self._batch_size = batch_size
        self._seed = seed
        self._order = lru_cache(maxsize=4)(self._draw_order)

    @property
    def num_batches(self) -> None:
        """`None`, which tells Keras that there is no last batch."""

    def __getitem__(self, step: int) -> tuple[dict[str, Any], np.ndarray]:
        stream = step * self._batch_size + np.arange(self._batch_size)
        rounds, places = np.divmod(stream, len(self._positions))
        clips = np.array(
            [self._order(int(t))[p] for t, p in zip(rounds, places, strict=True)]
        )
        rng = np.random.default_rng((self._seed, 5, step))
        versions = rng.integers(len(self._views), size=len(clips))
        target = self._targets[clips]
        features = self._views[versions, clips].astype(np.float32)
        return {"audio": features, "target": target}, target

    def _draw_order(self, turn: int) -> np.ndarray:
        rng = np.random.default_rng((self._seed, 4, turn))
        return rng.permutation(self._positions)
