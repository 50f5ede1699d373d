"""The annotation files below a folder, and the recordings they are about."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sonotype.clips import Rejected
from sonotype.dataset.annotations.event_table import column_names, has_boxes, has_scores
from sonotype.dataset.annotations.formats import (
    ANNOTATION_FORMATS,
    ANNOTATION_SUFFIXES,
    read_beginning,
    recognise_format,
)
from sonotype.dataset.annotations.recordings import RecordingIndex
from sonotype.dataset.groups import group_column
from sonotype.dataset.readers.audio_files import find_audio
from sonotype.errors import DataError, unknown_name
from sonotype.events import Events

_ANSWERS = (
    "tells scores, so it holds a model's answers and no annotations; name the file "
    "itself instead of the folder to read it all the same"
)


@dataclass(frozen=True)
class AnnotatedRecordings:
    """What was found below a folder.

    Args:
        events: The events of all annotation files.
        recordings: The recordings that have an annotation file, also an empty one.
        formats: The formats that were read, with the number of files of each.
        is_grouped: Whether a column that was asked for tells the groups.
    """

    events: Events
    recordings: tuple[Path, ...]
    formats: dict[str, int]
    is_grouped: bool = False


def find_annotated(
    root: Path | str,
    *,
    annotation_format: str | None = None,
    group_by: str | None = None,
) -> AnnotatedRecordings:
    """Return the events of all annotation files below a folder, or of one file.

    Hidden files and folders are skipped, and links to folders with annotation files. A
    table with scores is set aside: it is an answer, such as `sonotype predict` writes.

    Args:
        root: The folder, or an annotation file.
        annotation_format: Read this format only; `None` reads all that are recognised.
        group_by: The column of a table of events that tells the groups, if it is one.

    Raises:
        SettingError: If there is no such format.
        DataError: If there is no such folder.
    """
    root = Path(root)
    if annotation_format is not None and annotation_format not in ANNOTATION_FORMATS:
        raise unknown_name("format", annotation_format, ANNOTATION_FORMATS)
    if not root.is_dir():
        return _read_one(root, annotation_format, group_by)
    found = find_audio(root)
    audio = found.files
    index = RecordingIndex(audio)
    parts: list[Events] = []
    formats: dict[str, int] = {}
    recordings: set[Path] = set()
    is_grouped = False
    rejected = [*found.rejected]
    for path in _annotation_files(root):
        try:
            head = read_beginning(path)
            name = recognise_format(path, head)
            if name is None or annotation_format not in (None, name):
                continue
            if has_scores(head):
                raise DataError(_ANSWERS)
            options = _options(head, name, group_by)
            part, about = _read(path, (name, head), index, **options)
        except DataError as error:
            rejected.append(Rejected(path, str(error).removeprefix(f"{path}: ")))
            continue
        is_grouped |= bool(options)
        parts.append(part)
        formats[name] = formats.get(name, 0) + 1
        recordings |= about
    rejected += [
        Rejected(path, "has no annotations") for path in audio if path not in recordings
    ]
    events = Events.concatenate(parts)
    events = Events(events.frame.unique(maintain_order=True), events.rejected)
    whole = Events(events.frame, (*events.rejected, *rejected))
    return AnnotatedRecordings(whole, tuple(sorted(recordings)), formats, is_grouped)


def why_annotated(root: Path) -> str | None:
    """Return what shows that recordings have annotations, `None` if nothing does.

    One file of them is enough, if it is about a recording that is there. Tables with
    scores do not count: they are answers, such as those `sonotype predict` writes.

    Args:
        root: A folder, or a file.
    """
    if not root.is_dir():
        name, head = _recognised(root)
        is_annotation = name is not None and (name != "table" or has_boxes(head))
        return f"it is a file of annotations ({name})" if is_annotation else None
    index: RecordingIndex | None = None
    for path in _annotation_files(root):
        name, head = _recognised(path)
        if name is None or has_scores(head):
            continue
        index = index or RecordingIndex(find_audio(root).files)
        try:
            events, recordings = _read(path, (name, head), index)
        except DataError:
            continue
        if len(events) and any(place.is_file() for place in recordings):
            where = path.relative_to(root).as_posix()
            return f"{where} ({name}) tells what is heard in a recording, and when"
    return None


def _read_one(
    path: Path, annotation_format: str | None, group_by: str | None
) -> AnnotatedRecordings:
    if not path.exists():
        raise DataError(f"{path}: there is no such folder or file")
    name = annotation_format or recognise_format(path) or "table"
    options = _options(read_beginning(path), name, group_by)
    events = ANNOTATION_FORMATS[name].read(path, **options)
    about = tuple(events.recordings())
    return AnnotatedRecordings(events, about, {name: 1}, bool(options))


def _options(head: str, name: str, group_by: str | None) -> dict[str, Any]:
    """Return what to tell the reader of a table of the column with the groups."""
    if name != "table" or group_by is None:
        return {}
    column = group_column(group_by, column_names(head))
    return {} if column is None else {"columns": {"group": column}}


def _recognised(path: Path) -> tuple[str | None, str]:
    """Return the format of a file, if it has one, and what it begins with."""
    if path.suffix.lower() not in ANNOTATION_SUFFIXES:
        return None, ""
    try:
        head = read_beginning(path)
    except DataError:
        return None, ""
    return recognise_format(path, head), head


def _read(
    path: Path, known_by: tuple[str, str], index: RecordingIndex, **options: Any
) -> tuple[Events, set[Path]]:
    """Return the events of one file, and the recordings it is about."""
    name, head = known_by
    known = ANNOTATION_FORMATS[name]
    if not known.names_recordings(head):
        recording = index.match(path)
        return known.read(path, recording=recording, **options), {recording}
    events = known.read(path, **options)
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
