"""What is read through PyAV: the right samples, all of them, or a reason."""

import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.encode_av import N_SAMPLES, RATE, SOUND, encode_av

from sonotype.audio import av_file
from sonotype.audio.av_file import open_av
from sonotype.audio.io import read_audio, read_info, read_native
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.readers.folder import read_folder
from sonotype.errors import AudioError

av = pytest.importorskip("av", reason="needs the extra av")


def read(path: Path, start: int | None = None, n_samples: int = 10**9) -> np.ndarray:
    with open_av(path) as sound:
        if start is not None:
            sound.seek(start)
        return sound.read(n_samples)


@pytest.mark.parametrize(
    ("name", "codec", "worst"),
    [
        ("a.m4a", "aac", 0.01),
        ("a.mp4", "aac", 0.01),
        ("a.3gp", "aac", 0.01),
        ("a.M4A", "alac", 0),
        ("a.mov", "pcm_s16le", 0),
        ("a.avi", "pcm_s16le", 0),
        ("a.mka", "flac", 0),
        ("a.webm", "libopus", 0.01),
    ],
)
def test_a_file_holds_what_was_written_and_nothing_else(
    tmp_path: Path, name: str, codec: str, worst: float
) -> None:
    path = tmp_path / name
    encode_av(path, codec)
    samples = read(path)
    assert samples.dtype == np.float32
    assert samples.shape == SOUND.shape
    # An encoder may be far off in a few samples where the sound begins.
    assert np.sqrt(np.square(samples - SOUND).mean()) <= worst
    with open_av(path) as sound:
        assert (sound.samplerate, sound.channels) == (RATE, 2)
        assert sound.format == name[2:].upper()


def test_bare_aac_keeps_what_the_encoder_put_before_it(tmp_path: Path) -> None:
    path = tmp_path / "a.aac"
    encode_av(path, "aac")
    samples = read(path)
    assert len(samples) % 1024 == 0
    wrong = samples[1024 : 1024 + N_SAMPLES] - SOUND
    assert np.sqrt(np.square(wrong).mean()) < 0.01


def test_the_edit_list_says_where_the_sound_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    content = bytearray(encode_av(path, "aac"))
    whole = read(path)
    # Version and flags, number of edits, length of the first, its start.
    at = content.index(b"elst") + 16
    assert struct.unpack(">i", content[at : at + 4]) == (1024,)
    content[at : at + 4] = struct.pack(">i", 2112)  # Apple's encoder
    path.write_bytes(content)
    np.testing.assert_allclose(read(path), whole[2112 - 1024 :], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.m4a", "aac"), ("a.m4a", "alac"), ("a.aac", "aac"), ("a.webm", "libopus")],
)
@pytest.mark.parametrize("start", [0, 500, 70_000, N_SAMPLES - 10])
def test_what_is_read_after_a_seek_is_a_slice_of_the_whole(
    tmp_path: Path, name: str, codec: str, start: int
) -> None:
    path = tmp_path / name
    encode_av(path, codec)
    whole = read(path)
    part = read(path, start, 20_000)
    np.testing.assert_allclose(part, whole[start : start + 20_000], atol=1e-6)


def test_a_recording_is_decoded_once_and_then_entered_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.m4a"
    encode_av(path, "alac")
    decoded: list[int] = []
    original = av_file.AvSound._samples

    def counting(*args: Any, **options: Any) -> np.ndarray:
        samples = original(*args, **options)
        decoded.append(len(samples))
        return samples

    monkeypatch.setattr(av_file.AvSound, "_samples", counting)
    for start in (2 * RATE, 2 * RATE + 1):
        with open_av(path) as sound:
            assert sound.count() == N_SAMPLES
            sound.seek(start)
            np.testing.assert_array_equal(sound.read(10)[0], SOUND[start])
    # Once as a whole, and twice with a second before it and some packets after it.
    assert sum(decoded) < N_SAMPLES + 2 * (RATE + 4 * 4096)


def test_packets_with_wrong_times_cost_no_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    content = bytearray(encode_av(path, "alac"))
    # The first packets take 4096 ticks each: a tenth too few, as some telephones say.
    at = content.index(b"stts") + 16
    assert struct.unpack(">i", content[at : at + 4]) == (4096,)
    content[at : at + 4] = struct.pack(">i", 3700)
    path.write_bytes(content)
    np.testing.assert_array_equal(read(path), SOUND)
    np.testing.assert_array_equal(read(path, 2 * RATE, 10), SOUND[2 * RATE :][:10])


def test_blocks_join_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    encode_av(path, "alac")
    with open_av(path) as sound:
        blocks = [sound.read(n) for n in (1, 10_000, 5_000, N_SAMPLES)]
        assert len(sound.read(1)) == 0
    np.testing.assert_array_equal(np.concatenate(blocks), SOUND)


@pytest.mark.parametrize("codec", ["aac", "alac"])
@pytest.mark.parametrize("left", [0.5, 0.9])
def test_a_shortened_file_is_refused(tmp_path: Path, codec: str, left: float) -> None:
    path = tmp_path / "a.m4a"
    # With the header in front, so that the file opens all the same.
    content = encode_av(path, codec, movflags="faststart")
    path.write_bytes(content[: int(left * len(content))])
    with pytest.raises(AudioError, match=r"cut short|damaged"):
        read(path)
    with pytest.raises(AudioError, match=r"cut short|damaged"), open_av(path) as sound:
        sound.count()


def test_a_file_without_its_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(encode_av(path, "aac")[:9_000])
    with pytest.raises(AudioError, match=r"damaged or not what .*Invalid data"):
        read(path)


@pytest.mark.parametrize(
    "content", [b"just text\n" * 99, b"#EXTM3U\nhttp://localhost:1/a.aac\n", bytes(999)]
)
@pytest.mark.parametrize("suffix", ["m4a", "wma"])
def test_what_is_not_audio_is_refused_and_no_playlist_followed(
    tmp_path: Path, content: bytes, suffix: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(AudioError, match="not what its name says"):
        read(path)


def test_a_video_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 16
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with pytest.raises(AudioError, match="holds no sound: no track of it is audio"):
        read(path)


@pytest.mark.parametrize("name", ["http:x.m4a", "a b'\"\n%d.m4a", "e\u0301.m4a"])
def test_a_name_is_never_an_address(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encode_av(tmp_path / "a.m4a", "alac")
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(read(Path(name)), SOUND)


def test_without_pyav_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        AudioError, match=r"a\.m4a: \.m4a files need PyAV.*sonotype\[av"
    ):
        read(tmp_path / "a.m4a")


def test_suffixes_are_lower_case() -> None:
    assert all(suffix == suffix.lower() for suffix in av_file.AV_SUFFIXES)


def test_it_is_read_as_any_other_file_is(tmp_path: Path) -> None:
    path = tmp_path / "no" / "a.m4a"
    path.parent.mkdir()
    encode_av(path, "alac")
    info = read_info(path)
    assert (info.container, info.encoding, info.n_channels) == ("M4A", "ALAC", 2)
    assert (info.n_samples, info.sample_rate) == (N_SAMPLES, RATE)
    mono = SOUND.mean(axis=1)
    np.testing.assert_array_equal(read_native(path)[0], mono)
    part = read_audio(path, RATE, start_seconds=2.5, end_seconds=2.75)
    np.testing.assert_array_equal(part, mono[round(2.5 * RATE) : round(2.75 * RATE)])
    audio = AudioCache(tmp_path / "cache", sample_rate=16_000).load(
        read_folder(tmp_path)
    )
    assert audio.lengths.tolist() == [round(N_SAMPLES / 3)]
