"""Let front-end layers learn their statistics before the first training step."""

from collections.abc import Iterator

import keras
import numpy as np

from sonotype.dataset.cache.audio_cache import CachedAudio

# Means over so many clips move by far less than what the network could notice.
MOST_CLIPS = 2_000
CLIPS_AT_ONCE = 64


def adapt_frontend(
    frontend: keras.Model, audio: CachedAudio, *, n_samples: int, seed: int = 0
) -> None:
    """Let the layers that learn statistics of the data, such as `Normalize`, do so.

    They hear training clips as prediction would: cropped at the centre, not augmented;
    of more than 2,000 clips a seeded choice. Layers that know their statistics, from a
    bundle for example, keep them.

    Args:
        frontend: The model from waveforms to features; its layers are changed in place.
        audio: The training clips.
        n_samples: Samples an example.
        seed: Seed of the choice.
    """
    for layer in frontend.layers:
        if getattr(layer, "is_adapted", True):
            continue
        before = keras.Model(frontend.input, layer.input)
        layer.adapt(
            before(audio.batch(positions, n_samples), training=False)
            for positions in _chosen(len(audio), seed)
        )


def _chosen(n_clips: int, seed: int) -> Iterator[np.ndarray]:
    order = np.random.default_rng((seed, 2)).permutation(n_clips)[:MOST_CLIPS]
    for first in range(0, len(order), CLIPS_AT_ONCE):
        yield np.sort(order[first : first + CLIPS_AT_ONCE])
