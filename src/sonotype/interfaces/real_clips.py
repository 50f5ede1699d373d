"""Recordings that exported files are compared on, and what they tell of accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sonotype.audio.io import read_audio
from sonotype.audio.windows import cut_windows
from sonotype.clips import Clip, Clips
from sonotype.evaluation.evaluate import evaluate
from sonotype.evaluation.report import Report
from sonotype.exporters.add_format import RealClips
from sonotype.inference.classifier import Classifier
from sonotype.labels import Labels, Task
from sonotype.runtime import pool_windows

# More would tell no more, and all of them are in memory at once.
MOST_CLIPS = 1000
CALIBRATION_CLIPS = 200


@dataclass(frozen=True)
class KnownScores:
    """Scores that were made before, behind what `evaluate` asks of a model."""

    labels: Labels
    task: Task
    thresholds: Mapping[str, float] | None
    known: np.ndarray

    def scores(self, clips: Clips) -> np.ndarray:
        """Return the scores of the clips they were made of."""
        return self.known


def real_clips(
    classifier: Classifier, compared: Clips, calibration: Clips | None = None
) -> RealClips:
    """Read clips in the windows that prediction scores them in.

    Args:
        classifier: Whose labels, rate and windows they are read for.
        compared: Labelled clips; of more than 1,000, as many are taken evenly.
        calibration: Clips that formats of integers may learn ranges from; default:
            those compared. Of more than 200, as many are taken.

    Raises:
        AudioError: If a clip cannot be decoded.
    """
    compared = thinned(compared, MOST_CLIPS)
    windows = [_windows(classifier, clip) for clip in compared]
    ends = np.cumsum([len(parts) for parts in windows])[:-1]

    def accuracy(scores: np.ndarray) -> float:
        pooled = [
            pool_windows(part, classifier.task) for part in np.split(scores, ends)
        ]
        known = KnownScores(
            classifier.labels,
            classifier.task,
            classifier.thresholds,
            np.stack(pooled),
        )
        report = evaluate(known, compared)
        if isinstance(report, Report):
            return report.accuracy
        return report.mean_average_precision

    learned_from = thinned(calibration or compared, CALIBRATION_CLIPS)
    return RealClips(
        np.concatenate(windows),
        accuracy,
        # One window of each: ranges are of the kinds of sound there are.
        np.stack([_windows(classifier, clip)[0] for clip in learned_from]),
    )


def thinned(clips: Clips, most: int) -> Clips:
    """Return at most so many clips, evenly chosen.

    Example:
        >>> clips = Clips.of([Clip(f"{i}.wav", ("a",), str(i)) for i in range(10)])
        >>> [clip.path.name for clip in thinned(clips, 3)]
        ['0.wav', '4.wav', '9.wav']
    """
    if len(clips) <= most:
        return clips
    return clips.select(np.linspace(0, len(clips) - 1, most).astype(np.int64))


def _windows(classifier: Classifier, clip: Clip) -> np.ndarray:
    manifest = classifier.bundle.manifest
    samples = read_audio(
        clip.path,
        classifier.sample_rate,
        start_seconds=clip.start_seconds,
        end_seconds=clip.end_seconds,
    )
    hop = max(1, round(manifest.hop_seconds * classifier.sample_rate))
    return cut_windows(samples, manifest.n_samples, hop=hop)
