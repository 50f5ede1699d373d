"""A streamed recording is the same, to the last bit, as one that is read at once."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.encode_av import encode_av
from tests.nasty_files import SAMPLE_RATE, write_all

import sonotype.audio.sound_file as sound_file
from sonotype.audio.io import read_audio
from sonotype.audio.stream import AudioStream
from sonotype.errors import AudioError

RATES = (8_000, 16_000, 44_100)


def noise(rng: np.random.Generator, n_samples: int, n_channels: int) -> np.ndarray:
    return 0.1 * rng.standard_normal((n_samples, n_channels))


def streamed(path: Path, rate: int) -> np.ndarray:
    return np.concatenate([block.copy() for block in AudioStream(path, rate)])


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("block", [1_000, 4_097])
def test_it_is_what_is_read_at_once(
    suffix: str,
    n_channels: int,
    rate: int,
    block: int,
    rng: np.random.Generator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, noise(rng, 30_011, n_channels), 16_000)
    whole = read_audio(path, rate)
    monkeypatch.setattr(sound_file, "_BLOCK_VALUES", block)
    monkeypatch.setattr(sound_file, "_REUSED_VALUES", block)
    np.testing.assert_array_equal(streamed(path, rate), whole)


@pytest.mark.parametrize(("suffix", "codec"), [(".m4a", "aac"), (".webm", "libopus")])
def test_it_is_so_through_pyav(suffix: str, codec: str, tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = tmp_path / f"a{suffix}"
    encode_av(path, codec)
    np.testing.assert_array_equal(streamed(path, 16_000), read_audio(path, 16_000))


def test_two_streams_in_one_thread_do_not_disturb_each_other(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path in paths:
        soundfile.write(path, noise(rng, 700_000, 1), 48_000)
    pairs = zip(*(AudioStream(path, 16_000) for path in paths), strict=True)
    for path, blocks in zip(paths, zip(*pairs, strict=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(blocks), read_audio(path, 16_000))


@pytest.mark.parametrize("rate", RATES)
def test_the_duration_is_that_of_the_file(rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(11_027), 11_025)
    stream = AudioStream(tmp_path / "a.wav", rate)
    assert stream.duration_seconds == 0
    for _ in stream:
        pass
    assert stream.duration_seconds == 11_027 / 11_025


def test_a_damaged_end_is_found_when_it_is_reached(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(rng, 2_000_000, 1), 16_000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    blocks = iter(AudioStream(path, 8_000))
    assert len(next(blocks))
    with pytest.raises(AudioError, match=r"a\.flac: .*promises 2000000 samples"):
        list(blocks)


def test_a_stream_that_is_put_aside_closes_its_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(3_000_000), 8_000)
    blocks = iter(AudioStream(tmp_path / "a.wav", 8_000))
    next(blocks)
    blocks.close()
    (tmp_path / "a.wav").unlink()
    assert next(blocks, None) is None


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("nasty")
    return [folder / file.name for file in write_all(folder)]


@pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")
@pytest.mark.parametrize("rate", [SAMPLE_RATE, 8_000])
def test_nasty_files_are_streamed_as_they_are_read(
    rate: int, nasty: list[Path]
) -> None:
    assert len(nasty) > 50
    for path in nasty:
        try:
            whole = read_audio(path, rate)
        except AudioError as error:
            if "too long to be read at once" not in str(error):
                with pytest.raises(AudioError, match=re.escape(str(error))):
                    streamed(path, rate)
        else:
            np.testing.assert_array_equal(streamed(path, rate), whole)
