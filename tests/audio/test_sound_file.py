"""What `open_sound` refuses, and what it reads that others do not."""

import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

import sonotype.audio.sound_file as sound_file
from sonotype.audio.sound_file import check_file, open_sound, read_blocks
from sonotype.errors import AudioError

RATE = 8_000
NOISE = (0.1 * np.random.default_rng(0).standard_normal(4_000)).astype(np.float32)


def write(path: Path, **options: str) -> bytes:
    soundfile.write(path, NOISE, RATE, **options)
    return path.read_bytes()


def read(path: Path) -> np.ndarray:
    with open_sound(path) as sound:
        return np.concatenate(list(read_blocks(sound)))[:, 0]


def test_blocks_join_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path, subtype="FLOAT")
    with open_sound(path) as sound:
        assert sound.n_samples == 4_000
        first = list(read_blocks(sound, 1_500))
        rest = list(read_blocks(sound))
    assert sum(len(block) for block in first) == 1_500
    joined = np.concatenate([*first, *rest])
    assert joined.shape == (4_000, 1)
    np.testing.assert_array_equal(joined[:, 0], NOISE)


def test_a_long_file_comes_in_blocks_that_fit_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((2**20 + 5, 2), np.int16), RATE)
    with open_sound(path) as sound:
        lengths = [len(block) for block in read_blocks(sound)]
    assert lengths == [2**19, 2**19, 5]


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize(
    ("container", "endian"),
    [
        ("WAV", "LITTLE"),
        ("WAV", "BIG"),
        ("WAVEX", "LITTLE"),
        ("RF64", "FILE"),
        ("W64", "FILE"),
        ("AIFF", "BIG"),
        ("AIFF", "LITTLE"),
        ("AU", "BIG"),
        ("CAF", "BIG"),
        ("FLAC", "FILE"),
    ],
)
def test_16_bit_samples_are_the_floats_that_libsndfile_makes(
    container: str,
    endian: str,
    n_channels: int,
    reuse: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "a"
    every_number = np.arange(-(2**15), 2**15).astype(np.int16)
    samples = np.stack([np.roll(every_number, n) for n in range(n_channels)], axis=1)
    soundfile.write(path, samples, RATE, "PCM_16", endian, container)
    # Blocks that end within a piece, and pieces that end within a block.
    monkeypatch.setattr(sound_file, "_BLOCK_VALUES", 50_000)
    monkeypatch.setattr(sound_file, "_REUSED_VALUES", 30_000)
    with open_sound(path) as sound:
        found = [block.copy() for block in read_blocks(sound, reuse=reuse)]
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert found[0].dtype == np.float32
    np.testing.assert_array_equal(np.concatenate(found), expected)


@pytest.mark.parametrize("riff_length", [0, 8, 36 + 999, 0xFFFF_FFFF, 0x7FFF_FFFF])
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_a_wav_whose_length_was_never_filled_in_is_read(
    tmp_path: Path, riff_length: int, endian: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.wav"
    content = write(path, subtype="FLOAT", endian=endian)
    layout = "<I" if endian == "LITTLE" else ">I"
    at = content.index(b"data") + 4
    riff = struct.pack(layout, 0 if riff_length == 1035 else riff_length)
    path.write_bytes(content[:4] + riff + content[8:at] + bytes(4) + content[at + 4 :])
    found = read(path)
    # What comes after the sound is taken for sound: nothing says where it ends.
    np.testing.assert_array_equal(found[:4_000], NOISE)
    assert len(found) < 4_020
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("length", [0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000, 0x8000_0000])
def test_a_wav_written_to_a_pipe_is_read(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.wav"
    content = write(path, subtype="PCM_16")
    header = content[:4] + b"\xff\xff\xff\xff" + content[8:40]
    path.write_bytes(header + struct.pack("<I", length) + content[44:])
    np.testing.assert_allclose(read(path), NOISE, atol=1 / 32_768)


def test_a_flac_written_to_a_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    content = bytearray(write(path))
    expected = read(path)
    # The last 36 bits before the checksum of STREAMINFO count the samples.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    with open_sound(path) as sound:
        assert sound.n_samples is None
    np.testing.assert_array_equal(read(path), expected)


@pytest.mark.parametrize("left", [0.2, 0.5, 0.9])
def test_a_shortened_flac_is_refused(tmp_path: Path, left: float) -> None:
    path = tmp_path / "a.flac"
    content = write(path)
    path.write_bytes(content[: int(left * len(content))])
    with pytest.raises(AudioError, match=r"cut short .* header promises 4000 samples"):
        read(path)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_without_a_count_has_as_many_samples_as_it_decodes_to(
    tmp_path: Path, mode: str
) -> None:
    path = tmp_path / "a.mp3"
    silence = np.zeros(RATE)
    # Silence first: libsndfile's estimate is then far above the real number.
    soundfile.write(path, np.concatenate([silence, NOISE]), RATE, bitrate_mode=mode)
    content = path.read_bytes()
    path.write_bytes(content[content.index(content[:2], 2) :])
    with open_sound(path) as sound:
        n_samples = sound.n_samples
        assert sum(len(block) for block in read_blocks(sound)) == n_samples


def test_an_mp3_that_libsndfile_would_shorten_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    # Noise first: the estimate is then far below the real number.
    signal = np.concatenate([NOISE, np.zeros(4 * RATE)])
    soundfile.write(path, signal, RATE, bitrate_mode="VARIABLE")
    content = path.read_bytes()
    path.write_bytes(content[content.index(content[:2], 2) :])
    with pytest.raises(AudioError, match=r"only \d+ of its \d+ samples can be read"):
        read(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav: there is no such file"):
        check_file(tmp_path / "gone.wav")


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot be read: File name too long"):
        check_file(tmp_path / ("a" * 300))


def test_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.mkdir()
    with pytest.raises(AudioError, match=r"x\.wav: is a folder, not an audio file"):
        check_file(path)


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    with pytest.raises(AudioError, match=r"is empty \(0 bytes\)"):
        check_file(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    os.mkfifo(path)
    errors: list[str] = []

    def attempt() -> None:
        try:
            read(path)
        except AudioError as error:
            errors.append(str(error))

    reader = threading.Thread(target=attempt, daemon=True)
    reader.start()
    reader.join(timeout=5)
    assert errors == [f"{path}: is not a regular file"]


def test_a_socket_device_or_the_like(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is not a regular file"):
        check_file(Path(os.devnull))


def test_raw_samples_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "a.RAW"
    path.write_bytes(bytes(1_000))
    with pytest.raises(AudioError, match="has no header that says its rate"):
        read(path)


@pytest.mark.skipif(os.name != "posix", reason="needs names that are just bytes")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    with pytest.raises(AudioError, match="its name is not valid UTF-8; rename it"):
        check_file(path)


@pytest.mark.parametrize("content", [b"R", b"just text\n" * 99, b"ID3", bytes(999)])
def test_what_is_not_audio(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match="is not audio in a format that can be read"):
        read(path)


@pytest.mark.parametrize("suffix", ["wav", "ogg", "aiff"])
def test_a_file_without_samples(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, NOISE[:0], RATE)
    with pytest.raises(AudioError, match="holds no sound: 0 samples"):
        read(path)


def test_a_damaged_header(tmp_path: Path) -> None:
    path = tmp_path / "a.caf"
    content = write(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError, match="its header is damaged"):
        read(path)


def test_an_error_of_the_caller_passes_through(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path)
    with pytest.raises(OSError, match="the caller's"), open_sound(path):
        raise OSError("the caller's")
