import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from scipy.signal import resample_poly

from sonotype.audio.io import (
    AUDIO_SUFFIXES,
    AudioInfo,
    read_audio,
    read_info,
    read_native,
    to_mono,
)
from sonotype.errors import AudioError

RATE = 8_000
DATA = Path(__file__).parents[2].parent / "shared" / "data"
NOISE = (0.1 * np.random.default_rng(0).standard_normal((4_000, 2))).astype(np.float32)


def write(path: Path, samples: np.ndarray, **options: str) -> Path:
    soundfile.write(path, samples, RATE, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options", "container", "encoding"),
    [
        ("a.wav", {}, "WAV", "PCM_16"),
        ("A.WAV", {"subtype": "PCM_24"}, "WAV", "PCM_24"),
        ("a.wav", {"subtype": "FLOAT"}, "WAV", "FLOAT"),
        ("a.wav", {"format": "WAVEX"}, "WAVEX", "PCM_16"),
        ("a.wav", {"subtype": "IMA_ADPCM"}, "WAV", "IMA_ADPCM"),
        ("a.flac", {}, "FLAC", "PCM_16"),
        ("a.ogg", {}, "OGG", "VORBIS"),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}, "OGG", "OPUS"),
        ("a.mp3", {}, "MP3", "MPEG_LAYER_III"),
        ("a.aif", {"format": "AIFF"}, "AIFF", "PCM_16"),
        ("a.au", {}, "AU", "PCM_16"),
    ],
)
def test_info_tells_what_was_written(
    tmp_path: Path, name: str, options: dict[str, str], container: str, encoding: str
) -> None:
    n_channels = 1 if encoding == "IMA_ADPCM" else 2
    path = write(tmp_path / name, NOISE[:, :n_channels], **options)
    info = read_info(path)
    # ADPCM fills up its last block.
    assert 4_000 <= info.n_samples < 4_600
    assert info == AudioInfo(
        path, container, encoding, RATE, n_channels, info.n_samples
    )
    assert info.duration_seconds == info.n_samples / RATE
    assert len(read_native(path)[0]) == info.n_samples


def test_info_of_a_flac_without_a_length_counts_its_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", NOISE)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert read_info(path).n_samples == 4_000
    whole, _ = read_native(path)
    assert len(whole) == 4_000
    part, _ = read_native(path, start_seconds=0.25, end_seconds=0.4)
    np.testing.assert_array_equal(part, whole[2_000:3_200])
    with pytest.raises(
        AudioError, match=r"not inside the recording, which lasts 0\.5 s"
    ):
        read_native(path, start_seconds=0.25, end_seconds=0.6)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff"])
@pytest.mark.parametrize(("encoding", "n_bits"), [("PCM_16", 16), ("PCM_24", 24)])
def test_pcm_samples_are_exact(
    tmp_path: Path, name: str, encoding: str, n_bits: int
) -> None:
    full = 2 ** (n_bits - 1)
    whole = np.random.default_rng(1).integers(-full, full, 3_000)
    # libsndfile takes int32 samples for 32 bits.
    path = write(
        tmp_path / name, (whole << (32 - n_bits)).astype(np.int32), subtype=encoding
    )
    samples, sample_rate = read_native(path)
    assert samples.dtype == np.float32
    assert sample_rate == RATE
    np.testing.assert_array_equal(samples.astype(np.float64) * full, whole)


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", NOISE, subtype="FLOAT")
    samples, _ = read_native(path)
    np.testing.assert_allclose(samples, NOISE.mean(axis=1), atol=1e-7)
    np.testing.assert_array_equal(samples, to_mono(NOISE))


def test_the_layout_of_channels_does_not_matter(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.wav", NOISE)
    extensible = write(tmp_path / "b.wav", NOISE, format="WAVEX")
    assert struct.unpack("<H", extensible.read_bytes()[20:22]) == (0xFFFE,)
    np.testing.assert_array_equal(read_native(plain)[0], read_native(extensible)[0])


@pytest.mark.parametrize(
    ("start", "end"), [(0, 0.25), (0.1, None), (None, 0.3), (0.123, 0.456), (0, 0.5)]
)
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_an_interval_is_a_slice_of_the_whole(
    tmp_path: Path, name: str, start: float | None, end: float | None
) -> None:
    path = write(tmp_path / name, NOISE)
    whole, _ = read_native(path)
    part, _ = read_native(path, start_seconds=start, end_seconds=end)
    first = round((start or 0) * RATE)
    last = 4_000 if end is None else round(end * RATE)
    # The MP3 decoder rounds differently after a seek.
    np.testing.assert_allclose(part, whole[first:last], atol=1e-6)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (0.4, 0.6, "0.4 s to 0.6 s is not inside the recording, which lasts 0.5 s"),
        (0.5, None, "0.5 s to the end is not inside the recording"),
        (-0.1, 0.2, "-0.1 s to 0.2 s is empty or not a time"),
        (0.2, 0.2, "0.2 s to 0.2 s is empty"),
        (0.3, 0.2, "0.3 s to 0.2 s is empty"),
        (float("nan"), None, "nan s to the end is empty or not a time"),
        (0.1, float("inf"), "0.1 s to inf s is empty or not a time"),
        (0.10001, 0.10002, "0.10001 s to 0.10002 s is shorter than one sample"),
    ],
)
def test_an_interval_must_lie_inside(
    tmp_path: Path, start: float, end: float | None, reason: str
) -> None:
    path = write(tmp_path / "a.wav", NOISE)
    with pytest.raises(AudioError, match=f"the interval from {reason}"):
        read_native(path, start_seconds=start, end_seconds=end)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_refused(tmp_path: Path, bad: float) -> None:
    samples = NOISE.copy()
    samples[123, 1] = bad
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    with pytest.raises(AudioError, match=f"sample 123 is {bad}, not a finite number"):
        read_native(path)
    assert len(read_native(path, start_seconds=0.1)[0]) == 3_200


