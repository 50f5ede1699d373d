"""Recordings with files of time-stamped annotations beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from sonotype.clips import Clips, Rejected
from sonotype.dataset.annotations.formats import ANNOTATION_FORMATS
from sonotype.dataset.event_clips import clips_from_events
from sonotype.dataset.groups import assign_groups, below
from sonotype.dataset.overlap import HALF_OF_EVENT, OverlapRule
from sonotype.dataset.readers.annotation_files import find_annotated
from sonotype.dataset.readers.collect import FOUND, collect, one_row_a_clip
from sonotype.errors import DataError, SettingError, unknown_name
from sonotype.events import Events
from sonotype.labels import Labels

# Tables round their times, mostly to milliseconds.
_ROUNDING_SECONDS = 0.002


def read_annotated(
    root: Path | str,
    *,
    clip_seconds: float | None = None,
    hop_seconds: float | None = None,
    rule: OverlapRule | Mapping[str, float] = HALF_OF_EVENT,
    complete: bool = False,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
) -> Clips:
    """Return clips of annotated recordings: windows, or the events themselves.

    Args:
        root: A folder, or one annotation file. An annotation file has its recording's
            name and lies beside it or in another folder, or it is a table that names
            its recordings.
        clip_seconds: Length of a window; `None` makes each event a clip of its own,
            from its start to its end.
        hop_seconds: From one window's start to the next; `None` puts them side by side.
        rule: How much of an event must lie in a window for it to carry the label: a
            rule, or its one argument by name, such as `{"min_seconds": 0.25}`.
        complete: Whether everything in the recordings has been annotated, so that what
            nobody has marked is absent; a recording with an empty annotation file then
            holds nothing. Otherwise it is unknown.
        classes: The labels to keep, in the order of the model's outputs; `None` keeps
            all of them, sorted.
        group_by: A column of a table of events, or a form of
            `sonotype.dataset.groups.assign_groups`; `None` takes the groups that a
            table names, and else each recording.

    Returns:
        The clips, by recording and time. `rejected` lists what was set aside: files,
        rows, events, and recordings that have no annotations.

    Raises:
        SettingError: If a setting is out of range, given for windows while there are
            none, or a class is unknown.
        DataError: If there is no folder, or no event in it.
    """
    root = Path(root)
    found = find_annotated(root, group_by=group_by)
    group_by = None if found.is_grouped else group_by
    if not len(found.events):
        raise _nothing(
            f"{root}: there is no annotated event in any known format "
            f"({', '.join(ANNOTATION_FORMATS)})",
            found.events.rejected,
        )
    events = Events(_without_copies(found.events.frame), found.events.rejected)
    rule = rule if isinstance(rule, OverlapRule) else OverlapRule.named(rule)
    folder = root if root.is_dir() else root.parent
    if clip_seconds is None:
        if hop_seconds is not None or complete or rule != HALF_OF_EVENT:
            raise SettingError(
                "hop_seconds, rule and complete are about windows, and without "
                "clip_seconds each event is a clip of its own; give clip_seconds"
            )
        return _events_as_clips(events, folder, classes, group_by)
    clips = clips_from_events(
        events,
        clip_seconds=clip_seconds,
        hop_seconds=hop_seconds,
        rule=rule,
        complete=complete,
        labels=_labels(events, classes),
        recordings=found.recordings,
    )
    if not len(clips):
        # The last reasons are about recordings, those before about files and rows.
        raise _nothing(
            f"{root}: no annotated recording can be used", [*clips.rejected][::-1]
        )
    return clips.with_groups(_groups(clips, folder, group_by))


def _nothing(what: str, rejected: Sequence[Rejected]) -> DataError:
    """Return the error for data of which nothing is left, with a reason for it."""
    first = next(iter(rejected), None)
    return DataError(f"{what}; {first.path}: {first.reason}" if first else what)


def _events_as_clips(
    events: Events, root: Path, classes: Sequence[str] | None, group_by: str | None
) -> Clips:
    """Return a clip of each event; events with the same times are one."""
    is_point = pl.col("end_seconds") <= pl.col("start_seconds")
    point = pl.format(
        "the event {} at {} s has no length; give clip_seconds to cut a window",
        *("label", "start_seconds"),
    )
    heard, denied = (
        pl.when(pl.col("is_present") == is_present)
        .then(pl.concat_list("label"))
        .otherwise(otherwise)
        for is_present, otherwise in (
            (True, pl.lit([], dtype=pl.List(pl.String))),
            (False, pl.lit(None, dtype=pl.List(pl.String))),
        )
    )
    found = events.frame.select(
        "start_seconds",
        "end_seconds",
        "group",
        "split",
        path="recording",
        labels=heard,
        absent=denied,
        where=pl.lit(None, dtype=pl.String),
        problem=pl.when(is_point).then(point),
    )
    return collect(
        one_row_a_clip(found.select(FOUND.names())),
        root,
        classes=classes,
        group_by=group_by,
        rejected=events.rejected,
    )


def _without_copies(frame: pl.DataFrame) -> pl.DataFrame:
    """Return events by recording and time, each once; tables round their times."""
    what = ("recording", "label", "is_present", "group", "split")
    times = ("start_seconds", "end_seconds")
    near = [
        (pl.col(time) - pl.col(time).shift(1).over(what)).abs() <= _ROUNDING_SECONDS
        for time in times
    ]
    is_copy = pl.all_horizontal(near).fill_null(value=False)
    ordered = frame.sort(*what, *times, maintain_order=True).filter(~is_copy)
    return ordered.sort("recording", *times, "label", maintain_order=True)


def _labels(events: Events, classes: Sequence[str] | None) -> Labels | None:
    known = events.label_names()
    for name in classes or ():
        if name not in known:
            raise unknown_name("class", name, known)
    return None if classes is None else Labels(tuple(classes))


def _groups(clips: Clips, root: Path, group_by: str | None) -> list[str]:
    """Return the group of each clip; those that no table names, from the paths."""
    paths = clips.frame["path"].to_list()
    different = list(dict.fromkeys(paths))
    told = assign_groups(below(different, root), group_by)
    from_path = dict(zip(different, told, strict=True))
    return [
        from_path[path] if group_by or group == Path(path).as_posix() else group
        for path, group in zip(paths, clips.groups(), strict=True)
    ]
