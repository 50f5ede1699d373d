import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sonotype.audio.io import read_audio
from sonotype.audio.windows import fit_length
from sonotype.clips import Clip, Clips, Rejected
from sonotype.dataset.cache import decode
from sonotype.dataset.cache.audio_cache import (
    AudioCache,
    CachedAudio,
)
from sonotype.dataset.split import split
from sonotype.errors import DataError, SettingError
from sonotype.labels import Labels

RATE = 8_000
N_FILES = 40

# Builds a cache slowly and in shards of two clips: folder of recordings, then cache.
BUILD = """
import sys, time
from pathlib import Path
from sonotype.dataset.cache import decode, shards
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.readers.folder import read_folder

def slow(*args, original=decode.decode_clip, **options):
    time.sleep(0.02)
    return original(*args, **options)

decode.decode_clip, decode._TASK_BYTES, shards.SHARD_BYTES = slow, 0, 3_000
cache = AudioCache(Path(sys.argv[2]), sample_rate=8_000)
assert len(cache.load(read_folder(sys.argv[1]))) == 40
"""


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
def clips(tmp_path: Path) -> Clips:
    return make_clips(tmp_path / "data")


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


def test_16_bit_sound_is_stored_exactly(cache: AudioCache, clips: Clips) -> None:
    cached = cache.load(clips)
    assert len(cached) == 6
    assert cached.clips.frame.equals(clips.frame)
    assert cached.lengths.dtype == np.int64
    assert sorted(cached.lengths) == [800, 801, 802, 803, 804, 805]
    assert_holds_its_files(cached)


def test_sound_at_another_rate_is_resampled_once(tmp_path: Path, clips: Clips) -> None:
    cached = AudioCache(tmp_path / "cache", sample_rate=16_000).load(clips)
    for position, path in enumerate(clips.paths()):
        expected = read_audio(path, 16_000)
        step = np.abs(expected).max() / 32_767
        np.testing.assert_allclose(cached.samples(position), expected, atol=0.51 * step)
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"audio-v1-16000"}


def test_float_sound_above_full_scale_is_not_clipped(
    tmp_path: Path, cache: AudioCache
) -> None:
    path = tmp_path / "loud.wav"
    loud = (3 * np.random.default_rng(0).standard_normal(500)).astype(np.float32)
    soundfile.write(path, loud, RATE, subtype="FLOAT")
    cached = cache.load(Clips.of([Clip(path, ("a",), "g")]))
    step = np.abs(loud).max() / 32_767
    np.testing.assert_allclose(cached.samples(0), loud, atol=0.51 * step)


def test_silence_stays_silence(tmp_path: Path, cache: AudioCache) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(100), RATE)
    cached = cache.load(Clips.of([Clip(path, ("a",), "g")]))
    assert not cached.batch([0], 200).any()


@pytest.mark.parametrize("n_samples", [1, 500, 800, 802, 805, 2_000])
def test_a_batch_is_each_clip_fitted_to_one_length(
    cache: AudioCache, clips: Clips, n_samples: int
) -> None:
    cached = cache.load(clips)
    batch = cached.batch([3, 0, 3, 5], n_samples)
    assert batch.shape == (4, n_samples)
    assert batch.dtype == np.float32
    for row, position in zip(batch, [3, 0, 3, 5], strict=True):
        whole = read_int16(clips.paths()[position]) / 32_768
        np.testing.assert_array_equal(row, fit_length(whole, n_samples))


def test_random_crops_are_pieces_of_the_clip_and_repeat_with_the_seed(
    cache: AudioCache, clips: Clips
) -> None:
    cached = cache.load(clips)
    positions = np.zeros(300, np.int64)
    n_samples = int(cached.lengths[0]) - 3
    batch = cached.batch(positions, n_samples, np.random.default_rng(5))
    again = cached.batch(positions, n_samples, np.random.default_rng(5))
    np.testing.assert_array_equal(batch, again)
    whole = cached.samples(0)
    pieces = {whole[start : start + n_samples].tobytes() for start in range(4)}
    assert {row.tobytes() for row in batch} == pieces


def test_random_crops_leave_short_clips_in_the_middle(
    cache: AudioCache, clips: Clips
) -> None:
    cached = cache.load(clips)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(
        cached.batch([0, 1], 1_000, rng), cached.batch([0, 1], 1_000)
    )


def test_an_empty_batch(cache: AudioCache, clips: Clips) -> None:
    assert cache.load(clips).batch([], 10).shape == (0, 10)


