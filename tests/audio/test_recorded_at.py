"""When a recording was made: the names and headers that recorders write."""

import struct
import time
from pathlib import Path

import pytest
from tests.nasty_files import chunk, fmt

from sonotype.audio.recorded_at import recorded_at, recording_site

COMMENT = (
    "Recorded at 19:17:30 04/04/2019 ({zone}) by AudioMoth 0FE081F80FE081F0 at gain "
    "setting 2 while battery state was 3.5V"
)


def wav(path: Path, *chunks: bytes) -> Path:
    body = b"WAVE" + fmt() + b"".join(chunks) + chunk(b"data", bytes(8))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def info_list(comment: str, artist: str = "AudioMoth") -> bytes:
    tags = chunk(b"IART", artist.encode()) + chunk(b"ICMT", comment.encode() + b"\0\0")
    return chunk(b"LIST", b"INFO" + tags)


def bext(day: str, time: str) -> bytes:
    return chunk(b"bext", bytes(320) + day.encode() + time.encode() + bytes(264))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20240131_053000.WAV", "2024-01-31T05:30:00"),
        ("20240131_053000T.WAV", "2024-01-31T05:30:00"),
        ("24F319055FDF2205_20240131_053000.WAV", "2024-01-31T05:30:00"),
        ("SITE_20240131_053000.wav", "2024-01-31T05:30:00"),
        ("SM3-7_0+1_20240131_053000.wav", "2024-01-31T05:30:00"),
        ("SITE_20240131$053000.wav", "2024-01-31T05:30:00"),
        ("SITE_20240131_053000+0100.wav", "2024-01-31T05:30:00+01:00"),
        ("20240131T053000-0330_REC.flac", "2024-01-31T05:30:00-03:30"),
        ("20240131T053000Z.flac", "2024-01-31T05:30:00+00:00"),
        ("S4A12345_20180914_063000_000.wav", "2018-09-14T06:30:00"),
        # 0x5B1F6A1C seconds after 1970
        ("5B1F6A1C.WAV", "2018-06-12T06:37:16+00:00"),
    ],
)
def test_names_that_recorders_write(name: str, expected: str) -> None:
    found = recorded_at(name)
    assert found is not None
    assert found.isoformat() == expected


@pytest.mark.parametrize(
    "name",
    [
        *("a.wav", "20240131.wav", "20241331_053000.wav", "20240131_253000.wav"),
        *("120240131_053000.wav", "20240131_0530001.wav", "12345678.WAV"),
        *("deadbeef.wav", "FFFFFFFF.WAV", "20240131_053000+9900.wav"),
    ],
)
def test_names_that_tell_no_time(name: str) -> None:
    assert recorded_at(name) is None


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC", "+00:00"), ("UTC+10", "+10:00"), ("UTC-3:30", "-03:30")],
)
def test_the_comment_of_an_audiomoth(zone: str, expected: str, tmp_path: Path) -> None:
    path = wav(tmp_path / "20000101_000000.WAV", info_list(COMMENT.format(zone=zone)))
    found = recorded_at(path)
    assert found is not None
    assert found.isoformat() == f"2019-04-04T19:17:30{expected}"


def test_guano_comes_before_the_name(tmp_path: Path) -> None:
    text = b"GUANO|Version: 1.0\nTimestamp: 2024-01-31T05:30:00.5+02:00\nTE: 1\n"
    path = wav(tmp_path / "20000101_000000.wav", chunk(b"guan", text))
    assert str(recorded_at(path)) == "2024-01-31 05:30:00.500000+02:00"


def test_the_broadcast_extension_comes_after_the_name(tmp_path: Path) -> None:
    header = bext("2024-01-31", "05:30:00")
    named = wav(tmp_path / "20000101_000000.wav", header)
    assert str(recorded_at(named)) == "2000-01-01 00:00:00"
    assert str(recorded_at(wav(tmp_path / "a.wav", header))) == "2024-01-31 05:30:00"


@pytest.mark.parametrize(
    "chunks",
    [
        info_list(COMMENT.format(zone="UTC+99")),
        info_list("Recorded at 19:17:30 44/04/2019 (UTC) by"),
        chunk(b"LIST", b"INFO" + b"ICMT\xff\xff\xff\xff"),
        chunk(b"LIST", b""),
        chunk(b"guan", b"Timestamp: yesterday"),
        bext("0000-00-00", "00:00:00"),
        chunk(b"bext", b"short"),
    ],
)
def test_a_header_that_tells_nothing_is_no_error(chunks: bytes, tmp_path: Path) -> None:
    assert recorded_at(wav(tmp_path / "a.wav", chunks)) is None


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVELIST", b"fLaC"])
def test_a_file_that_is_no_wav_is_no_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    assert recorded_at(tmp_path / "a.wav") is None


def test_a_day_of_silence_is_not_searched_for_chunks(tmp_path: Path) -> None:
    header = b"RF64\xff\xff\xff\xffWAVE" + fmt() + b"data\0\0\0\0"
    with (tmp_path / "a.wav").open("wb") as stream:
        stream.write(header)
        stream.truncate(2**30)
    began = time.perf_counter()
    assert recorded_at(tmp_path / "a.wav") is None
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("path", "site"),
    [
        ("x/HILL_20240131_053000.wav", "HILL"),
        ("x/NORTH_HILL_20240131_053000+0100.wav", "NORTH_HILL"),
        ("x/SM3-7_0+1_20240131_053000.wav", "SM3-7"),
        ("x/20240131_053000.WAV", "x"),
        ("x/5B1F6A1C.WAV", "x"),
    ],
)
def test_the_site(path: str, site: str) -> None:
    assert recording_site(path) == site
