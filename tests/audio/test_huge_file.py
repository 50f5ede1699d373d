"""A file larger than 4 GB, which is nearly all hole and takes up no room."""

import os
import struct
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.nasty_files import SAMPLE_RATE, chunk, fmt

from sonotype.audio.io import read_info, read_native
from sonotype.errors import AudioError

N_SAMPLES = 2**31 + 65_536  # no 32-bit number can count them
QUICK_SECONDS = 1.0

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs files with holes"
)


@pytest.fixture
def end(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(-(2**15), 2**15, SAMPLE_RATE).astype("<i2")


@pytest.fixture
def huge(tmp_path: Path, end: np.ndarray) -> Path:
    """Three days of silence, with a second of noise at the end."""
    path = tmp_path / "huge.wav"
    n_bytes = N_SAMPLES * 2
    sizes = struct.pack("<QQQI", n_bytes + 72, n_bytes, N_SAMPLES, 0)
    header = b"RF64\xff\xff\xff\xffWAVE" + chunk(b"ds64", sizes)
    header += fmt() + b"data\xff\xff\xff\xff"
    with path.open("wb") as stream:
        stream.write(header)
        stream.truncate(len(header) + n_bytes)
        stream.seek(-end.nbytes, os.SEEK_END)
        stream.write(end.tobytes())
    assert path.stat().st_size > 2**32
    assert path.stat().st_blocks * 512 < 2**20
    return path


def test_its_header_is_read_at_once(huge: Path) -> None:
    start = time.perf_counter()
    info = read_info(huge)
    assert time.perf_counter() - start < QUICK_SECONDS
    assert (info.container, info.sample_rate) == ("RF64", SAMPLE_RATE)
    assert (info.n_channels, info.n_samples) == (1, N_SAMPLES)


def test_an_interval_near_its_end_is_read_at_once(huge: Path, end: np.ndarray) -> None:
    seconds = N_SAMPLES / SAMPLE_RATE
    start = time.perf_counter()
    samples, _ = read_native(huge, start_seconds=seconds - 0.5, end_seconds=seconds)
    assert time.perf_counter() - start < QUICK_SECONDS
    np.testing.assert_array_equal(samples, end[SAMPLE_RATE // 2 :] / 2**15)
    before, _ = read_native(huge, start_seconds=200_000.0, end_seconds=200_001.0)
    np.testing.assert_array_equal(before, 0)


def test_a_byte_less_is_noticed(huge: Path) -> None:
    os.truncate(huge, huge.stat().st_size - 1)
    with pytest.raises(AudioError, match=r"is cut short: .* promises 4295098368 bytes"):
        read_info(huge)


def test_it_is_not_read_at_once(huge: Path) -> None:
    with pytest.raises(AudioError, match=r"too long to be read at once: .*74\.6 hours"):
        read_native(huge)
