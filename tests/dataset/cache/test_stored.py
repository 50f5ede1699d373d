import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.dataset.cache import shards
from sonotype.dataset.cache.audio_cache import AudioCache, CachedAudio
from sonotype.errors import DataError

RATE = 8_000


def make_clips(folder: Path, n_files: int = 6, n_samples: int = 800) -> Clips:
    """Write 16-bit noise, a different length each, and return a clip a file."""
    generator = np.random.default_rng(0)
    for i in range(n_files):
        path = folder / "ab"[i % 2] / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * generator.standard_normal(n_samples + i), RATE)
    return Clips.of(
        Clip(path, (path.parent.name,), path.stem)
        for path in sorted(folder.rglob("*.wav"))
    )


def read_int16(path: Path) -> np.ndarray:
    samples: np.ndarray = soundfile.read(path, dtype="int16")[0]
    return samples


@pytest.fixture
def cache(tmp_path: Path) -> AudioCache:
    return AudioCache(tmp_path / "cache", sample_rate=RATE)


def assert_holds_its_files(cached: CachedAudio) -> None:
    for position, clip in enumerate(cached.clips):
        whole = read_int16(clip.path)
        np.testing.assert_array_equal(cached.stored[position], whole)
        np.testing.assert_array_equal(
            cached.samples(position), (whole / 32_768).astype(np.float32)
        )


def long_clips(folder: Path) -> Clips:
    """Return six clips of 8 kB and their group names."""
    return make_clips(folder, n_samples=4_000)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what makes the disk have room for some shards of one clip each."""
    monkeypatch.setattr(shards, "SHARD_BYTES", 8_000)
    monkeypatch.setattr(shards, "_WRITE_BYTES", 0)

    def leave(n_shards: int) -> None:
        def usage(folder: Path) -> Any:
            written = sum(file.stat().st_size for file in folder.glob("*.i16"))
            free = shards.RESERVED_BYTES + 8_500 * n_shards - written
            return SimpleNamespace(free=free)

        monkeypatch.setattr(shards.shutil, "disk_usage", usage)

    return leave


@pytest.mark.parametrize("n_shards", [0, 1, 3])
def test_clips_the_disk_has_no_room_for_are_decoded_when_asked_for(
    tmp_path: Path, cache: AudioCache, room: Callable[[int], None], n_shards: int
) -> None:
    clips = long_clips(tmp_path / "data")
    room(n_shards)
    cached = cache.load(clips)
    assert cached.n_streamed == 6 - n_shards
    assert len(list(cache.folder.glob("*.i16"))) == n_shards
    assert_holds_its_files(cached)
    whole = AudioCache(tmp_path / "other", sample_rate=RATE)
    room(10)
    kept = whole.load(clips)
    assert kept.n_streamed == 0
    assert cached.clips.frame.equals(kept.clips.frame)
    np.testing.assert_array_equal(cached.lengths, kept.lengths)
    for n_samples in (3_000, 4_003, 5_000):
        np.testing.assert_array_equal(
            cached.batch([5, 0, 3, 3], n_samples, np.random.default_rng(1)),
            kept.batch([5, 0, 3, 3], n_samples, np.random.default_rng(1)),
        )
    assert cached.samples(2).dtype == np.float32
    part = cached.subset(clips.select([4, 1]))
    assert_holds_its_files(part)
    # Once there is room, the rest is added.
    assert cache.load(clips).n_streamed == 0


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_runs_full_is_no_error(
    tmp_path: Path, cache: AudioCache, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    clips = long_clips(tmp_path / "data")
    monkeypatch.setattr(shards, "SHARD_BYTES", 16_000)
    monkeypatch.setattr(shards, "_WRITE_BYTES", 0)
    n_calls = 0

    def full(*args: Any, original: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(*args)

    if call == "fsync":
        fsync = functools.partial(full, original=os.fsync)
        monkeypatch.setattr(shards.os, "fsync", fsync)
    else:
        start = shards.ShardFolder._start_shard

        def start_shard(folder: shards.ShardFolder) -> Any:
            shard: Any = start(folder)
            stream = shard.stream
            write = functools.partial(full, original=stream.write)
            shard.stream = SimpleNamespace(
                **{name: getattr(stream, name) for name in ("flush", "fileno")},
                write=write,
                close=stream.close,
            )
            return shard

        monkeypatch.setattr(shards.ShardFolder, "_start_shard", start_shard)
    cached = cache.load(clips)
    assert cached.n_streamed in (4, 5)
    assert_holds_its_files(cached)
    # What was not finished is gone, so that others have its room.
    assert len(list(cache.folder.iterdir())) == 2


def test_a_file_that_changed_is_not_streamed(
    tmp_path: Path, cache: AudioCache, room: Callable[[int], None]
) -> None:
    room(0)
    cached = cache.load(long_clips(tmp_path / "data"))
    soundfile.write(cached.clips.paths()[1], np.zeros(99), RATE)
    with pytest.raises(DataError, match=r"\.wav: has changed since it was loaded"):
        cached.batch([0, 1], 10)


def test_intervals_are_streamed_too(
    tmp_path: Path, cache: AudioCache, room: Callable[[int], None]
) -> None:
    path = long_clips(tmp_path / "data").paths()[0]
    times = [(0.0, 0.05), (None, 0.05), (0.05, None)]
    room(0)
    cached = cache.load(
        Clips.of(
            Clip(path, ("a",), "g", start_seconds=start, end_seconds=end)
            for start, end in times
        )
    )
    whole = read_int16(path)
    for position, piece in enumerate([whole[:400], whole[:400], whole[400:]]):
        np.testing.assert_array_equal(cached.stored[position], piece)
