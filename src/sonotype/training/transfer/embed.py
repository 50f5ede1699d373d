"""Embeddings: what a network makes of clips, computed once."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from sonotype.dataset.cache.audio_cache import CachedAudio
from sonotype.errors import SettingError

BATCH_SIZE = 64
LARGEST_HALF = 65_504.0


def embed_views(
    model: keras.Model,
    audio: CachedAudio,
    *,
    n_views: int = 1,
    augmentation: Sequence[keras.layers.Layer] = (),
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Compute what a model makes of clips, plain and in augmented versions.

    Args:
        model: From waveforms `(batch, n_samples)` to an array a clip.
        audio: The clips; the plain version of a longer one is its centre, others are
            cropped anywhere.
        n_views: Versions of each clip: the plain one, and others from `augmentation`.
        augmentation: Layers for waveforms, in order.
        seed: Seed of the crops; the layers have seeds of their own.
        on_progress: Called with the versions computed so far and their number.

    Returns:
        float16 of shape `(n_views, n_clips, ...)`.

    Raises:
        SettingError: If a layer mixes clips: embeddings of mixtures are another thing
            than mixtures of embeddings.
    """
    for layer in augmentation:
        if getattr(layer, "mixes_targets", False):
            raise SettingError(
                f"{type(layer).__name__} mixes clips, which embeddings computed "
                "beforehand cannot be; put it under augment.spectrogram"
            )
    n_clips, n_samples = len(audio), model.input_shape[-1]
    made = np.empty((n_views, n_clips, *model.output_shape[1:]), np.float16)
    varied = _Varied(model, augmentation) if n_views > 1 else model
    for view in range(n_views):
        network = varied if view else model
        for first in range(0, n_clips, BATCH_SIZE):
            positions = np.arange(first, min(n_clips, first + BATCH_SIZE))
            crops = np.random.default_rng((seed, 3, view, first)) if view else None
            batch = audio.batch(positions, n_samples, crops)
            # The last batch is filled up, so that one shape is compiled.
            filled = np.zeros((BATCH_SIZE, n_samples), np.float32)
            filled[: len(batch)] = batch
            found = np.asarray(network.predict_on_batch(filled))[: len(batch)]
            made[view, positions] = np.clip(found, -LARGEST_HALF, LARGEST_HALF)
            on_progress(view * n_clips + first + len(batch), n_views * n_clips)
    return made


def map_views(model: keras.Model, views: np.ndarray) -> np.ndarray:
    """Apply a model to every version of every clip.

    Args:
        model: From an array a clip to another.
        views: `(n_views, n_clips, ...)`.

    Returns:
        float32 of shape `(n_views, n_clips, ...)`.
    """
    n_views, n_clips = views.shape[:2]
    made = np.empty((n_views, n_clips, *model.output_shape[1:]), np.float32)
    for view in range(n_views):
        for first in range(0, n_clips, BATCH_SIZE):
            batch = views[view, first : first + BATCH_SIZE]
            filled = np.zeros((BATCH_SIZE, *views.shape[2:]), np.float32)
            filled[: len(batch)] = batch
            found = np.asarray(model.predict_on_batch(filled))
            made[view, first : first + len(batch)] = found[: len(batch)]
    return made


class _Varied(keras.Model):
    """A model behind augmentation that is on in prediction.

    A functional model would not do: it hands its own `training` to every layer,
    whatever the layer was called with when the model was built (Keras 3.15).
    """

    def __init__(
        self, model: keras.Model, augmentation: Sequence[keras.layers.Layer]
    ) -> None:
        super().__init__(name="varied")
        self.model = model
        self.augmentation = list(augmentation)

    def call(self, audio: Any) -> Any:
        """Return what the model makes of varied clips."""
        for layer in self.augmentation:
            audio = layer(audio, training=True)
        return self.model(audio, training=False)
