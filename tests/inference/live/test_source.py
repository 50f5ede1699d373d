"""Files that are played, threads that feed rings, and the clocks of both."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.audio.io import read_native
from sonotype.errors import AudioError
from sonotype.inference.live.source import FastSource, LiveSource, from_file
from sonotype.inference.stream import Gap

RATE = 8_000


@pytest.fixture
def path(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "20240131_053000Z.wav"
    soundfile.write(path, 0.1 * rng.standard_normal((2_400, 2)), RATE)
    return path


def joined(source: LiveSource | FastSource) -> np.ndarray:
    blocks = list(source.blocks())
    return np.concatenate([each for each in blocks if not isinstance(each, Gap)])


def test_a_file_is_played_at_real_time(path: Path) -> None:
    source = from_file(path)
    began = time.monotonic()
    samples = joined(source)
    assert 0.29 < time.monotonic() - began < 2
    np.testing.assert_array_equal(samples, read_native(path)[0])
    assert source.n_dropped == 0


def test_a_file_at_once_is_the_same(path: Path) -> None:
    source = from_file(path, fast=True)
    np.testing.assert_array_equal(joined(source), read_native(path)[0])
    assert source.age_seconds(0.1) is None


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        from_file(tmp_path / "a.wav")


def test_a_file_that_breaks_off_is_told_by_the_consumer(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.1 * rng.standard_normal(30_000), RATE)
    path.write_bytes(path.read_bytes()[:-9_000])
    with pytest.raises(AudioError, match=r"a\.flac"):
        joined(from_file(path, fast=True))
    source = from_file(path)
    with pytest.raises(AudioError, match=r"a\.flac"):
        joined(source)


def test_the_clock_of_a_recording_begins_where_its_name_says(path: Path) -> None:
    source = from_file(path, fast=True)
    began = datetime(2024, 1, 31, 5, 30, tzinfo=UTC)
    assert source.heard_at(1.5) == began + timedelta(seconds=1.5)
    assert FastSource("stdin", [], sample_rate=RATE).heard_at(1.5) is None


def test_the_clock_of_what_is_live_is_that_on_the_wall(path: Path) -> None:
    source = from_file(path)
    assert source.heard_at(0) is None
    assert source.age_seconds(0) is None
    began = datetime.now(UTC)
    joined(source)
    at = source.heard_at(0.1)
    assert at is not None
    assert abs(at - began - timedelta(seconds=0.1)) < timedelta(seconds=0.25)
    assert at.tzinfo is not None
    age = source.age_seconds(0.3)
    assert age is not None
    assert 0 <= age < 1


def test_a_slow_consumer_loses_sound_and_keeps_the_time() -> None:
    def blocks() -> Iterator[np.ndarray]:
        for first in range(0, 100_000, 100):
            yield np.arange(first, first + 100, dtype=np.float32)

    source = LiveSource.of_blocks("a", blocks(), sample_rate=1_000, buffer_seconds=1)
    at = 0
    for block in source.blocks():
        if isinstance(block, Gap):
            at += block.n_samples
        else:
            np.testing.assert_array_equal(block, np.arange(at, at + len(block)))
            at += len(block)
            time.sleep(0.001)
    assert at == 100_000
    assert source.n_dropped > 0


def test_a_thread_that_is_stopped_ends() -> None:
    n_given = 0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal n_given
        while True:
            n_given += 1
            yield np.zeros(100, np.float32)

    source = LiveSource.of_blocks("a", blocks(), sample_rate=RATE, is_paced=True)
    for _ in source.blocks():
        source.stop()
    before = n_given
    time.sleep(0.1)
    assert n_given == before


def test_a_pipe_that_breaks_is_an_error() -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield np.zeros(10, np.float32)
        raise OSError(5, "Input/output error")

    source = LiveSource.of_blocks("a", blocks(), sample_rate=RATE)
    with pytest.raises(AudioError, match="no more can be read: Input/output error"):
        list(source.blocks())


def test_what_is_fast_can_be_stopped() -> None:
    blocks = [np.zeros(10, np.float32)] * 5
    source = FastSource("a", blocks, sample_rate=RATE)
    found = []
    for block in source.blocks():
        found.append(block)
        source.stop()
    assert len(found) == 1
    assert source.notes() == []
