"""How often what was heard when and where: counts, and a picture of them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sonotype.errors import DataError, MissingDependencyError, unknown_name
from sonotype.inference.event_detection import RecordingEvents

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What may be counted by, and what it becomes.
KEYS = {"site": pl.String(), "day": pl.Date(), "hour": pl.Int64()}
# More rows could not be read.
_MOST_LABELS = 60
_HOUR = timedelta(hours=1)


def count_events(
    found: Iterable[RecordingEvents], by: Sequence[str] = ("site", "day", "hour")
) -> pl.DataFrame:
    """Return how many events of each label there are, and in how much sound.

    An event counts where it begins. Days and hours are those of the recorder's clock;
    the hour is that of the day, 0 to 23.

    Args:
        found: The events of some recordings.
        by: What to count by: any of site, day and hour.

    Returns:
        The columns in `by`, which are null where nothing tells, `label`, `n_events`,
        `event_seconds` and `recorded_seconds`: how much was recorded there and then. A
        row for every label that was heard anywhere, in every place and time that was
        recorded, so that a zero means that it was not heard.

    Raises:
        SettingError: If it cannot be counted by that.
    """
    for name in by:
        if name not in KEYS:
            raise unknown_name("key", name, KEYS)
    found = list(found)
    counted = pl.concat([_events(each) for each in found] or [_nothing("label")])
    recorded = pl.concat([_recorded(each) for each in found] or [_nothing()])
    keys = list(by)
    labels = counted.select(pl.col("label").unique().sort())
    effort = recorded.group_by(keys).agg(recorded_seconds=pl.col("seconds").sum())
    if not keys:
        effort = recorded.select(recorded_seconds=pl.col("seconds").sum())
    counts = counted.group_by([*keys, "label"]).agg(
        n_events=pl.len().cast(pl.Int64), event_seconds=pl.col("seconds").sum()
    )
    return (
        effort.join(labels, how="cross")
        .join(counts, on=[*keys, "label"], how="left", nulls_equal=True)
        .with_columns(pl.col("n_events", "event_seconds").fill_null(0))
        .select(*keys, "label", "n_events", "event_seconds", "recorded_seconds")
        .sort(*keys, "label", nulls_last=True)
    )


def plot_events(found: Iterable[RecordingEvents], by: str = "hour") -> "Figure":
    """Draw labels against time: how many events there are in an hour of recording.

    Args:
        found: The events of some recordings.
        by: "hour" for the hours of a day, "day" for the days.

    Returns:
        A matplotlib figure that belongs to no window: save it with `savefig`. Times
        without any recording are grey. Of more labels than 60, those heard most.

    Raises:
        DataError: If nothing was heard, or nothing tells when.
        SettingError: If `by` is neither.
        MissingDependencyError: If matplotlib is not installed.
    """
    if by not in ("hour", "day"):
        raise unknown_name("time", by, ("hour", "day"))
    counts = count_events(found, [by]).drop_nulls(by)
    if not counts["n_events"].sum():
        raise DataError(
            "there is nothing to draw: no event has a time; the time of a recording is "
            "told by its name, such as SITE_20240131_053000.wav, or by its header"
        )
    totals = counts.group_by("label").agg(pl.col("n_events").sum())
    labels = totals.sort("n_events", "label", descending=[True, False])["label"]
    times = _times(counts[by], by)
    rates = _rates(counts, by, labels[:_MOST_LABELS].to_list(), times)
    return _draw(rates, labels[:_MOST_LABELS].to_list(), times, by, len(labels))


def _nothing(*texts: str) -> pl.DataFrame:
    return pl.DataFrame(
        schema={**KEYS, **dict.fromkeys(texts, pl.String()), "seconds": pl.Float64()}
    )


def _events(found: RecordingEvents) -> pl.DataFrame:
    began = _clock(found)
    start = pl.lit(began, pl.Datetime("us")) + pl.duration(
        microseconds=(pl.col("start_seconds") * 1e6).round().cast(pl.Int64)
    )
    return found.events.frame.select(
        site=pl.lit(found.info.site, pl.String),
        day=start.dt.date(),
        hour=start.dt.hour().cast(pl.Int64),
        label=pl.col("label"),
        seconds=pl.col("end_seconds") - pl.col("start_seconds"),
    )


def _recorded(found: RecordingEvents) -> pl.DataFrame:
    """Return how much of a recording lies in each hour."""
    site = found.info.site
    pieces = _hours(_clock(found), found.duration_seconds)
    rows = [
        (site, at and at.date(), None if at is None else at.hour, seconds)
        for at, seconds in pieces
    ]
    return pl.DataFrame(rows, schema=_nothing().schema, orient="row")


def _hours(
    began: datetime | None, seconds: float
) -> Iterator[tuple[datetime | None, float]]:
    """Yield the beginning and the length of each piece, cut where an hour begins."""
    if began is None:
        yield None, seconds
        return
    end = began + timedelta(seconds=seconds)
    while began < end:
        full = began.replace(minute=0, second=0, microsecond=0) + _HOUR
        yield began, (min(full, end) - began).total_seconds()
        began = full


def _clock(found: RecordingEvents) -> datetime | None:
    """Return what the recorder's clock showed when the recording began."""
    began = found.info.recorded_at
    return None if began is None else began.replace(tzinfo=None)


def _times(column: pl.Series, by: str) -> list[Any]:
    """Return all hours of a day, or all days from the first to the last."""
    if by == "hour":
        return list(range(24))
    days = sorted(column.unique())
    n_days = (days[-1] - days[0]).days + 1
    return [days[0] + timedelta(days=n) for n in range(n_days)]


def _rates(
    counts: pl.DataFrame, by: str, labels: Sequence[str], times: Sequence[Any]
) -> np.ndarray:
    """Return events per hour of `(label, time)`, nan where nothing was recorded."""
    rates = np.full((len(labels), len(times)), np.nan)
    row = {label: place for place, label in enumerate(labels)}
    column = {time: place for place, time in enumerate(times)}
    for time, label, n_events, _, seconds in counts.iter_rows():
        if label in row:
            rates[row[label], column[time]] = n_events / (seconds / 3600)
    return rates


def _draw(
    rates: np.ndarray,
    labels: Sequence[str],
    times: Sequence[Any],
    by: str,
    n_heard: int,
) -> "Figure":
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError("matplotlib", "train") from None
    size = (min(12.0, 3 + 0.3 * len(times)), max(2.6, 1.6 + 0.28 * len(labels)))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("0.85")
    image = axes.pcolormesh(
        np.arange(len(times) + 1), np.arange(len(labels) + 1), rates, vmin=0
    )
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(labels)) + 0.5, labels)
    # A label like "$10" is a name, not the start of a formula.
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    step = -(-len(times) // 24)
    axes.set_xticks(
        np.arange(0, len(times), step) + 0.5,
        [str(time) for time in times[::step]],
        rotation=0 if by == "hour" else 90,
    )
    axes.set_xlabel("hour of the day" if by == "hour" else "day")
    if n_heard > len(labels):
        axes.set_title(f"the {len(labels)} of {n_heard} labels with most events")
    figure.colorbar(image, ax=axes, label="events per recorded hour")
    return figure
