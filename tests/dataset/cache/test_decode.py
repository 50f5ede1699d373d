import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.cache import decode
from sonotype.dataset.cache.decode import Interval, StoredFile, store_file

RATE = 8_000
WHOLE: Interval = (None, None)


def write(path: Path, n_samples: int = 800, seed: int = 0) -> Path:
    noise = 0.1 * np.random.default_rng(seed).standard_normal(n_samples)
    soundfile.write(path, noise, RATE)
    return path


class Kept(dict[str, tuple[np.ndarray, float]]):
    """A place for decoded clips."""

    def add(self, key: str, samples: np.ndarray, scale: float) -> None:
        self[key] = samples.copy(), scale


def store(
    path: Path, *intervals: Interval, rate: int = RATE, kept: Kept | None = None
) -> tuple[StoredFile, Kept]:
    kept = Kept() if kept is None else kept
    rows = dict(enumerate(intervals or [WHOLE]))
    return store_file(str(path), rows, rate, kept, {}), kept


def test_samples_are_those_of_the_file(tmp_path: Path) -> None:
    for suffix in ("wav", "flac"):
        path = write(tmp_path / f"1.{suffix}")
        file, kept = store(path)
        samples, scale = kept[file.keys[0]]
        expected, _ = soundfile.read(path, dtype="int16")
        np.testing.assert_array_equal(samples, expected)
        assert scale == 1 / 32_768
        assert file.lengths == {file.keys[0]: 800}
        assert file.reasons == {}


def test_the_digest_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "1.wav")
    assert store(path)[0].digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_clips_of_one_file_are_stored_once(tmp_path: Path) -> None:
    path = write(tmp_path / "1.wav")
    file, kept = store(path, (0, 0.05), (0.02, 0.1), (0, 0.05))
    assert file.keys[0] == file.keys[2] != file.keys[1]
    assert [len(samples) for samples, _ in kept.values()] == [400, 640]


def test_a_key_is_made_of_content_and_interval(tmp_path: Path) -> None:
    one = write(tmp_path / "1.wav")
    copy = tmp_path / "2.wav"
    copy.write_bytes(one.read_bytes())
    other = write(tmp_path / "3.wav", seed=1)
    first, second, third = (store(path)[0] for path in (one, copy, other))
    assert first.keys[0] == second.keys[0] != third.keys[0]
    assert first.digest == second.digest != third.digest
    assert store(one, (None, 0.1))[0].keys[0] != first.keys[0]


def test_what_is_stored_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "1.wav")
    first, kept = store(path)
    monkeypatch.delattr(decode, "decode_clip")
    again, _ = store(path, kept=kept)
    assert again.keys == first.keys
    assert again.lengths == {}


def test_a_file_is_hashed_again_only_if_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "1.wav")
    digests: dict[tuple[int, ...], str] = {}
    kept = Kept()

    def digest() -> str:
        return store_file(str(path), {0: WHOLE}, RATE, kept, digests).digest

    first = digest()
    with monkeypatch.context() as patch:
        patch.setattr(decode._scratch, "content", None)  # nothing to read it into
        assert digest() == first
    write(path, seed=1)
    os.utime(path, (1, 1))
    assert digest() != first


def test_long_and_short_files_are_stored_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "1.wav")
    short, kept = store(path)
    monkeypatch.setattr(decode, "_SHORT_FILE_BYTES", 10)
    long, also_kept = store(path)
    assert long == short
    (one,), (other,) = kept.values(), also_kept.values()
    np.testing.assert_array_equal(one[0], other[0])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (
            b"hello",
            "cannot be read: it is not audio in a format that can be read here; "
            "convert it to WAV or FLAC",
        ),
        (None, "there is no such file"),
    ],
)
def test_what_is_wrong_with_a_file_is_in_its_result(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    file, kept = store(path, WHOLE, (0, 1))
    if not content:
        assert file.reasons == {0: reason, 1: reason}
    assert file.reasons[0] == reason
    assert (file.keys, kept) == ({}, {})


def test_an_interval_outside_the_file_does_not_spoil_the_others(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "1.wav")
    file, _ = store(path, (0, 0.05), (1, 2), (0.05, 0.1))
    assert file.keys.keys() == {0, 2}
    assert file.reasons[1].startswith(
        "the interval from 1 s to 2 s is not inside the recording"
    )


def test_a_clip_too_short_for_the_rate_is_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path / "1.wav", n_samples=1)
    file, _ = store(path, rate=1_000)
    assert file.reasons == {0: "is shorter than one sample at 1000 Hz"}
