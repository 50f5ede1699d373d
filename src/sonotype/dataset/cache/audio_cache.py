"""Every clip decoded and resampled once, then read from memory-mapped files.

Decoding costs more than training on what was decoded, and each epoch would pay it
again. A clip is known by the content of its file, so renaming, copying or re-sorting a
data set decodes nothing.
"""

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from sonotype.audio.windows import fit_length
from sonotype.clips import Clips, Rejected
from sonotype.dataset.cache.cache_folder import remove_strays
from sonotype.dataset.cache.decode import Digests, StoredFile
from sonotype.dataset.cache.fill import Filler
from sonotype.dataset.cache.shards import ShardFolder
from sonotype.dataset.cache.stored import StoredAudio, StreamedAudio
from sonotype.dataset.copies import merge_copies
from sonotype.dataset.duration import estimate_seconds
from sonotype.errors import DataError, SettingError
from sonotype.user_cache import default_cache_folder

# What names a clip: its file and interval.
_PLACE = ("path", "start_seconds", "end_seconds")
# Reading every header of a large data set takes a while, and an estimate is asked for.
_ESTIMATE_FILES = 500
# Drawing a progress bar takes longer than decoding a short clip.
_PROGRESS_SECONDS = 0.05


@dataclass(frozen=True)
class CachedAudio:
    """Clips and their decoded sound, ready to be sliced into batches.

    Args:
        clips: The clips that could be decoded.
        stored: Where the sound of each comes from.
        digests: What tells the content of each clip's file from others, if they were
            loaded just now.
    """

    clips: Clips
    stored: StoredAudio | StreamedAudio = field(repr=False)
    digests: tuple[str, ...] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def lengths(self) -> np.ndarray:
        """Samples of each clip, int64 of shape `(n_clips,)`."""
        return self.stored.lengths

    @property
    def n_streamed(self) -> int:
        """Clips the disk had no room for: they are decoded in every epoch."""
        return self.stored.n_streamed

    def subset(self, clips: Clips) -> "CachedAudio":
        """Return the cached view of some of the clips, such as one part of a split.

        Args:
            clips: Clips of this table, in any order, with any groups and parts.

        Returns:
            Their cached sound; nothing is read, hashed or decoded again.

        Raises:
            DataError: If one of them is not in this table.
        """
        places = clips.frame.select(_PLACE).iter_rows()
        positions = [self._positions.get(place, -1) for place in places]
        if -1 in positions:
            path = clips.frame["path"][positions.index(-1)]
            raise DataError(
                f"{path}: this clip was not loaded into the cache; load it with "
                "AudioCache.load first"
            )
        selected = self.stored.select(np.array(positions, np.int64))
        return CachedAudio(clips, selected)

    def batch(
        self,
        positions: Sequence[int] | np.ndarray,
        n_samples: int,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """Return clips of one length.

        Args:
            positions: Which clips.
            n_samples: Length of each; shorter clips have zeros on both sides.
            rng: Draws where a longer clip is cropped; without it, at the centre.

        Returns:
            float32 of shape `(len(positions), n_samples)`.
        """
        out = np.empty((len(positions), n_samples), np.float32)  # (batch, samples)
        fetched = self.stored.fetch(positions)
        for row, (samples, scale) in zip(out, fetched, strict=True):
            if rng is not None and len(samples) > n_samples:
                start = rng.integers(len(samples) - n_samples + 1)
                samples = samples[start : start + n_samples]
            # In two steps, which take less time than one: numpy converts in pieces.
            row[:] = fit_length(samples, n_samples)
            row *= scale
        return out

    def samples(self, position: int) -> np.ndarray:
        """Return all samples of one clip, float32 of shape `(lengths[position],)`."""
        ((samples, scale),) = self.stored.fetch([position])
        return samples * scale

    @cached_property
    def _positions(self) -> dict[tuple[str, float | None, float | None], int]:
        places = self.clips.frame.select(_PLACE).iter_rows()
        return {place: position for position, place in enumerate(places)}


class AudioCache:
    """A folder of decoded audio, shared by every data set and every run.

    Args:
        folder: Where to keep it; `None` is `default_cache_folder()`.
        sample_rate: Rate of the decoded audio, in hertz.

    Raises:
        SettingError: If the rate is not positive.
    """

    def __init__(self, folder: Path | None = None, *, sample_rate: int) -> None:
        if sample_rate < 1:
            raise SettingError(
                f"sample_rate must be positive, but {sample_rate} Hz was given"
            )
        self.sample_rate = sample_rate
        root = default_cache_folder() if folder is None else folder
        # A new number for a new way to decode: old shards are then not found.
        self.folder = root / f"audio-v1-{sample_rate}"
        self._digests: Digests = {}

    def estimate(self, clips: Clips) -> int:
        """Return about how many bytes the cache of some clips takes.

        Args:
            clips: Clips of any files and intervals.

        Returns:
            Two bytes a sample; where a file's length matters, by the headers of 500
            files, evenly spaced. What is in the cache already is counted too.
        """
        n_seconds = estimate_seconds(clips, n_files=_ESTIMATE_FILES)
        return round(n_seconds * self.sample_rate) * 2

    def load(
        self, clips: Clips, *, on_progress: Callable[[int, int], None] | None = None
    ) -> CachedAudio:
        """Return the sound of `clips`, decoding what is not in the cache yet.

        A build that was killed goes on where it was. Clips that the disk has no room
        for are decoded each time they are asked for; `n_streamed` tells how many.

        Args:
            clips: Clips of any files and intervals.
            on_progress: Called with the clips done and their total, now and then.

        Returns:
            The clips that could be decoded, in their order; the others are added to
            `rejected`. Groups that hold byte-identical files are merged into one, so
            that no copy of a training clip gets into the test part.

        Raises:
            DataError: If no clip can be decoded, or the cache cannot be written for
                another reason than a full disk.
        """
        tell = _Throttled(on_progress, len(clips))
        remove_strays(self.folder.parent)
        found = _Found()
        with _no_collection(), ShardFolder(self.folder) as shards:
            filler = Filler(self.folder, shards, self.sample_rate, self._digests)
            for file in filler.run(clips):
                found.add(file)
                tell(len(file.keys) + len(file.reasons))
            shards.refresh()
            if filler.has_lost and not shards.is_full:
                lost = [row for row, key in found.keys.items() if key not in shards]
                deque(filler.run(clips.select(lost), processes=False), maxlen=0)
        rejected = [found.rejected[row] for row in sorted(found.rejected)]
        if rejected and not found.keys:
            raise DataError(
                f"none of the {len(clips)} clips can be decoded; "
                f"{rejected[0].path}: {rejected[0].reason}"
            )
        rows = sorted(found.keys)
        usable = Clips(
            clips.frame[np.array(rows, np.int64)],
            clips.labels,
            (*clips.rejected, *dict.fromkeys(rejected)),
        )
        digests = [found.digests[row] for row in rows]
        usable = usable.with_groups(merge_copies(usable, digests))
        stored = self._locate(usable, rows, found, shards)
        return CachedAudio(usable, stored, tuple(digests))

    def _locate(
        self, clips: Clips, rows: list[int], found: "_Found", shards: ShardFolder
    ) -> StoredAudio | StreamedAudio:
        """Return where the sound of each clip lies, or that it must be decoded."""
        keys = [found.keys[row] for row in rows]
        is_stored = np.array([key in shards for key in keys], bool)
        stored = shards.locate([key for key in keys if key in shards])
        if is_stored.all():
            return stored
        place = np.where(is_stored, np.cumsum(is_stored) - 1, -1)
        lengths = np.array([found.n_samples.get(key, 0) for key in keys], np.int64)
        lengths[is_stored] = stored.lengths
        return StreamedAudio(stored, place, clips, lengths, self.sample_rate)

    def load_all(self, clips: Clips) -> CachedAudio:
        """Return the sound of clips that are known to be usable, as they are.

        Args:
            clips: Clips of a table that `load` returned, in any parts and groups.

        Raises:
            DataError: If one of them cannot be decoded.
        """
        loaded = self.load(clips)
        if len(loaded) < len(clips):
            unusable = loaded.clips.rejected[-1]
            raise DataError(
                f"{unusable.path} cannot be decoded: {unusable.reason}; "
                "leave it out, or make the clips with AudioCache.load"
            )
        return CachedAudio(clips, loaded.stored)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Have Python not look for garbage: a table of clips is none, but takes long."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass
class _Found:
    """What is known of the clips while their files are decoded."""

    keys: dict[int, str] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    n_samples: dict[str, int] = field(default_factory=dict)
    rejected: dict[int, Rejected] = field(default_factory=dict)

    def add(self, file: StoredFile) -> None:
        """Take in what became of clips of one file."""
        self.n_samples.update(file.lengths)
        for row, key in file.keys.items():
            self.keys[row] = key
            self.digests[row] = file.digest
        for row, reason in file.reasons.items():
            self.rejected[row] = Rejected(Path(file.path), reason)


class _Throttled:
    """Calls `on_progress` when the last call was a while ago, and at the end."""

    def __init__(
        self, on_progress: Callable[[int, int], None] | None, total: int
    ) -> None:
        self._on_progress = on_progress
        self._done, self._total = 0, total
        self._next = 0.0

    def __call__(self, n_more: int) -> None:
        self._done += n_more
        if self._on_progress is None:
            return
        now = time.monotonic()
        if now >= self._next or self._done == self._total:
            self._next = now + _PROGRESS_SECONDS
            self._on_progress(self._done, self._total)
