import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.dataset import decode
from sonotype.dataset.decode import DecodedFile, decode_files

RATE = 8_000


def write(path: Path, n_samples: int = 800, seed: int = 0) -> Path:
    noise = 0.1 * np.random.default_rng(seed).standard_normal(n_samples)
    soundfile.write(path, noise, RATE)
    return path


def run(
    clips: list[Clip], sample_rate: int = RATE, known: set[str] | None = None
) -> list[DecodedFile]:
    table = Clips.of(clips)
    return list(decode_files(table, sample_rate, known=known or set(), digests={}))


def clip(path: Path, start: float | None = None, end: float | None = None) -> Clip:
    return Clip(path, ("x",), "g", start_seconds=start, end_seconds=end)


def test_files_come_in_order_and_samples_are_those_of_the_file(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.wav", seed=i) for i in (5, 3, 9, *range(20, 60))]
    files = run([clip(path) for path in paths])
    assert [file.path for file in files] == paths
    for row, file in enumerate(files):
        samples, scale = file.decoded[file.keys[row]]
        expected, _ = soundfile.read(file.path, dtype="int16")
        np.testing.assert_array_equal(samples, expected)
        assert scale == 1 / 32_768
        assert (file.n_clips, file.reasons) == (1, [])


def test_clips_of_one_file_are_one_result(tmp_path: Path) -> None:
    one, other = write(tmp_path / "1.wav"), write(tmp_path / "2.wav", seed=1)
    clips = [clip(one, 0, 0.05), clip(other), clip(one, 0.02, 0.1), clip(one, 0, 0.05)]
    first, second = run(clips)
    assert (first.n_clips, second.n_clips) == (3, 1)
    assert first.keys.keys() == {0, 2, 3}
    assert first.keys[0] == first.keys[3] != first.keys[2]
    assert [len(samples) for samples, _ in first.decoded.values()] == [400, 640]


def test_a_key_is_made_of_content_and_interval(tmp_path: Path) -> None:
    one = write(tmp_path / "1.wav")
    copy = tmp_path / "2.wav"
    copy.write_bytes(one.read_bytes())
    other = write(tmp_path / "3.wav", seed=1)
    first, second, third = run([clip(one), clip(copy), clip(other)])
    assert first.keys[0] == second.keys[1] != third.keys[2]
    assert first.digest == second.digest != third.digest


def test_what_is_known_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "1.wav")
    (first,) = run([clip(path)])
    monkeypatch.delattr(decode, "decode_clip")
    (again,) = run([clip(path)], known={first.keys[0]})
    assert again.keys == first.keys
    assert again.decoded == {}


def test_a_file_is_hashed_again_only_if_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "_SHORT_FILE_BYTES", 0)
    path = write(tmp_path / "1.wav")
    table = Clips.of([clip(path)])
    digests: dict[tuple[int, ...], str] = {}
    (first,) = decode_files(table, RATE, known=(), digests=digests)
    with monkeypatch.context() as patch:
        patch.setattr(decode.hashlib, "file_digest", None)
        (again,) = decode_files(table, RATE, known=(), digests=digests)
    assert again.digest == first.digest
    write(path, seed=1)
    os.utime(path, (1, 1))
    (changed,) = decode_files(table, RATE, known=(), digests=digests)
    assert changed.digest != first.digest


def test_long_and_short_files_are_hashed_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "1.wav")
    (short,) = run([clip(path)])
    monkeypatch.setattr(decode, "_SHORT_FILE_BYTES", 10)
    (long,) = run([clip(path)])
    assert short.digest == long.digest


def test_what_is_wrong_with_a_file_is_in_its_result(tmp_path: Path) -> None:
    good, empty, text = (tmp_path / f"{name}.wav" for name in ("good", "no", "text"))
    write(good)
    empty.touch()
    text.write_text("hello")
    missing = tmp_path / "gone.wav"
    clips = [clip(path) for path in (empty, good, text, missing)]
    found = {file.path: (file.reasons, len(file.keys)) for file in run(clips)}
    assert found == {
        empty: (["is empty (0 bytes)"], 0),
        good: ([], 1),
        text: (
            [
                "cannot be read: it is not audio in a format that can be read here; "
                "convert it to WAV or FLAC"
            ],
            0,
        ),
        missing: (["there is no such file"], 0),
    }


def test_an_interval_outside_the_file_does_not_spoil_the_others(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "1.wav")
    (file,) = run([clip(path, 0, 0.05), clip(path, 1, 2), clip(path, 0.05, 0.1)])
    assert file.keys.keys() == {0, 2}
    (reason,) = file.reasons
    assert reason.startswith("the interval from 1.0 s to 2.0 s is not inside")


def test_a_clip_too_short_for_the_rate_is_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path / "1.wav", n_samples=1)
    (file,) = run([clip(path)], sample_rate=1_000)
    assert file.reasons == ["is shorter than one sample at 1000 Hz"]


def test_decoding_stops_when_nobody_wants_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []
    original = decode.decode_clip

    def counting(path: Path, *args: Any, **options: Any) -> Any:
        decoded.append(path)
        return original(path, *args, **options)

    monkeypatch.setattr(decode, "decode_clip", counting)
    monkeypatch.setattr(decode, "_TASK_BYTES", 0)
    paths = [write(tmp_path / f"{i}.wav", n_samples=8) for i in range(200)]
    table = Clips.of([clip(path) for path in paths])
    files = decode_files(table, RATE, known=(), digests={})
    next(files)
    files.close()  # type: ignore[attr-defined]
    assert 1 <= len(decoded) < 200
