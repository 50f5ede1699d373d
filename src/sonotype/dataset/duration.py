"""How much sound there is, before anything is decoded."""

import polars as pl

from sonotype.audio.io import read_info
from sonotype.clips import Clips
from sonotype.errors import AudioError


def estimate_seconds(clips: Clips, *, n_files: int) -> float:
    """Return about how long all clips are together.

    Args:
        clips: Clips of any files and intervals.
        n_files: Most headers to read; where there are more files, that many of them,
            evenly spaced, stand for the others.

    Returns:
        Seconds, exact if each clip states its end or no file is left out. Files that
        cannot be used count as nothing.
    """
    frame = clips.frame.select(
        "path", "end_seconds", start=pl.col("start_seconds").fill_null(0)
    )
    stated = frame.drop_nulls("end_seconds")
    open_ended = frame.filter(pl.col("end_seconds").is_null())
    paths = open_ended["path"].unique(maintain_order=True)
    sampled = paths.gather_every(-(-len(paths) // n_files) or 1)
    ends = pl.DataFrame(
        {"path": sampled, "end": [_duration_seconds(path) for path in sampled]},
        schema={"path": pl.String, "end": pl.Float64},
    )
    found = open_ended.join(ends, on="path")
    n_seconds = float((found["end"] - found["start"]).clip(0).sum())
    if found.height:
        n_seconds *= open_ended.height / found.height
    return n_seconds + float((stated["end_seconds"] - stated["start"]).sum())


def _duration_seconds(path: str) -> float:
    try:
        return read_info(path).duration_seconds
    except AudioError:
        return 0.0
