"""Every clip decoded and resampled once, then read from memory-mapped files.

Decoding costs more than training on what was decoded, and each epoch would pay it
again. A clip is known by the content of its file, so renaming, copying or re-sorting a
data set decodes nothing.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from sonotype.audio.windows import fit_length
from sonotype.clips import Clips, Rejected
from sonotype.dataset.decode import decode_files
from sonotype.dataset.shards import ShardFolder, StoredAudio
from sonotype.errors import DataError, SettingError

# What names a clip: its file and interval.
_PLACE = ("path", "start_seconds", "end_seconds")


def default_cache_folder() -> Path:
    """Return where decoded audio is kept unless another folder is asked for.

    `$SONOTYPE_CACHE`, or `$XDG_CACHE_HOME/sonotype`, or `~/.cache/sonotype`.
    """
    if chosen := os.environ.get("SONOTYPE_CACHE"):
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "sonotype"


@dataclass(frozen=True)
class CachedAudio:
    """Clips and their decoded sound, ready to be sliced into batches.

    Args:
        clips: The clips that could be decoded.
        stored: Where the sound of each lies.
    """

    clips: Clips
    stored: StoredAudio = field(repr=False)

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def lengths(self) -> np.ndarray:
        """Samples of each clip, int64 of shape `(n_clips,)`."""
        return self.stored.lengths

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
        for row, position in zip(out, positions, strict=True):
            samples = self.stored[position]
            if rng is not None and len(samples) > n_samples:
                start = rng.integers(len(samples) - n_samples + 1)
                samples = samples[start : start + n_samples]
            fitted = fit_length(samples, n_samples)
            np.multiply(fitted, self.stored.scales[position], out=row)
        return out

    def samples(self, position: int) -> np.ndarray:
        """Return all samples of one clip, float32 of shape `(lengths[position],)`."""
        stored = self.stored[position]
        return stored * self.stored.scales[position]

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
        self._digests: dict[tuple[int, ...], str] = {}

    def load(
        self, clips: Clips, *, on_progress: Callable[[int, int], None] | None = None
    ) -> CachedAudio:
        """Return the sound of `clips`, decoding what is not in the cache yet.

        A build that was killed goes on where it was.

        Args:
            clips: Clips of any files and intervals.
            on_progress: Called with the clips done and their total after each file.

        Returns:
            The clips that could be decoded, in their order; the others are added to
            `rejected`. Groups that hold byte-identical files are merged into one, so
            that no copy of a training clip gets into the test part.

        Raises:
            DataError: If no clip can be decoded or the cache cannot be written.
        """
        keys: dict[int, str] = {}
        digests: dict[int, str] = {}
        rejected: list[Rejected] = []
        n_done = 0
        with ShardFolder(self.folder) as shards:
            for file in decode_files(
                clips, self.sample_rate, known=shards, digests=self._digests
            ):
                for key, (samples, scale) in file.decoded.items():
                    shards.add(key, samples, scale)
                keys |= file.keys
                digests |= dict.fromkeys(file.keys, file.digest)
                rejected += [Rejected(file.path, reason) for reason in file.reasons]
                n_done += file.n_clips
                if on_progress is not None:
                    on_progress(n_done, len(clips))
        if rejected and not keys:
            raise DataError(
                f"none of the {len(clips)} clips can be decoded; "
                f"{rejected[0].path}: {rejected[0].reason}"
            )
        positions = sorted(keys)
        usable = Clips(
            clips.frame[np.array(positions, np.int64)],
            clips.labels,
            (*clips.rejected, *dict.fromkeys(rejected)),
        )
        groups = _merge_copies(usable, [digests[row] for row in positions])
        stored = shards.locate([keys[row] for row in positions])
        return CachedAudio(usable.with_groups(groups), stored)

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


def _merge_copies(clips: Clips, digests: list[str]) -> list[str]:
    """Return each clip's group, one for groups that hold copies of the same file.

    Two groups may well share one file: they are merged only if it is there twice.
    """
    parents: dict[str, str] = {}

    def find(group: str) -> str:
        while (parent := parents.setdefault(group, group)) != group:
            parents[group] = parents[parent]
            group = parents[group]
        return group

    paths_of: dict[str, set[str]] = {}
    for path, digest in zip(clips.frame["path"], digests, strict=True):
        paths_of.setdefault(digest, set()).add(path)
    groups = clips.groups()
    first: dict[str, str] = {}
    for group, digest in zip(groups, digests, strict=True):
        if len(paths_of[digest]) > 1:
            one, other = find(group), find(first.setdefault(digest, group))
            # The smaller name wins, so that the order of the clips does not matter.
            parents[max(one, other)] = min(one, other)
    return [find(group) for group in groups]
