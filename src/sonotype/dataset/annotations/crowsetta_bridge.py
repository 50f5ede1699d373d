"""Formats of annotations that the package crowsetta reads and sonotype does not."""

import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from sonotype.audio.io import read_info
from sonotype.dataset.annotations.recordings import RecordingNames, find_recording
from sonotype.dataset.annotations.text import EventCollector
from sonotype.errors import DataError, MissingDependencyError, unknown_name
from sonotype.events import Event, Events

# The others of its formats have a reader of their own, which sets aside a row that is
# wrong instead of the file.
CROWSETTA_FORMATS = ("birdsong-recognition-dataset", "notmat", "timit", "yarden")


def read_with_crowsetta(
    path: Path | str, crowsetta_format: str, *, recording: Path | None = None
) -> Events:
    """Return the events of a file that crowsetta reads.

    It is an extra, for it brings pandas and scipy and takes two seconds to import.

    Args:
        path: The annotation file.
        crowsetta_format: A name in `CROWSETTA_FORMATS`.
        recording: The audio file; `None` takes those that the file names, or else the
            one that it is named after. One that is not there is looked for nearby by
            its name.

    Returns:
        The events, in the order of the file. Times are rounded to milliseconds where
        crowsetta rounds them.

    Raises:
        SettingError: If there is no such format.
        MissingDependencyError: If crowsetta is not installed.
        DataError: If the file cannot be read, or its recording is not found where only
            that tells the sample rate.

    References:
        Nicholson, "Crowsetta: A Python tool to work with any format for annotating
        animal vocalizations and bioacoustics data", JOSS 8(84), 2023.
    """
    path = Path(path)
    if crowsetta_format not in CROWSETTA_FORMATS:
        raise unknown_name("format of crowsetta", crowsetta_format, CROWSETTA_FORMATS)
    names = RecordingNames(path)
    collector = EventCollector(path, unit="segment")
    number = 0
    for annotation in _read(path, crowsetta_format):
        place = recording or _recording(annotation, path, names)
        for segment in _segments(annotation):
            number += 1
            with collector.row(number):
                start, end = _seconds(segment, place)
                collector.add(Event(place, str(segment.label).strip(), start, end))
    return collector.events()


def _read(path: Path, crowsetta_format: str) -> list[Any]:
    try:
        crowsetta = import_module("crowsetta")
    except ImportError:
        raise MissingDependencyError("crowsetta", "crowsetta") from None
    reader = crowsetta.formats.by_name(crowsetta_format)
    try:
        with warnings.catch_warnings():
            # It warns of a recording that is not where it was; here it is looked for.
            warnings.simplefilter("ignore")
            found = reader.from_file(path).to_annot()
    except Exception as error:
        # A damaged file is any of KeyError, TypeError, ParseError, SchemaError ...
        first = str(error).strip().partition("\n")[0][:200]
        raise DataError(
            f"{path}: crowsetta cannot read it as {crowsetta_format} "
            f"({type(error).__name__}: {first})"
        ) from error
    return found if isinstance(found, list) else [found]


def _recording(annotation: Any, path: Path, names: RecordingNames) -> Path:
    if annotation.notated_path is None:
        return find_recording(path)
    return names[str(annotation.notated_path)]


def _segments(annotation: Any) -> Iterator[Any]:
    sequences = annotation.seq
    for sequence in sequences if isinstance(sequences, list) else [sequences]:
        yield from sequence.segments


def _seconds(segment: Any, recording: Path) -> tuple[float, float]:
    """Return the times of a segment; some formats tell them in samples only."""
    if segment.onset_s is not None:
        return float(segment.onset_s), float(segment.offset_s)
    rate = read_info(recording).sample_rate
    return segment.onset_sample / rate, segment.offset_sample / rate
