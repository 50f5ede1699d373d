"""Where the sound of clips comes from: the cache, or their files once more."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sonotype.clips import Clips
from sonotype.dataset.cache.decode import decode_clip
from sonotype.errors import DataError
from sonotype.runtime import usable_cores


@dataclass(frozen=True)
class StoredAudio:
    """Where the sound of some clips lies; arrays of shape `(n_clips,)`.

    Sample `i` of clip `c` is `scales[c] * shards[shard_of[c]][offsets[c] + i]`.
    """

    shards: tuple[np.ndarray, ...]
    shard_of: np.ndarray
    offsets: np.ndarray
    lengths: np.ndarray
    scales: np.ndarray

    def __getitem__(self, clip: int) -> np.ndarray:
        """Return the int16 samples of a clip, shape `(lengths[clip],)`."""
        start = self.offsets[clip]
        return self.shards[self.shard_of[clip]][start : start + self.lengths[clip]]

    def fetch(
        self, clips: Sequence[int] | np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.float32]]:
        """Yield the int16 samples and the scale of each of some clips."""
        chosen = np.asarray(clips, np.int64)
        # Lists, because taking single numbers out of arrays takes longer than copying
        # a short clip.
        for shard, start, length, scale in zip(
            self.shard_of[chosen].tolist(),
            self.offsets[chosen].tolist(),
            self.lengths[chosen].tolist(),
            self.scales[chosen],
            strict=True,
        ):
            yield self.shards[shard][start : start + length], scale

    def select(self, clips: np.ndarray) -> "StoredAudio":
        """Return the same for some of the clips."""
        return StoredAudio(
            self.shards,
            self.shard_of[clips],
            self.offsets[clips],
            self.lengths[clips],
            self.scales[clips],
        )

    @property
    def n_streamed(self) -> int:
        """Clips that are decoded each time they are asked for: none."""
        return 0


@dataclass(frozen=True)
class StreamedAudio:
    """Sound that is decoded each time it is asked for, where the cache had no room.

    Args:
        stored: The sound of those clips that the cache holds.
        place: Position of each clip in `stored`; -1 for one that is decoded.
        clips: The clips; they tell file and interval of those that are decoded.
        lengths: Samples of each clip, int64 of shape `(n_clips,)`.
        sample_rate: Rate of the sound, in hertz.
    """

    stored: StoredAudio
    place: np.ndarray
    clips: Clips
    lengths: np.ndarray
    sample_rate: int

    def __getitem__(self, clip: int) -> np.ndarray:
        """Return the int16 samples of a clip, shape `(lengths[clip],)`."""
        return self._decode(clip)[0]

    def fetch(
        self, clips: Sequence[int] | np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.float32]]:
        """Yield the int16 samples and the scale of each of some clips.

        Raises:
            DataError: If a file has changed or gone since the clips were loaded.
        """
        with ThreadPoolExecutor(usable_cores()) as pool:
            yield from pool.map(self._decode, clips)

    def select(self, clips: np.ndarray) -> "StreamedAudio":
        """Return the same for some of the clips."""
        return StreamedAudio(
            self.stored,
            self.place[clips],
            self.clips.select(clips),
            self.lengths[clips],
            self.sample_rate,
        )

    @cached_property
    def n_streamed(self) -> int:
        """Clips that are decoded each time they are asked for."""
        return int((self.place < 0).sum())

    def _decode(self, clip: int) -> tuple[np.ndarray, np.float32]:
        place = self.place[clip]
        if place >= 0:
            return self.stored[place], self.stored.scales[place]
        wanted = self.clips[int(clip)]
        interval = wanted.start_seconds, wanted.end_seconds
        samples, scale = decode_clip(wanted.path, interval, self.sample_rate)
        if len(samples) != self.lengths[clip]:
            raise DataError(
                f"{wanted.path}: has changed since it was loaded; start again"
            )
        return samples, np.float32(scale)
