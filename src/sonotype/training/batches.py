"""The feed: seeded batches sliced out of the cache, for every Keras backend."""

from functools import lru_cache
from typing import Any

import keras
import numpy as np

from sonotype.dataset.cache import CachedAudio


class TrainingBatches(keras.utils.PyDataset):
    """Shuffled, repeated, full batches of augmentable examples.

    The clips are read in an endless stream of fresh permutations, cut into batches, so
    every batch is full even when there are fewer clips than that. Which clips, and
    where longer ones are cropped, depends on the seed and the step alone.

    Args:
        audio: The cached clips.
        targets: One-hot targets, `(n_clips, n_classes)`.
        n_samples: Samples an example.
        batch_size: Examples a batch.
        steps_per_epoch: Batches an epoch; default: one pass over the clips.
        seed: Seed of order and crops.
    """

    def __init__(
        self,
        audio: CachedAudio,
        targets: np.ndarray,
        *,
        n_samples: int,
        batch_size: int,
        steps_per_epoch: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._audio = audio
        self._targets = targets
        self._n_samples = n_samples
        self._batch_size = batch_size
        self._steps = steps_per_epoch or -(-len(targets) // batch_size)
        self._seed = seed
        self._epoch = 0
        self._permutation = lru_cache(maxsize=4)(self._draw_permutation)

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        step += self._epoch * self._steps
        positions = self._positions(step)
        crop = np.random.default_rng((self._seed, 1, step))
        audio = self._audio.batch(positions, self._n_samples, crop)
        target = self._targets[positions]
        return {"audio": audio, "target": target}, target

    def on_epoch_end(self) -> None:
        """Go on in the stream instead of starting it again."""
        self._epoch += 1

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
