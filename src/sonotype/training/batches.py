"""The feed: seeded batches sliced out of the cache, for every Keras backend."""

from functools import lru_cache
from typing import Any

import keras
import numpy as np

from sonotype.dataset.cache.audio_cache import CachedAudio


class TrainingBatches(keras.utils.PyDataset):
    """An endless stream of shuffled, full batches.

    The clips are read in fresh permutations, one after the other, cut into batches, so
    every batch is full even when there are fewer clips than that. Which clips, and
    where longer ones are cropped, depends on the seed and the step alone. The stream
    runs on over the epochs: starting it anew each time would cost a step or two.

    Args:
        audio: The cached clips.
        targets: One-hot targets, `(n_clips, n_classes)`.
        n_samples: Samples an example.
        batch_size: Examples a batch.
        seed: Seed of order and crops.
    """

    def __init__(
        self,
        audio: CachedAudio,
        targets: np.ndarray,
        *,
        n_samples: int,
        batch_size: int,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._audio = audio
        self._targets = targets
        self._n_samples = n_samples
        self._batch_size = batch_size
        self._seed = seed
        self._permutation = lru_cache(maxsize=4)(self._draw_permutation)

    @property
    def num_batches(self) -> None:
        """`None`, which tells Keras that there is no last batch."""

    def __getitem__(self, step: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        positions = self._positions(step)
        crop = np.random.default_rng((self._seed, 1, step))
        audio = self._audio.batch(positions, self._n_samples, crop)
        target = self._targets[positions]
        return {"audio": audio, "target": target}, target

    def _positions(self, step: int) -> np.ndarray:
        """Return which clips the `step`-th batch of the whole run holds."""
        n_clips = len(self._targets)
        stream = step * self._batch_size + np.arange(self._batch_size)
        rounds, places = np.divmod(stream, n_clips)
        orders = {turn: self._permutation(int(turn)) for turn in np.unique(rounds)}
        chosen = [orders[t][p] for t, p in zip(rounds, places, strict=True)]
        return np.array(chosen, dtype=np.int64)

    def _draw_permutation(self, turn: int) -> np.ndarray:
        return np.random.default_rng((self._seed, 0, turn)).permutation(
            len(self._targets)
        )


class EvaluationBatches(keras.utils.PyDataset):
    """Every clip once, in order, cropped in the centre.

    Args:
        audio: The cached clips.
        targets: One-hot targets, `(n_clips, n_classes)`.
        n_samples: Samples an example.
        batch_size: Examples a batch; the last may be smaller.
    """

    def __init__(
        self,
        audio: CachedAudio,
        targets: np.ndarray,
        *,
        n_samples: int,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        self._audio = audio
        self._targets = targets
        self._n_samples = n_samples
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self._targets) // self._batch_size)

    def __getitem__(self, step: int) -> tuple[dict[str, Any], np.ndarray]:
        first = step * self._batch_size
        last = min(first + self._batch_size, len(self._targets))
        audio = self._audio.batch(np.arange(first, last), self._n_samples)
        target = self._targets[first:last]
        return {"audio": audio, "target": target}, target
