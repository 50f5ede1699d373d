"""From the scores of windows to events: cheap, so thresholds may be tried at will.

What a window's score is about is a choice, for windows overlap. Here a window stands
for the time round its centre: up to half way to the centres of its neighbours, the
first window from the start of the recording, the last to its end. So each moment
belongs to one window, and a sound much longer than a window begins and ends where it
does, give or take a hop, if the threshold is reached when a window is half full.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import polars as pl

from sonotype.errors import SettingError, unknown_name
from sonotype.events import SCHEMA, Events
from sonotype.inference.score_file import RecordingScores, ScanInfo

# Of single-label models, whose bundles name no thresholds: more than all others.
DEFAULT_THRESHOLD = 0.5
# Far below a sample, far above what adding times costs.
_ROUNDING_SECONDS = 1e-7
_SMOOTHERS = ("mean", "median")
_EXTENTS = ("centre", "window")

Threshold = float | Mapping[str, float] | None


@dataclass(frozen=True, kw_only=True)
class EventRule:
    """How scores become events.

    A run of windows that all reach `off`, at least one of which reaches `threshold`,
    is an event; `off` below `threshold` keeps one call from falling into pieces.

    Args:
        threshold: The score that begins an event: one for all labels, or by label.
            `None`, also for labels that are not named, is the bundle's, or else 0.5.
        off: The score down to which it lasts, likewise; `None` is the threshold.
        smooth_seconds: Each score is first replaced by the mean or the median of those
            whose windows begin in so much time round its own; 0 does nothing.
        smooth_by: "mean", or "median", which leaves out single outliers.
        gap_seconds: Events of a label with no more than this between them are one.
        min_seconds: Shorter events are left out, after gaps are closed.
        extent: "centre": a window stands for the time round its centre, as told at the
            top of this file. "window": for all of its time, so that an event holds
            everything its scores have seen, and begins and ends too early and too late
            by up to half a window each.
        labels: Only these; `None` is all.

    Raises:
        SettingError: If a value is out of range.

    Example:
        >>> EventRule(threshold={"wren": 0.7}, off=0.3, gap_seconds=1).min_seconds
        0.0
    """

    threshold: Threshold = None
    off: Threshold = None
    smooth_seconds: float = 0.0
    smooth_by: Literal["mean", "median"] = "mean"
    gap_seconds: float = 0.0
    min_seconds: float = 0.0
    extent: Literal["centre", "window"] = "centre"
    labels: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("smooth_seconds", "gap_seconds", "min_seconds"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise SettingError(f"{name} must be 0 or more, not {value}")
        for kind, name, known in (
            ("way of smoothing", self.smooth_by, _SMOOTHERS),
            ("extent", self.extent, _EXTENTS),
        ):
            if name not in known:
                raise unknown_name(kind, name, known)

    def bounds(self, info: ScanInfo) -> dict[str, tuple[float, float]]:
        """Return what begins and what ends an event of each label that is wanted.

        Raises:
            SettingError: If a label is unknown, or its event ends above its beginning.
        """
        named = [
            *(self.labels or ()),
            *(self.threshold if isinstance(self.threshold, Mapping) else ()),
            *(self.off if isinstance(self.off, Mapping) else ()),
        ]
        for name in named:
            if name not in info.labels:
                raise unknown_name("label", name, info.labels)
        found = {}
        for name in info.labels if self.labels is None else self.labels:
            usual = (info.thresholds or {}).get(name, DEFAULT_THRESHOLD)
            on = _of_label(self.threshold, name, usual)
            off = _of_label(self.off, name, on)
            if not off <= on:
                raise SettingError(
                    f"events of {name!r} begin at a score of {on:g}, so they cannot "
                    f"last down to {off:g}; off must not be above the threshold"
                )
            found[name] = on, off
        return found


@dataclass(frozen=True)
class RecordingEvents:
    """The events of one recording, and what tells where and when they were.

    Args:
        info: What was scanned, and how.
        duration_seconds: Length of the recording.
        events: What was found in it.
    """

    info: ScanInfo
    duration_seconds: float
    events: Events

    @classmethod
    def of(cls, scores: RecordingScores, rule: EventRule | None = None) -> Self:
        """Return what `detect_events` finds.

        Raises:
            SettingError: If the rule names an unknown label.
        """
        found = detect_events(scores, rule)
        return cls(scores.info, scores.duration_seconds, found)


def detect_events(scores: RecordingScores, rule: EventRule | None = None) -> Events:
    """Return the events in a recording.

    Args:
        scores: The scores of every window, as `read_scores` returns them.
        rule: How they become events.

    Returns:
        Events in the order of time, none outside the recording. The score of each is
        the highest smoothed score in it.

    Raises:
        SettingError: If the rule names an unknown label.
    """
    rule = EventRule() if rule is None else rule
    bounds = rule.bounds(scores.info)
    # Smoothing raises no score above the highest, so most labels end here.
    highest = scores.scores.select(list(bounds)).max().to_dict(as_series=False)
    heard = [name for name, (top,) in highest.items() if top >= bounds[name][0]]
    smooth = _smoothed(scores.scores.select(heard), scores.info, rule)
    start, end = _extents(scores, rule)
    frames = [
        _runs(smooth[name].to_numpy(), *bounds[name], start, end).with_columns(
            label=pl.lit(name)
        )
        for name in heard
    ]
    found = _as_events(frames, scores.info)
    merged = merge_events(found, gap_seconds=rule.gap_seconds)
    lasting = pl.col("end_seconds") - pl.col("start_seconds") >= (
        rule.min_seconds - _ROUNDING_SECONDS
    )
    return Events(merged.frame.filter(lasting).sort(_ORDER))


def merge_events(events: Events, *, gap_seconds: float = 0.0) -> Events:
    """Return events of which none of the same label lie close together.

    Those of one label in one recording that overlap, touch, or have at most so much
    time between them become one: from the first start to the last end, with the highest
    score and the widest box. Merging twice changes nothing, nor does the order.

    Args:
        events: Any events.
        gap_seconds: Most time between the end of one and the start of the next.

    Returns:
        The events by recording, label and time.

    Raises:
        SettingError: If the gap is negative.

    Example:
        >>> from pathlib import Path
        >>> from sonotype.events import Event
        >>> calls = [Event(Path("a.wav"), "wren", s, s + 1) for s in (0, 1.5, 9)]
        >>> merged = merge_events(Events.of(calls), gap_seconds=0.5)
        >>> [(event.start_seconds, event.end_seconds) for event in merged]
        [(0.0, 2.5), (9.0, 10.0)]
    """
    if not 0 <= gap_seconds < float("inf"):
        raise SettingError(f"gap_seconds must be 0 or more, not {gap_seconds}")
    what = ["recording", "label", "is_present"]
    before = pl.col("end_seconds").cum_max().shift(1).over(what)
    is_new = pl.col("start_seconds") > before + gap_seconds + _ROUNDING_SECONDS
    merged = (
        events.frame.sort(_ORDER)
        .with_columns(number=is_new.fill_null(value=True).cum_sum().over(what))
        .group_by([*what, "number"], maintain_order=True)
        .agg(
            pl.col("start_seconds", "low_hz").min(),
            pl.col("end_seconds", "high_hz", "score").max(),
            pl.col("group", "split").drop_nulls().first(),
        )
    )
    return Events(merged.select(SCHEMA.names()).sort(_ORDER), events.rejected)


_ORDER = ["recording", "start_seconds", "end_seconds", "label", "is_present", "score"]


def _of_label(value: Threshold, name: str, usual: float) -> float:
    if isinstance(value, Mapping):
        return value.get(name, usual)
    return usual if value is None else value


def _smoothed(frame: pl.DataFrame, info: ScanInfo, rule: EventRule) -> pl.DataFrame:
    """Return the columns smoothed over a whole, odd number of windows."""
    # A bit more, for 1 s may be ten hops of 0.1 s but a rounding error.
    n_beside = int(rule.smooth_seconds / 2 / info.hop_seconds + 5e-4)
    frame = frame.cast(pl.Float64)
    if n_beside == 0 or not frame.width:
        return frame
    # At the ends of the recording over those windows that there are.
    n_windows, every = 2 * n_beside + 1, pl.all()
    if rule.smooth_by == "median":
        return frame.select(every.rolling_median(n_windows, min_samples=1, center=True))
    return frame.select(every.rolling_mean(n_windows, min_samples=1, center=True))


def _extents(scores: RecordingScores, rule: EventRule) -> tuple[np.ndarray, np.ndarray]:
    """Return where the time begins and ends that each window stands for."""
    if rule.extent == "window":
        return scores.start_seconds, scores.end_seconds
    centres = (scores.start_seconds + scores.end_seconds) / 2
    between = (centres[1:] + centres[:-1]) / 2
    bounds = np.concatenate([[0.0], between, [scores.duration_seconds]])
    return bounds[:-1], bounds[1:]


def _runs(
    scores: np.ndarray, on: float, off: float, start: np.ndarray, end: np.ndarray
) -> pl.DataFrame:
    """Return the runs of scores that reach `off`, in which one reaches `on`."""
    edges = np.diff((scores >= off).astype(np.int8), prepend=0, append=0)
    first, after = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    # Between one run and the next lie lower scores, which are no maximum.
    peak = np.maximum.reduceat(scores, first) if len(first) else np.empty(0)
    is_event = peak >= on
    return pl.DataFrame(
        {
            "start_seconds": start[first[is_event]],
            "end_seconds": end[after[is_event] - 1],
            "score": peak[is_event],
        },
        schema_overrides={"score": pl.Float64},
    )


def _as_events(frames: Sequence[pl.DataFrame], info: ScanInfo) -> Events:
    empty = pl.DataFrame(schema=SCHEMA)
    found = pl.concat([empty, *frames], how="diagonal")
    found = found.with_columns(
        recording=pl.lit(info.recording),
        is_present=pl.lit(value=True),
        group=pl.lit(info.site),
    )
    return Events(found.select(pl.col(name).cast(SCHEMA[name]) for name in SCHEMA))
