"""Headers that promise more than there is, and headers that promise nothing."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.audio.container import check_ogg, find_extent
from sonotype.errors import AudioError

RATE = 8_000
N_SAMPLES = 4_000
BYTES_OF = {"PCM_U8": 1, "PCM_S8": 1, "PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
CONTAINERS = [
    ("WAV", "PCM_16", 1),
    ("WAV", "PCM_16", 2),
    ("WAV", "PCM_U8", 1),
    ("WAV", "PCM_24", 1),
    ("WAV", "FLOAT", 2),
    ("WAVEX", "PCM_16", 2),
    ("RF64", "PCM_16", 1),
    ("W64", "PCM_16", 2),
    ("AIFF", "PCM_16", 1),
    ("AIFF", "PCM_S8", 1),
    ("AIFF", "PCM_24", 2),
    ("AU", "PCM_16", 2),
    ("NIST", "PCM_16", 2),
]


def write(
    path: Path,
    container: str = "WAV",
    encoding: str = "PCM_16",
    n_channels: int = 1,
    *,
    endian: str = "FILE",
) -> bytes:
    """Write noise and return the bytes of the file."""
    generator = np.random.default_rng(0)
    noise = 0.1 * generator.standard_normal((N_SAMPLES, n_channels))
    soundfile.write(
        path, noise, RATE, format=container, subtype=encoding, endian=endian
    )
    return path.read_bytes()


@pytest.mark.parametrize(("container", "encoding", "n_channels"), CONTAINERS)
def test_a_whole_file_holds_what_it_promises(
    tmp_path: Path, container: str, encoding: str, n_channels: int
) -> None:
    path = tmp_path / "a"
    write(path, container, encoding, n_channels)
    extent = find_extent(path)
    assert extent is not None
    assert extent.promised == N_SAMPLES * n_channels * BYTES_OF[encoding]
    assert extent.found >= extent.promised
    assert not extent.is_unfinished


@pytest.mark.parametrize(("container", "encoding", "n_channels"), CONTAINERS)
@pytest.mark.parametrize("left", [0.5, 0.98])
def test_a_shortened_file_is_refused_with_both_numbers(
    tmp_path: Path, container: str, encoding: str, n_channels: int, left: float
) -> None:
    path = tmp_path / "a"
    content = write(path, container, encoding, n_channels)
    path.write_bytes(content[: int(left * len(content))])
    promised = N_SAMPLES * n_channels * BYTES_OF[encoding]
    with pytest.raises(AudioError, match=rf"promises {promised} bytes .*, but \d+ are"):
        find_extent(path)


def test_one_missing_sample_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = write(path)
    path.write_bytes(content[:-1])
    with pytest.raises(AudioError, match="promises 8000 bytes of sound, but 7999 are"):
        find_extent(path)


@pytest.mark.parametrize("container", ["WAV", "AIFF"])
def test_bytes_after_the_sound_do_not_matter(tmp_path: Path, container: str) -> None:
    path = tmp_path / "a"
    content = write(path, container)
    path.write_bytes(content + b"\0")
    extent = find_extent(path)
    assert extent is not None
    assert extent.found == 8001


def test_a_missing_padding_byte_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(33), RATE, subtype="PCM_U8")
    content = path.read_bytes()
    # An odd chunk is followed by a byte that is not part of it.
    assert len(content) == 44 + 33 + 1
    path.write_bytes(content[:-1])
    extent = find_extent(path)
    assert extent is not None
    assert extent.found == extent.promised == 33


def test_half_a_sample_too_much_is_promised_by_an_odd_header(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = write(path)
    path.write_bytes(content[:40] + struct.pack("<I", 8_001) + content[44:])
    extent = find_extent(path)
    assert extent is not None
    assert (extent.promised, extent.found) == (8_001, 8_000)


def test_tags_before_the_sound_hide_nothing(tmp_path: Path) -> None:
    """4 kB of them fill libsndfile's log, which then does not tell of the sound."""
    path = tmp_path / "a.wav"
    content = write(path)
    tags = b"INFO" + b"".join(
        b"ICMT" + struct.pack("<I", 100) + b"x" * 100 for _ in range(40)
    )
    chunk = b"LIST" + struct.pack("<I", len(tags)) + tags
    whole = content[:36] + chunk + content[36:]
    path.write_bytes(whole)
    extent = find_extent(path)
    assert extent is not None
    assert extent.found == extent.promised == 8_000
    path.write_bytes(whole[:-4_000])
    with pytest.raises(AudioError, match="but 4000 are there"):
        find_extent(path)


def test_a_big_endian_wav_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = write(path, endian="BIG")
    assert content[:4] == b"RIFX"
    path.write_bytes(content[:-2_000])
    with pytest.raises(AudioError, match="promises 8000 bytes of sound, but 6000 are"):
        find_extent(path)


@pytest.mark.parametrize(
    "length",
    [0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000, 0x8000_0000, 0x7F00_0000, 0xFFFF_FFDB],
)
@pytest.mark.parametrize("container", ["WAV", "AIFF"])
def test_a_length_left_open_promises_nothing(
    tmp_path: Path, container: str, length: int
) -> None:
    path = tmp_path / "a"
    content = bytearray(write(path, container))
    name, order = (b"data", "<I") if container == "WAV" else (b"SSND", ">I")
    at = content.index(name) + 4
    content[at : at + 4] = struct.pack(order, length)
    path.write_bytes(content)
    extent = find_extent(path)
    assert extent is not None
    assert extent.promised is None
    assert not extent.is_unfinished


def test_a_very_long_file_is_not_taken_for_one_left_open(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = write(path)
    path.write_bytes(content[:40] + struct.pack("<I", 3_000_000_000) + content[44:])
    with pytest.raises(AudioError, match="promises 3000000000 bytes"):
        find_extent(path)


@pytest.mark.parametrize("riff_length", [0, 36, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_length_of_zero_is_one_that_was_never_filled_in(
    tmp_path: Path, riff_length: int
) -> None:
    path = tmp_path / "a.wav"
    content = write(path)
    header = content[:4] + struct.pack("<I", riff_length) + content[8:40]
    path.write_bytes(header + bytes(4) + content[44:])
    extent = find_extent(path)
    assert extent is not None
    assert extent.is_unfinished == (riff_length != 36)
    assert extent.start == 44


def test_an_empty_file_with_tags_after_the_sound_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = write(path)
    body = content[8:40] + bytes(4) + b"LIST" + struct.pack("<I", 4) + b"INFO"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    extent = find_extent(path)
    assert extent is not None
    assert not extent.promised
    assert not extent.is_unfinished


@pytest.mark.parametrize(
    "content",
    [b"", b"R", b"RIFF", b"RIFF\0\0\0\0WAVE", b"FORM", b"riff", b"NIST_1A\n   1024\n"],
)
def test_a_header_without_sound_states_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert find_extent(path) is None


@pytest.mark.parametrize("encoding", ["VORBIS", "OPUS"])
def test_ogg_must_end_with_its_last_page(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.ogg"
    content = write(path, "OGG", encoding)
    check_ogg(path)
    path.write_bytes(content + b"junk after the last page")
    check_ogg(path)
    last_page = content.rindex(b"OggS")
    for n_bytes in (1, len(content) // 2, last_page, last_page + 20, len(content) - 1):
        path.write_bytes(content[:n_bytes])
        with pytest.raises(AudioError, match=r"is cut short: .* closes an Ogg stream"):
            check_ogg(path)