def test_a_second_load_decodes_nothing(
    cache: AudioCache, clips: Clips, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache.load(clips)
    monkeypatch.delattr(decode, "decode_clip")
    assert_holds_its_files(AudioCache(tmp_path / "cache", sample_rate=RATE).load(clips))


def test_a_renamed_data_set_decodes_nothing(
    cache: AudioCache, clips: Clips, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache.load(clips)
    monkeypatch.delattr(decode, "decode_clip")
    (tmp_path / "data").rename(tmp_path / "moved")
    moved = [
        Clip(tmp_path / "moved" / clip.path.parent.name / clip.path.name, ("z",), "g")
        for clip in clips
    ]
    assert_holds_its_files(cache.load(Clips.of(moved)))


def test_a_changed_file_is_decoded_again(cache: AudioCache, clips: Clips) -> None:
    cache.load(clips)
    path = clips.paths()[2]
    soundfile.write(path, np.linspace(-0.5, 0.5, 777), RATE)
    os.utime(path, (1, 1))
    cached = cache.load(clips)
    assert cached.lengths[2] == 777
    assert_holds_its_files(cached)


def test_intervals_of_one_recording_are_clips(cache: AudioCache, clips: Clips) -> None:
    path = clips.paths()[0]
    times = [(0.0, 0.05), (0.025, 0.1), (None, 0.05), (0.05, None)]
    cached = cache.load(
        Clips.of(
            Clip(path, ("a",), str(i), start_seconds=start, end_seconds=end)
            for i, (start, end) in enumerate(times)
        )
    )
    whole = read_int16(path)
    for position, piece in enumerate(
        [whole[:400], whole[200:800], whole[:400], whole[400:]]
    ):
        np.testing.assert_array_equal(cached.stored[position], piece)
    # One file is no copy of itself.
    assert cached.clips.groups() == ["0", "1", "2", "3"]


def test_what_does_not_decode_is_set_aside(
    tmp_path: Path, cache: AudioCache, clips: Clips
) -> None:
    bad = tmp_path / "data" / "a" / "bad.flac"
    soundfile.write(bad, np.random.default_rng(0).standard_normal(9_000) / 9, RATE)
    bad.write_bytes(bad.read_bytes()[:5_000])
    earlier = Rejected(Path("earlier.wav"), "is empty (0 bytes)")
    table = Clips.of(
        [clips[0], Clip(bad, ("a",), "g"), clips[1], Clip(bad, ("a",), "h")],
        Labels(("a", "b", "c")),
        [earlier],
    )
    cached = cache.load(table)
    assert cached.clips.paths() == [clips[0].path, clips[1].path]
    assert cached.clips.labels == table.labels
    assert cached.clips.rejected[0] == earlier
    # Named once, though two clips lie in it.
    (rejected,) = cached.clips.rejected[1:]
    assert rejected.path == bad
    assert "cut short" in rejected.reason
    assert_holds_its_files(cached)


def test_nothing_that_decodes_is_an_error(tmp_path: Path, cache: AudioCache) -> None:
    clip = Clip(tmp_path / "gone.wav", ("a",), "g")
    with pytest.raises(
        DataError, match=r"none of the 1 clips .*; .*gone\.wav: there is no such file"
    ):
        cache.load(Clips.of([clip]))


def test_no_clips_are_no_error(cache: AudioCache) -> None:
    cached = cache.load(Clips.of([], Labels(("a",))))
    assert len(cached) == 0
    assert cached.lengths.shape == (0,)


def test_progress_is_told_in_clips(cache: AudioCache, clips: Clips) -> None:
    (clips.paths()[1]).write_bytes(b"broken")
    told: list[tuple[int, int]] = []
    cache.load(clips, on_progress=lambda done, total: told.append((done, total)))
    # Not after each file: drawing takes longer than decoding one.
    assert told[-1] == (6, 6)
    assert told == sorted(told)
    assert told.count((6, 6)) == 1


def test_copies_of_a_file_share_a_group(cache: AudioCache, clips: Clips) -> None:
    paths = clips.paths()
    groups = ["e", "d", "c", "b", "a", "a"]
    for source, copy in [(1, 0), (2, 3), (3, 4)]:
        shutil.copy(paths[source], paths[copy])
    found = cache.load(clips.with_groups(groups)).clips
    # 0 copies 1; 2, 3 and 4 are alike, and 5 is of the same group as 4.
    assert found.groups() == ["d", "d", "a", "a", "a", "a"]
    turned = cache.load(clips.with_groups(groups).select([5, 4, 3, 2, 1, 0])).clips
    assert turned.groups() == found.groups()[::-1]


def test_a_copy_never_gets_into_another_part(tmp_path: Path, cache: AudioCache) -> None:
    clips = make_clips(tmp_path / "data", 60)
    paths = clips.paths()
    for i in range(0, 60, 3):
        shutil.copy(paths[i], paths[i + 1])
    for seed in range(5):
        for part in split(cache.load(clips).clips, seed=seed):
            inside = set(part.paths())
            for i in range(0, 60, 3):
                assert (paths[i] in inside) == (paths[i + 1] in inside)


@pytest.mark.parametrize("how", ["subset", "load_all"])
def test_a_part_of_a_split_is_neither_hashed_nor_decoded(
    tmp_path: Path, cache: AudioCache, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(decode, "_SHORT_FILE_BYTES", 0)
    cached = cache.load(make_clips(tmp_path / "data", 30))
    monkeypatch.delattr(decode, "decode_clip")
    monkeypatch.setattr(decode.hashlib, "file_digest", None)
    for part in split(cached.clips):
        held = cached.subset(part) if how == "subset" else cache.load_all(part)
        assert held.clips is part
        assert_holds_its_files(held)


def test_a_subset_is_of_clips_that_were_loaded(cache: AudioCache, clips: Clips) -> None:
    cached = cache.load(clips.select([0, 1]))
    with pytest.raises(DataError, match=r"\.wav: this clip was not loaded into the"):
        cached.subset(clips)


def test_load_all_wants_all(cache: AudioCache, clips: Clips) -> None:
    path = clips.paths()[2]
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"\.wav cannot be decoded: is empty"):
        cache.load_all(clips)


def test_one_path_may_be_written_in_two_ways(cache: AudioCache, clips: Clips) -> None:
    frame = clips.frame.with_columns(clips.frame["path"].str.replace("data", "./data"))
    assert "./data" in frame["path"][0]
    assert len(cache.load(Clips(frame, clips.labels))) == 6


def test_the_folder_is_chosen_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONOTYPE_CACHE", str(tmp_path / "own"))
    assert AudioCache(sample_rate=RATE).folder == tmp_path / "own" / "audio-v1-8000"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, clips: Clips) -> None:
    (tmp_path / "file").touch()
    cache = AudioCache(tmp_path / "file", sample_rate=RATE)
    with pytest.raises(DataError, match=r"file.audio-v1-8000: .* --cache or .*_CACHE"):
        cache.load(clips)


def test_a_rate_is_positive() -> None:
    with pytest.raises(SettingError, match="must be positive, but 0 Hz was given"):
        AudioCache(sample_rate=0)


def test_a_damaged_shard_is_built_again(
    tmp_path: Path, cache: AudioCache, clips: Clips
) -> None:
    cache.load(clips)
    (shard,) = cache.folder.glob("*.i16")
    shard.write_bytes(shard.read_bytes()[:-2])
    assert_holds_its_files(cache.load(clips))


def start_build(data: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", BUILD, str(data), str(folder)])


def test_a_killed_build_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = make_clips(tmp_path / "data", N_FILES)
    cache = AudioCache(tmp_path / "cache", sample_rate=RATE)
    with start_build(tmp_path / "data", tmp_path / "cache") as build:
        give_up = time.monotonic() + 60
        while len(list(cache.folder.glob("[!.]*.parquet"))) < 3:
            assert time.monotonic() < give_up
            assert build.poll() is None
            time.sleep(0.005)
        build.kill()
    decoded: list[Path] = []
    original = decode.decode_clip

    def counting(path: Path, *args: Any, **options: Any) -> Any:
        decoded.append(path)
        return original(path, *args, **options)

    monkeypatch.setattr(decode, "decode_clip", counting)
    cached = cache.load(clips)
    # Three shards of two clips were there.
    assert 0 < len(decoded) <= N_FILES - 6
    assert len(cached) == N_FILES
    assert_holds_its_files(cached)


def test_two_builds_at_once_do_not_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = make_clips(tmp_path / "data", N_FILES)
    builds = [start_build(tmp_path / "data", tmp_path / "cache") for _ in range(2)]
    assert [build.wait(timeout=60) for build in builds] == [0, 0]
    monkeypatch.delattr(decode, "decode_clip")
    cached = AudioCache(tmp_path / "cache", sample_rate=RATE).load(clips)
    assert len(cached) == N_FILES
    assert_holds_its_files(cached)


def test_the_estimate_is_two_bytes_a_sample(
    tmp_path: Path, cache: AudioCache, clips: Clips
) -> None:
    assert cache.estimate(clips) == 2 * sum(range(800, 806))
    # At twice the rate, twice the samples.
    twice = AudioCache(tmp_path, sample_rate=2 * RATE)
    assert twice.estimate(clips) == 4 * sum(range(800, 806))


def test_what_is_loaded_again_leaves_no_strays(cache: AudioCache, clips: Clips) -> None:
    cache.folder.mkdir(parents=True)
    stray = cache.folder / f"{'0' * 32}.i16"
    stray.write_bytes(b"0")
    os.utime(stray, (1, 1))
    cache.load(clips)
    assert not stray.exists()