def test_samples_above_full_scale_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", 30 * NOISE, subtype="FLOAT")
    assert np.abs(read_native(path)[0]).max() > 2


def test_a_flac_that_promises_too_much_does_not_fill_the_memory(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "a.flac", NOISE)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F  # 15 * 2**32 samples more
    path.write_bytes(content)
    promised = 15 * 2**32 + 4_000
    with pytest.raises(
        AudioError, match=f"too long to be read at once: {promised} samples"
    ):
        read_native(path)


@pytest.mark.parametrize("start", [0.05, 0.4])
def test_an_interval_of_a_shortened_flac_may_be_whole(
    tmp_path: Path, start: float
) -> None:
    path = write(tmp_path / "a.flac", np.tile(NOISE, (10, 1)))
    whole, _ = read_native(path, start_seconds=start, end_seconds=start + 0.1)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    part, _ = read_native(path, start_seconds=start, end_seconds=start + 0.1)
    np.testing.assert_array_equal(part, whole)
    with pytest.raises(AudioError, match="header promises 40000 samples"):
        read_native(path, start_seconds=4.5)


def test_a_shortened_mp3_is_refused_though_its_header_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, NOISE, RATE, bitrate_mode="CONSTANT", compression_level=0.1)
    content = bytearray(path.read_bytes())
    # Without the number of bytes, only the decoded samples tell.
    at = content.index(b"Info") + 12
    content[at : at + 4] = bytes(4)
    path.write_bytes(content[: len(content) // 2])
    assert read_info(path).n_samples == 4_000
    with pytest.raises(AudioError, match=r"promises 4000 samples, but \d+ could be"):
        read_native(path)


def test_reading_at_another_rate_resamples(tmp_path: Path) -> None:
    seconds = np.arange(4_000) / RATE
    path = write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 300 * seconds))
    samples = read_audio(path, 16_000)
    assert len(samples) == 8_000
    expected = resample_poly(read_native(path)[0], 2, 1)
    np.testing.assert_allclose(samples[500:-500], expected[500:-500], atol=2e-3)
    part = read_audio(path, 16_000, start_seconds=0.25, end_seconds=0.5)
    assert len(part) == 4_000


def test_a_path_may_be_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", NOISE)
    assert read_info(str(path)).path == path
    np.testing.assert_array_equal(read_native(str(path))[0], read_native(path)[0])


def test_suffixes_are_those_of_recordings() -> None:
    assert {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".w64"} <= AUDIO_SUFFIXES
    assert {".m4a", ".aac", ".wma", ".mp4"} <= AUDIO_SUFFIXES
    assert not {".raw", ".mat", ".txt", ".htk"} & AUDIO_SUFFIXES
    assert all(suffix == suffix.lower() for suffix in AUDIO_SUFFIXES)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings beside the project")
@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_field_recordings_are_read_to_their_end(suffix: str) -> None:
    paths = sorted((DATA / "screaming_piha" / "audio").glob(f"*.{suffix}"))
    assert paths
    for path in paths:
        samples, sample_rate = read_native(path)
        info = read_info(path)
        assert (len(samples), sample_rate) == (info.n_samples, info.sample_rate)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_a_long_file_is_resampled_as_a_whole(
    tmp_path: Path, suffix: str, n_channels: int
) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((300_000, n_channels))
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, noise, 48_000)
    whole = soundfile.read(path, dtype="float32", always_2d=True)[0]
    for start, end in [(None, None), (0.5, 6.0)]:
        mono = whole.mean(axis=1, dtype=np.float32)
        if end:
            mono = mono[24_000:288_000]
        expected = soxr.resample(mono, 48_000, 16_000, quality="HQ")
        found = read_audio(path, 16_000, start_seconds=start, end_seconds=end)
        if suffix == "ogg" and start:  # decoding from the middle rounds otherwise
            np.testing.assert_allclose(found, expected, atol=1e-5)
        else:
            np.testing.assert_array_equal(found, expected)


def test_a_late_sample_that_is_no_number_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = np.zeros(400_000, np.float32)
    samples[390_001] = np.inf
    soundfile.write(path, samples, 48_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="sample 390001 is inf, not a finite"):
        read_audio(path, 16_000)
