from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.interfaces.real_clips import real_clips, thinned
from sonotype.labels import Labels, Task

RATE = 8_000
WINDOW = 2_000


def classifier(task: Task) -> Any:
    """Return what is read of a classifier: windows of a quarter of a second."""
    manifest = SimpleNamespace(n_samples=WINDOW, hop_seconds=0.125)
    return SimpleNamespace(
        bundle=SimpleNamespace(manifest=manifest),
        labels=Labels(("high", "low")),
        task=task,
        thresholds={"high": 0.5, "low": 0.5} if task == "multi-label" else None,
        sample_rate=RATE,
    )


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Four clips of one window each, and one of three, with numbers for samples."""
    rows = []
    for position, length in enumerate([WINDOW] * 4 + [2 * WINDOW]):
        path = tmp_path / f"{position}.wav"
        soundfile.write(path, np.full(length, 0.1 * position), RATE, subtype="FLOAT")
        label = "high" if position % 2 else "low"
        rows.append(Clip(path, (label,), str(position)))
    return Clips.of(rows, Labels(("high", "low")))


def test_every_window_is_there_and_long_clips_have_several(clips: Clips) -> None:
    real = real_clips(classifier("single-label"), clips)
    assert real.samples.shape == (4 + 3, WINDOW)
    assert real.samples.dtype == np.float32
    levels = [0.0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.4]
    np.testing.assert_allclose(real.samples.mean(axis=1), levels, atol=1e-6)
    # Ranges are learned from one window of each clip.
    assert real.calibration.shape == (5, WINDOW)


def test_windows_are_pooled_before_answers_are_counted(clips: Clips) -> None:
    real = real_clips(classifier("single-label"), clips)
    low, high = [0.0, 1.0], [1.0, 0.0]
    right = np.array([low, high, low, high, low, low, high])
    assert real.accuracy(right) == 1.0  # two of three windows say low
    wrong = right.copy()
    wrong[4] = high
    assert real.accuracy(wrong) == 0.8


def test_with_several_labels_a_clip_it_is_the_mean_average_precision(
    clips: Clips,
) -> None:
    real = real_clips(classifier("multi-label"), clips)
    scores = np.array([[0.1, 0.9], [0.9, 0.1]] * 2 + [[0.1, 0.2], [0.1, 0.9], [0.1, 0]])
    assert real.accuracy(scores) == 1.0  # the highest window counts
    # With 0.05, the last of three low clips comes after both high ones: 3 / 5.
    scores[4:, 1] = 0.05
    assert real.accuracy(scores) == pytest.approx((1.0 + (1 + 1 + 3 / 5) / 3) / 2)


def test_clips_to_learn_from_are_others_where_they_are_given(clips: Clips) -> None:
    compared, others = clips.select([0, 1]), clips.select([3])
    real = real_clips(classifier("single-label"), compared, others)
    assert len(real.samples) == 2
    np.testing.assert_allclose(real.calibration.mean(axis=1), [0.3], atol=1e-6)


def test_few_clips_are_all_kept(clips: Clips) -> None:
    assert thinned(clips, 5) is clips
    paths = [path.stem for path in thinned(clips, 2).paths()]
    assert paths == ["0", "4"]
