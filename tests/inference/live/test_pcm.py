"""Raw samples are the numbers of a WAV that holds them."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sonotype.audio.io import read_native
from sonotype.errors import SettingError
from sonotype.inference.live.pcm import read_pcm


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self._content = content
        self._sizes = sizes
        self._n_reads = 0

    def read(self, n_bytes: int = -1, /) -> bytes:
        size = min(n_bytes, self._sizes[self._n_reads % len(self._sizes)])
        self._n_reads += 1
        piece, self._content = self._content[:size], self._content[size:]
        return piece


@given(
    n_samples=st.integers(0, 200),
    n_channels=st.integers(1, 3),
    encoding=st.sampled_from(["s16le", "f32le"]),
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=4),
)
def test_they_are_those_of_a_wav(
    n_samples: int,
    n_channels: int,
    encoding: str,
    sizes: list[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    generator = np.random.default_rng(n_samples)
    path = tmp_path_factory.getbasetemp() / "raw.wav"
    shape = (n_samples, n_channels)
    if encoding == "s16le":
        samples = generator.integers(-(2**15), 2**15, shape).astype("<i2")
        soundfile.write(path, samples, 8_000, "PCM_16")
    else:
        samples = generator.standard_normal(shape).astype("<f4")
        soundfile.write(path, samples, 8_000, "FLOAT")
    content = samples.tobytes()
    # Some bytes of one more.
    pipe = Trickle(content + b"\x01" * (n_samples % 2), sizes)
    blocks = list(read_pcm(pipe, n_channels=n_channels, encoding=encoding))
    found = np.concatenate([np.empty(0, np.float32), *blocks])
    expected = read_native(path)[0] if n_samples else np.empty(0)
    np.testing.assert_array_equal(found, expected)


def test_a_large_file_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(200_000))
    with path.open("rb", buffering=0) as stream:
        sizes = [len(block) for block in read_pcm(stream)]
    assert sum(sizes) == 100_000
    assert max(sizes) <= 2**15


def test_wrong_settings() -> None:
    with pytest.raises(SettingError, match=r"encoding 's16el' is unknown .*'s16le'"):
        read_pcm(io.BytesIO(), encoding="s16el")
    with pytest.raises(SettingError, match="at least 1 channel, not 0"):
        read_pcm(io.BytesIO(), n_channels=0)
