"""From events in recordings to clips of one length.

Three ways: windows side by side over whole recordings, one window around each event,
and windows where there is no event.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonotype.clips import Clip, Clips, Rejected
from sonotype.dataset.overlap import (
    HALF_OF_EVENT,
    TOLERANCE_SECONDS,
    OverlapRule,
    WindowMarks,
    mark_windows,
)
from sonotype.dataset.readers.audio_files import read_headers
from sonotype.errors import SettingError
from sonotype.events import Event, Events
from sonotype.labels import Labels


@dataclass(frozen=True)
class _Recording:
    """One recording, its length, and the events that lie in it, in order."""

    path: Path
    seconds: float
    events: list[Event]
    group: str
    split: str | None


def clips_from_events(
    events: Events,
    *,
    clip_seconds: float,
    hop_seconds: float | None = None,
    rule: OverlapRule = HALF_OF_EVENT,
    complete: bool = False,
    labels: Labels | None = None,
    recordings: Iterable[Path] | None = None,
) -> Clips:
    """Return the windows of whole recordings, labelled by the events in them.

    A window carries a label if enough of an event with it lies in the window. If there
    is some of one, but too little, the label is unknown there: neither heard nor
    absent. A label is absent where an event says so (`is_present=False`), by the same
    rule, and if the table is complete, wherever there is nothing of it.

    Args:
        events: What was heard, and what was looked for and not found.
        clip_seconds: Length of a window; a shorter recording is one shorter window.
        hop_seconds: From one window's start to the next; `None` puts them side by side.
            The last window ends where the recording ends.
        rule: How much of an event is enough.
        complete: Whether everything in the recordings has been annotated.
        labels: The labels to keep; events with others are passed over. `None` keeps
            all.
        recordings: The recordings to cut, also those without an event; `None` takes
            those that the events name.

    Returns:
        The clips, by recording and time; each recording is its own group unless its
        events name another. `rejected` lists recordings that cannot be read or whose
        events name several groups, events outside their recording, and events that no
        window carries.

    Raises:
        SettingError: If a length is not positive, or the hop longer than a window.
        DataError: If there is no label.
    """
    hop_seconds = clip_seconds if hop_seconds is None else hop_seconds
    _check_lengths(clip_seconds, hop_seconds)
    names = _label_names(events, labels)
    found, rejected = _by_recording(events, recordings)
    clips: list[Clip] = []
    for recording in found:
        starts = window_starts(
            recording.seconds, clip_seconds=clip_seconds, hop_seconds=hop_seconds
        )
        seconds = min(clip_seconds, recording.seconds)
        kept = [event for event in recording.events if event.label in names]
        marked = mark_windows(kept, starts, seconds=seconds, rule=rule)
        clips += _clips(recording, starts, seconds, marked.marks, (names, complete))
        rejected += [_lost(event) for event in marked.lost]
    return Clips.of(clips, names, rejected)


def event_centred_clips(
    events: Events,
    *,
    clip_seconds: float,
    rng: np.random.Generator,
    rule: OverlapRule = HALF_OF_EVENT,
    complete: bool = False,
    labels: Labels | None = None,
) -> Clips:
    """Return one window around each event, placed at random: for training.

    The window holds all of the event, or lies inside it if the event is longer, and
    never leaves the recording. So a model does not learn that calls stand in the
    middle. It carries the event's own label whatever the rule says, and those of other
    events by the rule.

    Args:
        events: What was heard, and what was looked for and not found.
        clip_seconds: Length of a window; a shorter recording is one shorter window.
        rng: Draws the places; the same seed draws the same, in any order of events.
        rule: How much of another event is enough.
        complete: Whether everything in the recordings has been annotated.
        labels: The labels to keep; events with others are passed over. `None` keeps
            all.

    Returns:
        The clips, by recording and time; each recording is its own group. `rejected`
        is as of `clips_from_events`.

    Raises:
        SettingError: If `clip_seconds` is not positive.
        DataError: If there is no label.
    """
    _check_lengths(clip_seconds, clip_seconds)
    names = _label_names(events, labels)
    found, rejected = _by_recording(events, None)
    clips: list[Clip] = []
    for recording in found:
        seconds = min(clip_seconds, recording.seconds)
        kept = [event for event in recording.events if event.label in names]
        drawn = [_draw_start(event, recording.seconds, seconds, rng) for event in kept]
        order = np.argsort(drawn, kind="stable")
        starts = np.array(drawn, np.float64)[order]
        marked = mark_windows(kept, starts, seconds=seconds, rule=rule)
        own = [kept[place] for place in order]
        marks = [_with(*pair) for pair in zip(marked.marks, own, strict=True)]
        clips += _clips(recording, starts, seconds, marks, (names, complete))
    return Clips.of(clips, names, rejected)


def negative_clips(
    events: Events,
    *,
    clip_seconds: float,
    hop_seconds: float | None = None,
    labels: Labels | None = None,
    label: str | None = None,
    recordings: Iterable[Path] | None = None,
) -> Clips:
    """Return windows in which there is nothing, from a table that is complete.

    They lie wholly between events, of whatever label. Only where everything has been
    annotated does that mean silence.

    Args:
        events: Everything that was heard.
        clip_seconds: Length of a window; a recording without events that is shorter is
            one shorter window.
        hop_seconds: From one window's start to the next; `None` puts them side by side.
        labels: The labels that are absent; `None` takes all of the events'.
        label: A class of their own, for single-label data; `None` gives them no label.
        recordings: The recordings to cut, also those without an event; `None` takes
            those that the events name.

    Returns:
        The clips, by recording and time; each recording is its own group.

    Raises:
        SettingError: If a length is not positive, or the hop longer than a window.
        DataError: If there is no label.
    """
    hop_seconds = clip_seconds if hop_seconds is None else hop_seconds
    _check_lengths(clip_seconds, hop_seconds)
    known = [] if labels is None and not len(events) else _label_names(events, labels)
    own = () if label is None else (label,)
    names = Labels((*known, *(name for name in own if name not in known)))
    absent = tuple(name for name in names if name not in own)
    found, rejected = _by_recording(events, recordings)
    clips = [
        Clip(
            path=recording.path,
            labels=own,
            group=recording.group,
            split=recording.split,
            start_seconds=begin + float(start),
            end_seconds=begin + float(start) + min(clip_seconds, end - begin),
            absent=absent,
        )
        for recording in found
        for begin, end in _gaps(recording, clip_seconds)
        for start in window_starts(
            end - begin, clip_seconds=clip_seconds, hop_seconds=hop_seconds
        )
    ]
    return Clips.of(clips, names, rejected)


def window_starts(
    recording_seconds: float, *, clip_seconds: float, hop_seconds: float
) -> np.ndarray:
    """Return where windows start that together hold all of a recording.

    Args:
        recording_seconds: Length of the recording.
        clip_seconds: Length of a window.
        hop_seconds: From one window's start to the next.

    Returns:
        Seconds, ascending, float64 of shape `(n_windows,)`. The last window ends where
        the recording ends, so it may start less than a hop after the one before; a
        recording that is no longer than a window has one.

    Example:
        >>> window_starts(7.0, clip_seconds=3.0, hop_seconds=3.0)
        array([0., 3., 4.])
    """
    last = recording_seconds - clip_seconds
    if last <= TOLERANCE_SECONDS:
        return np.zeros(1)
    n_before = int(np.ceil((last - TOLERANCE_SECONDS) / hop_seconds))
    return np.append(np.arange(n_before) * hop_seconds, last)


def _check_lengths(clip_seconds: float, hop_seconds: float) -> None:
    if not 0 < clip_seconds < np.inf:
        raise SettingError(f"clip_seconds must be positive, but it is {clip_seconds}")
    if not 0 < hop_seconds <= clip_seconds:
        raise SettingError(
            f"hop_seconds must be above 0 and at most clip_seconds ({clip_seconds}), "
            f"or sound would be left out, but it is {hop_seconds}"
        )


def _label_names(events: Events, labels: Labels | None) -> Labels:
    return Labels.of(events.label_names()) if labels is None else labels


def _by_recording(
    events: Events, recordings: Iterable[Path] | None
) -> tuple[list[_Recording], list[Rejected]]:
    """Return recordings by path, with their events by time, and what is unusable."""
    heard: dict[Path, list[Event]] = {}
    for event in events:
        heard.setdefault(event.recording, []).append(event)
    paths = sorted(heard if recordings is None else set(recordings))
    found: list[_Recording] = []
    rejected = [*events.rejected]
    for path, length in _read_lengths(paths):
        if isinstance(length, str):
            rejected.append(Rejected(path, length))
            continue
        inside = []
        for event in sorted(heard.get(path, ()), key=_sort_key):
            if event.start_seconds < length - TOLERANCE_SECONDS or (
                event.duration_seconds == 0 and event.start_seconds <= length
            ):
                inside.append(event)
            else:
                reason = f"{_words(event)} begins after its end at {length:.6g} s"
                rejected.append(Rejected(path, reason))
        told = _told(heard.get(path, ()))
        if isinstance(told, str):
            rejected.append(Rejected(path, told))
        else:
            group, split = told
            own = path.as_posix() if group is None else group
            found.append(_Recording(path, length, inside, own, split))
    return found, rejected


def _told(events: Iterable[Event]) -> tuple[str | None, str | None] | str:
    """Return the group and the part that events say, or why they cannot be meant."""
    groups = sorted({event.group for event in events if event.group is not None})
    splits = sorted({event.split for event in events if event.split is not None})
    for what, told in (("group", groups), ("part", splits)):
        if len(told) > 1:
            return (
                f"its events name more than one {what} ({', '.join(told[:3])}), and a "
                "window may hold several of them; give it one"
            )
    return next(iter(groups), None), next(iter(splits), None)


def _read_lengths(paths: Sequence[Path]) -> Iterator[tuple[Path, float | str]]:
    """Yield each recording with its length in seconds, or why it cannot be read."""
    headers = read_headers([str(path) for path in paths])
    lengths = headers["n_samples"] / headers["sample_rate"]
    reasons = headers["unusable"]
    for path, length, reason in zip(paths, lengths, reasons, strict=True):
        yield path, length if reason is None else reason


def _sort_key(event: Event) -> tuple[float, float, str, bool, float, float]:
    bounds = (event.low_hz or 0.0, event.high_hz or 0.0)
    times = (event.start_seconds, event.end_seconds)
    return *times, event.label, event.is_present, *bounds


def _draw_start(
    event: Event, recording_seconds: float, seconds: float, rng: np.random.Generator
) -> float:
    """Return where a window starts that holds an event, or lies inside it."""
    start, end = event.start_seconds, min(event.end_seconds, recording_seconds)
    edges = (start, end - seconds)
    earliest = max(0.0, min(edges))
    latest = min(max(edges), recording_seconds - seconds)
    return float(rng.uniform(earliest, max(earliest, latest)))


def _with(marks: WindowMarks, event: Event) -> WindowMarks:
    """Return marks that say of an event what it says itself."""
    label = {event.label}
    if event.is_present:
        return WindowMarks(marks.present | label, marks.denied, marks.partial)
    return WindowMarks(marks.present, marks.denied | label, marks.partial)


def _gaps(recording: _Recording, clip_seconds: float) -> Iterator[tuple[float, float]]:
    """Yield where there is no event for at least the length of a clip."""
    heard = [event for event in recording.events if event.is_present]
    least = min(clip_seconds, recording.seconds) - TOLERANCE_SECONDS
    begin = 0.0
    for event in heard:
        if event.start_seconds - begin >= least:
            yield begin, event.start_seconds
        begin = max(begin, event.end_seconds)
    if recording.seconds - begin >= least:
        yield begin, recording.seconds


def _clips(
    recording: _Recording,
    starts: np.ndarray,
    seconds: float,
    marks: list[WindowMarks],
    known: tuple[Labels, bool],
) -> Iterator[Clip]:
    names, complete = known
    for start, mark in zip(starts.tolist(), marks, strict=True):
        yield Clip(
            path=recording.path,
            labels=tuple(name for name in names if name in mark.present),
            group=recording.group,
            split=recording.split,
            start_seconds=start,
            end_seconds=start + seconds,
            absent=mark.absent(names, complete=complete),
        )


def _lost(event: Event) -> Rejected:
    return Rejected(
        event.recording,
        f"{_words(event)} is in no clip to the extent asked for; ask for less overlap "
        "or for shorter clips",
    )


def _words(event: Event) -> str:
    return (
        f"the event {event.label!r} from {event.start_seconds:.6g} s to "
        f"{event.end_seconds:.6g} s"
    )
