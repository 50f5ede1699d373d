"""Scores that nobody had to compute."""

from typing import Any

import numpy as np
import polars as pl

from sonotype.inference.scan import WindowScores
from sonotype.inference.score_file import RecordingScores, ScanInfo


def info(**changes: Any) -> ScanInfo:
    """Return what one-second windows half a second apart are of."""
    values: dict[str, Any] = {
        "recording": "a.wav",
        "n_bytes": 1_000,
        "modified_ns": 5,
        "labels": ("owl", "wren"),
        "task": "multi-label",
        "sample_rate": 8_000,
        "window_seconds": 1.0,
        "hop_seconds": 0.5,
        "graph_sha256": "0" * 64,
        "sonotype_version": "0.1.0",
    }
    return ScanInfo(**values | changes)


def windows(scores: Any, *, hop: float = 0.5, extra: float = 0.0) -> WindowScores:
    """Return windows of one second; the last is `extra` seconds earlier."""
    table = np.atleast_2d(np.asarray(scores, np.float32))
    start = hop * np.arange(len(table))
    if len(table) > 1:
        start[-1] -= extra
    return WindowScores(start, start + 1, table)


def recording_scores(
    scores: Any, *, hop: float = 0.5, extra: float = 0.0, **changes: Any
) -> RecordingScores:
    """Return the same as `read_scores` would."""
    made = info(hop_seconds=hop, **changes)
    return RecordingScores.of(made, [windows(scores, hop=hop, extra=extra)])


def one_label(scores: Any, **options: Any) -> RecordingScores:
    """Return the scores of a single label."""
    column = np.asarray(scores, np.float32)[:, None]
    return recording_scores(column, labels=("wren",), **options)


def frame_of(scores: RecordingScores) -> pl.DataFrame:
    """Return the times and the scores in one table."""
    times = {"start": scores.start_seconds, "end": scores.end_seconds}
    return pl.DataFrame(times).hstack(scores.scores)
