from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.dataset import duration
from sonotype.dataset.duration import estimate_seconds
from sonotype.labels import Labels


def clip(path: Path, start: float | None = None, end: float | None = None) -> Clip:
    return Clip(path, ("x",), "g", start_seconds=start, end_seconds=end)


def write(path: Path, seconds: float) -> Path:
    soundfile.write(path, np.zeros(round(seconds * 8_000)), 8_000)
    return path


def test_few_files_are_counted_exactly(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1.wav", 1), write(tmp_path / "2.flac", 2.5)
    clips = [clip(one), clip(two), clip(two, 0.5, 1.25), clip(one, None, 0.5)]
    clips += [clip(two, 2), clip(two, 7)]
    expected = 1 + 2.5 + 0.75 + 0.5 + 0.5 + 0
    assert estimate_seconds(Clips.of(clips), n_files=10) == pytest.approx(expected)


def test_of_many_files_some_stand_for_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [clip(write(tmp_path / f"{i}.wav", 0.1 + 0.2 * (i % 2))) for i in range(90)]
    read: list[str] = []
    original = duration._duration_seconds

    def counting(path: str) -> float:
        read.append(path)
        return original(path)

    monkeypatch.setattr(duration, "_duration_seconds", counting)
    found = estimate_seconds(Clips.of(clips), n_files=30)
    assert len(read) == 30
    assert found == pytest.approx(90 * 0.2)


def test_stated_ends_need_no_file(tmp_path: Path) -> None:
    clips = [clip(tmp_path / "gone.wav", i, i + 2) for i in range(5)]
    assert estimate_seconds(Clips.of(clips), n_files=1) == 10


def test_files_that_cannot_be_used_count_as_nothing(tmp_path: Path) -> None:
    clips = [clip(tmp_path / "gone.wav"), clip(write(tmp_path / "1.wav", 1))]
    assert estimate_seconds(Clips.of(clips), n_files=10) == pytest.approx(1)


def test_no_clips_are_no_seconds() -> None:
    assert estimate_seconds(Clips.of([], Labels(("x",))), n_files=10) == 0
