from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.audio.mp3 import count_mp3_samples
from sonotype.errors import AudioError

# What an MP3 frame decodes to: by the standard 1152 samples, half of it below 32 kHz.
FRAME = {8_000: 576, 16_000: 576, 22_050: 576, 32_000: 1152, 44_100: 1152}


def write(
    path: Path, sample_rate: int, n_channels: int = 1, mode: str = "CONSTANT"
) -> tuple[bytes, int]:
    """Write a second of noise; return the file and the length of its first frame."""
    generator = np.random.default_rng(0)
    noise = 0.1 * generator.standard_normal((sample_rate, n_channels))
    noise[: sample_rate // 2] *= 1e-3
    soundfile.write(path, noise, sample_rate, bitrate_mode=mode, compression_level=0.3)
    content = path.read_bytes()
    assert b"Xing" in content[:50] or b"Info" in content[:50]
    # The first frame repeats the version and rate of all others.
    return content, content.index(content[:2], 2)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("sample_rate", FRAME)
def test_a_file_with_a_count_is_left_to_libsndfile(
    tmp_path: Path, sample_rate: int, mode: str
) -> None:
    path = tmp_path / "a.mp3"
    write(path, sample_rate, mode=mode)
    assert count_mp3_samples(path) is None


@pytest.mark.parametrize("tag", [b"", b"ID3\x03\0\0\0\0\x01\x00" + b"\xff" * 128])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("sample_rate", FRAME)
def test_frames_are_counted_where_there_is_no_count(
    tmp_path: Path, sample_rate: int, n_channels: int, mode: str, tag: bytes
) -> None:
    path = tmp_path / "a.mp3"
    content, first = write(path, sample_rate, n_channels, mode)
    path.write_bytes(tag + content[first:] + b"TAG" + bytes(125))
    at = 8 + content.index(b"Xing" if b"Xing" in content[:50] else b"Info")
    n_frames = int.from_bytes(content[at : at + 4], "big")
    assert count_mp3_samples(path) == n_frames * FRAME[sample_rate]


def test_a_frame_that_is_not_whole_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content, first = write(path, 16_000)
    path.write_bytes(content[first:])
    whole = count_mp3_samples(path)
    path.write_bytes(content[first:-1])
    assert whole is not None
    assert count_mp3_samples(path) == whole - FRAME[16_000]


def test_a_file_shorter_than_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content, _ = write(path, 16_000)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        AudioError,
        match=f"promises {len(content)} bytes, but {len(content) // 2} are there",
    ):
        count_mp3_samples(path)


@pytest.mark.parametrize("content", [b"\xff", b"ID3\x03\0\0\0\0\0\0", b"\xff\xfb" * 99])
def test_what_has_no_frame_states_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    assert count_mp3_samples(path) is None
