import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sonotype.audio.io import read_native
from sonotype.dataset.cache.plain_wav import read_plain_wav

RATE = 8_000
FIELDS = {
    "riff": (0, "4s", b"RIFX"),
    "wave": (8, "4s", b"AVI "),
    "fmt": (12, "4s", b"fmtx"),
    "fmt_bytes": (16, "I", 18),
    "encoding": (20, "H", 3),
    "n_channels": (22, "H", 2),
    "sample_rate": (24, "I", 0),
    "block": (32, "H", 4),
    "bits": (34, "H", 8),
    "data": (36, "4s", b"LIST"),
    "n_bytes": (40, "I", 198),
    "n_bytes too large": (40, "I", 202),
    "n_bytes left open": (40, "I", 0),
    "n_bytes of a pipe": (40, "I", 0xFFFF_FFFF),
}


def wav(samples: np.ndarray, **options: str) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, RATE, format="WAV", **options)
    return stream.getvalue()


@given(arrays(np.int16, st.integers(1, 60)))
def test_samples_are_those_libsndfile_reads(samples: np.ndarray) -> None:
    found = read_plain_wav(wav(samples))
    assert found is not None
    np.testing.assert_array_equal(found[0], samples)
    assert found[1] == RATE


def test_the_sound_is_that_of_the_long_way(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(rng.uniform(-1, 1, 1_000)))
    found = read_plain_wav(path.read_bytes())
    assert found is not None
    expected, rate = read_native(path)
    np.testing.assert_array_equal(found[0] / np.float32(32_768), expected)
    assert found[1] == rate


@pytest.mark.parametrize("name", FIELDS)
def test_whatever_is_unusual_goes_the_long_way(name: str) -> None:
    content = bytearray(wav(np.arange(100, dtype=np.int16)))
    assert read_plain_wav(bytes(content)) is not None
    at, kind, value = FIELDS[name]
    struct.pack_into(f"<{kind}", content, at, value)
    assert read_plain_wav(bytes(content)) is None


@pytest.mark.parametrize("n_bytes", [0, 1, 43, 44, 143, 243])
def test_a_short_file_goes_the_long_way(n_bytes: int) -> None:
    content = wav(np.arange(100, dtype=np.int16))
    assert read_plain_wav(content[:n_bytes]) is None


@pytest.mark.parametrize("extra", [b"\0", b"\0\0", b"LIST\4\0\0\0INFO"])
def test_a_file_with_more_in_it_goes_the_long_way(extra: bytes) -> None:
    assert read_plain_wav(wav(np.arange(100, dtype=np.int16)) + extra) is None


def test_other_formats_go_the_long_way(rng: np.random.Generator) -> None:
    sound = rng.uniform(-1, 1, 100)
    assert read_plain_wav(wav(sound, subtype="FLOAT")) is None
    assert read_plain_wav(wav(sound, subtype="PCM_24")) is None
    assert read_plain_wav(wav(np.stack([sound, sound], axis=1))) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_no_error(content: bytes) -> None:
    assert read_plain_wav(content) is None
