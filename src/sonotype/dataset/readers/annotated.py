"""Recordings with files of time-stamped annotations beside them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sonotype.clips import Clips, Rejected
from sonotype.dataset.annotations.formats import (
    ANNOTATION_FORMATS,
    ANNOTATION_SUFFIXES,
    recognise_format,
)
from sonotype.dataset.annotations.recordings import RecordingIndex
from sonotype.dataset.annotations.text import read_head
from sonotype.dataset.event_clips import clips_from_events
from sonotype.dataset.overlap import HALF_OF_EVENT, OverlapRule
from sonotype.dataset.readers.audio_files import find_audio
from sonotype.errors import DataError, unknown_name
from sonotype.events import Events
from sonotype.labels import Labels


@dataclass(frozen=True)
class AnnotatedRecordings:
    """What was found below a folder.

    Args:
        events: The events of all annotation files.
        recordings: The recordings that have an annotation file, also an empty one.
        formats: The formats that were read, with the number of files of each.
    """

    events: Events
    recordings: tuple[Path, ...]
    formats: dict[str, int]


def read_annotated(
    root: Path | str,
    *,
    clip_seconds: float,
    hop_seconds: float | None = None,
    rule: OverlapRule = HALF_OF_EVENT,
    complete: bool = False,
    labels: Labels | None = None,
    annotation_format: str | None = None,
) -> Clips:
    """Return windows of the annotated recordings below a folder.

    Args:
        root: The folder. An annotation file has its recording's name and lies beside
            it or in another folder, or it is a table that names its recordings.
        clip_seconds: Length of a window.
        hop_seconds: From one window's start to the next; `None` puts them side by side.
        rule: How much of an event must lie in a window for it to carry the label.
        complete: Whether everything in the recordings has been annotated, so that what
            nobody has marked is absent; a recording with an empty annotation file then
            holds nothing. Otherwise it is unknown.
        labels: The labels to keep; `None` keeps all.
        annotation_format: Read this format only, a name in `ANNOTATION_FORMATS`;
            `None` reads all that are recognised.

    Returns:
        The clips, by recording and time; each recording is its own group. `rejected`
        lists what was set aside: files, rows, events, and recordings that have no
        annotations.

    Raises:
        SettingError: If a setting is out of range or there is no such format.
        DataError: If there is no folder, or no event in it.
    """
    root = Path(root)
    found = find_annotated(root, annotation_format=annotation_format)
    if not len(found.events):
        first = next(iter(found.events.rejected), None)
        reason = f"; {first.path}: {first.reason}" if first else ""
        raise DataError(
            f"{root}: there is no annotated event in any known format "
            f"({', '.join(ANNOTATION_FORMATS)}){reason}"
        )
    clips = clips_from_events(
        found.events,
        clip_seconds=clip_seconds,
        hop_seconds=hop_seconds,
        rule=rule,
        complete=complete,
        labels=labels,
        recordings=found.recordings,
    )
    groups = [_group(path, root) for path in clips.paths()]
    return clips.with_groups(groups)


def find_annotated(
    root: Path | str, *, annotation_format: str | None = None
) -> AnnotatedRecordings:
    """Return the events of all annotation files below a folder.

    Hidden files and folders are skipped, and links to folders with annotation files.

    Args:
        root: The folder.
        annotation_format: Read this format only; `None` reads all that are recognised.

    Raises:
        SettingError: If there is no such format.
        DataError: If there is no such folder.
    """
    root = Path(root)
    if annotation_format is not None and annotation_format not in ANNOTATION_FORMATS:
        raise unknown_name("format", annotation_format, ANNOTATION_FORMATS)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder")
    found = find_audio(root)
    audio = found.files
    index = RecordingIndex(audio)
    parts: list[Events] = []
    formats: dict[str, int] = {}
    recordings: set[Path] = set()
    rejected = [*found.rejected]
    for path in _annotation_files(root):
        try:
            name = recognise_format(path)
            if name is None or annotation_format not in (None, name):
                continue
            part, about = _read(path, name, index)
        except DataError as error:
            rejected.append(Rejected(path, str(error).removeprefix(f"{path}: ")))
            continue
        parts.append(part)
        formats[name] = formats.get(name, 0) + 1
        recordings |= about
    rejected += [
        Rejected(path, "has no annotations") for path in audio if path not in recordings
    ]
    events = Events.concatenate(parts)
    events = Events(events.frame.unique(maintain_order=True), events.rejected)
    whole = Events(events.frame, (*events.rejected, *rejected))
    return AnnotatedRecordings(whole, tuple(sorted(recordings)), formats)


def _read(path: Path, name: str, index: RecordingIndex) -> tuple[Events, set[Path]]:
    """Return the events of one file, and the recordings it is about."""
    known = ANNOTATION_FORMATS[name]
    if not known.names_recordings(read_head(path)):
        recording = index.match(path)
        return known.read(path, recording=recording), {recording}
    events = known.read(path)
    # The reader looks near the table; here all that lies below the folder is known.
    missing = [place for place in events.recordings() if not place.is_file()]
    moved = {str(place): index.find(place) for place in missing}
    found = {name: str(place) for name, place in moved.items() if place is not None}
    frame = events.frame.with_columns(pl.col("recording").replace(found))
    events = Events(frame, events.rejected)
    return events, set(events.recordings())


def _annotation_files(root: Path) -> Iterator[Path]:
    """Yield the files that may hold annotations, in the order of their paths."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for path in (Path(folder, name) for name in sorted(files)):
            is_hidden = path.name.startswith(".")
            if not is_hidden and path.suffix.lower() in ANNOTATION_SUFFIXES:
                yield path


def _group(path: Path, root: Path) -> str:
    inside = path.is_relative_to(root)
    return (path.relative_to(root) if inside else path).as_posix()
