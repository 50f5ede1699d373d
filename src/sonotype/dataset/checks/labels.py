"""What is wrong with labels, groups and times: nothing here listens to sound."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from sonotype.clips import Clips
from sonotype.dataset.checks.findings import Finding, find

# One each for training, validation and test.
_FEWEST_GROUPS = 3
_LEAST_IMBALANCE = 10.0
# The window of the usual front end: one analysis frame.
_FRAME_SECONDS = 0.025
# Tables round their times, mostly to milliseconds.
_TOLERANCE_SECONDS = 0.002


def label_findings(clips: Clips, seconds: Mapping[Path, float]) -> list[Finding]:
    """Return what is wrong with labels, groups and times.

    Args:
        clips: The table.
        seconds: The length of each file that could be decoded.
    """
    return [finding for check in _CHECKS for finding in check(clips, seconds)]


def comparable(label: str) -> str:
    """Return a label without case, spaces, marks between words and Unicode form.

    Example:
        >>> comparable("Dog  bark") == comparable("dog_bark")
        True
    """
    folded = unicodedata.normalize("NFKC", label).casefold()
    return "".join(letter for letter in folded if letter not in " \t_-.")


def _similar_labels(clips: Clips, seconds: Mapping[Path, float]) -> list[Finding]:
    alike: dict[str, list[str]] = defaultdict(list)
    for label in clips.labels:
        alike[comparable(label)].append(label)
    counts = clips.counts()
    return [
        find(
            "similar-labels",
            " and ".join(f"{label!a} ({counts[label]} clips)" for label in names)
            + " differ only by case, space or Unicode form",
        )
        for names in alike.values()
        if len(names) > 1
    ]


def _contradictions(clips: Clips, seconds: Mapping[Path, float]) -> list[Finding]:
    interval = ["path", "start_seconds", "end_seconds"]
    joined = clips.frame.with_columns(pl.col("labels").list.sort().list.join("+"))
    several = (
        joined.group_by(interval)
        .agg(pl.col("labels").unique().sort())
        .filter(pl.col("labels").list.len() > 1)
        .sort(interval)
    )
    return [
        find(
            "label-conflict",
            f"{Path(path).name}: the same interval is listed under {' / '.join(names)}",
            [Path(path)],
        )
        for path, names in several.select("path", "labels").iter_rows()
    ]


def _small_classes(clips: Clips, seconds: Mapping[Path, float]) -> list[Finding]:
    n_groups = groups_per_class(clips)
    counts = clips.counts()
    small = [
        label
        for label in clips.labels
        if counts[label] and n_groups[label] < _FEWEST_GROUPS
    ]
    return [
        find(
            "class-too-small",
            f"class {label!r}: {counts[label]} clips in {n_groups[label]} "
            f"group{'' if n_groups[label] == 1 else 's'}",
            _files_of(clips, label),
        )
        for label in small
    ]


def _one_class_groups(clips: Clips, seconds: Mapping[Path, float]) -> list[Finding]:
    groups = (
        clips.frame.select("group", "labels")
        .explode("labels")
        .group_by("group")
        .agg(pl.len().alias("clips"), pl.col("labels").n_unique())
        .filter(pl.col("clips") > 1)
    )
    alone = groups.filter(pl.col("labels") == 1)
    is_pattern = groups.height >= _FEWEST_GROUPS and alone.height > groups.height / 2
    if len(clips.labels) < 2 or not is_pattern:
        return []
    return [
        find(
            "one-class-groups",
            f"{alone.height:,} of {groups.height:,} groups of several clips hold one "
            "class only",
        )
    ]


def _imbalance(clips: Clips, seconds: Mapping[Path, float]) -> list[Finding]:
    counts = {label: n for label, n in clips.counts().items() if n}
    if not counts:
        return []
    most, fewest = (
        max(counts, key=counts.__getitem__),
        min(counts, key=counts.__getitem__),
    )
    if counts[most] < _LEAST_IMBALANCE * counts[fewest]:
        return []
    return [
        find(
            "imbalance",
            f"{most!r} has {counts[most]:,} clips, {fewest!r} has {counts[fewest]:,}",
        )
    ]


def _events_outside(clips: Clips, seconds: Mapping[Path, float]) -> list[Finding]:
    timed = _timed(clips, seconds).filter(
        (pl.col("start") < 0)
        | (pl.col("end") <= pl.col("start"))
        | (pl.col("start") >= pl.col("seconds"))
        | (pl.col("end") > pl.col("seconds") + _TOLERANCE_SECONDS)
    )
    if timed.is_empty():
        return []
    path, start, end, length = timed.row(0)
    return [
        find(
            "event-outside-file",
            f"{timed.height:,} events; the first is {start:g} to {end:g} s in "
            f"{Path(path).name}, which lasts {length:.6g} s",
            _unique_paths(timed),
        )
    ]


def _short_events(clips: Clips, seconds: Mapping[Path, float]) -> list[Finding]:
    length = pl.col("end") - pl.col("start")
    timed = _timed(clips, seconds).filter((length > 0) & (length < _FRAME_SECONDS))
    if timed.is_empty():
        return []
    shortest = 1000 * float((timed["end"] - timed["start"]).to_numpy().min())
    return [
        find(
            "event-shorter-than-frame",
            f"{timed.height:,} events shorter than {1000 * _FRAME_SECONDS:g} ms; the "
            f"shortest lasts {shortest:.1f} ms",
            _unique_paths(timed),
        )
    ]


_CHECKS: tuple[Callable[[Clips, Mapping[Path, float]], list[Finding]], ...] = (
    _similar_labels,
    _contradictions,
    _small_classes,
    _one_class_groups,
    _imbalance,
    _events_outside,
    _short_events,
)


def groups_per_class(clips: Clips) -> dict[str, int]:
    """Return in how many groups each label occurs, in the order of the labels."""
    counted = (
        clips.frame.select("group", "labels")
        .explode("labels")
        .group_by("labels")
        .agg(pl.col("group").n_unique())
    )
    found = dict(counted.iter_rows())
    return {label: int(found.get(label, 0)) for label in clips.labels}


def _files_of(clips: Clips, label: str) -> list[Path]:
    carrying = clips.frame.filter(pl.col("labels").list.contains(label))
    return [Path(path) for path in carrying["path"].unique().sort()]


def _timed(clips: Clips, seconds: Mapping[Path, float]) -> pl.DataFrame:
    """Return path, start, end and length of file of each clip that has times."""
    lengths = pl.DataFrame(
        {
            "path": [str(path) for path in seconds],
            "seconds": list(seconds.values()),
        },
        schema={"path": pl.String, "seconds": pl.Float64},
    )
    has_times = (
        pl.col("start_seconds").is_not_null() | pl.col("end_seconds").is_not_null()
    )
    return (
        clips.frame.filter(has_times)
        .join(lengths, on="path", how="inner", maintain_order="left")
        .select(
            "path",
            pl.col("start_seconds").fill_null(0.0).alias("start"),
            pl.coalesce("end_seconds", "seconds").alias("end"),
            "seconds",
        )
    )


def _unique_paths(timed: pl.DataFrame) -> list[Path]:
    return [Path(path) for path in timed["path"].unique().sort()]
