"""Every format of annotations that can be read, and how to tell them apart."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sonotype.dataset.annotations.audacity import is_audacity, read_audacity
from sonotype.dataset.annotations.event_table import (
    is_event_table,
    read_event_table,
    table_names_recordings,
)
from sonotype.dataset.annotations.rainforest import is_rainforest, read_rainforest
from sonotype.dataset.annotations.raven import (
    is_raven,
    raven_names_recordings,
    read_raven,
)
from sonotype.dataset.annotations.sonic_visualiser import (
    is_layer_csv,
    is_svl,
    read_layer_csv,
    read_sonic_visualiser,
)
from sonotype.dataset.annotations.textgrid import is_textgrid, read_textgrid
from sonotype.dataset.readers.table_file import TABLE_FORMATS, read_column_names
from sonotype.dataset.text_file import read_head
from sonotype.errors import DataError, unknown_name
from sonotype.events import Events


@dataclass(frozen=True)
class AnnotationFormat:
    """A format of time-stamped annotations.

    Args:
        suffixes: Suffixes its files have, in lower case.
        recognises: Tells from the beginning of a file, see `read_beginning`, whether
            it is one.
        read: Reads one file; takes `recording`, and options of its own.
        names_recordings: Tells likewise whether a file says which recordings it is
            about; one that does not is named after its recording.
    """

    suffixes: tuple[str, ...]
    recognises: Callable[[str], bool]
    read: Callable[..., Events]
    names_recordings: Callable[[str], bool] = field(default=lambda _: False)


# The first that recognises a file is taken, so the most particular come first.
ANNOTATION_FORMATS: dict[str, AnnotationFormat] = {
    "raven": AnnotationFormat(
        (".txt", ".tsv"), is_raven, read_raven, raven_names_recordings
    ),
    "textgrid": AnnotationFormat((".textgrid",), is_textgrid, read_textgrid),
    "svl": AnnotationFormat((".svl",), is_svl, read_sonic_visualiser),
    "rainforest": AnnotationFormat(
        (".csv",), is_rainforest, read_rainforest, is_rainforest
    ),
    "table": AnnotationFormat(
        tuple(TABLE_FORMATS), is_event_table, read_event_table, table_names_recordings
    ),
    "svl-csv": AnnotationFormat((".csv",), is_layer_csv, read_layer_csv),
    "audacity": AnnotationFormat((".txt",), is_audacity, read_audacity),
}
_UNLIKE_CSV = frozenset((".jsonl", ".ndjson", ".parquet"))
ANNOTATION_SUFFIXES = frozenset(
    suffix for known in ANNOTATION_FORMATS.values() for suffix in known.suffixes
)


def read_beginning(path: Path) -> str:
    """Return what a file begins with, to know its format by.

    Of a table that is not CSV, that is the names of its columns as in a TSV.

    Raises:
        DataError: If it cannot be read.
    """
    if path.suffix.lower() in _UNLIKE_CSV:
        return "\t".join(read_column_names(path))
    return read_head(path)


def recognise_format(path: Path, head: str | None = None) -> str | None:
    """Return the name of an annotation file's format, `None` if it has none.

    Args:
        path: Any file; only the first part of it is read.
        head: What it begins with, if that has been read.

    Raises:
        DataError: If it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in ANNOTATION_SUFFIXES:
        return None
    head = read_beginning(path) if head is None else head
    for name, known in ANNOTATION_FORMATS.items():
        if suffix in known.suffixes and known.recognises(head):
            return name
    return None


def read_annotations(
    path: Path | str,
    *,
    annotation_format: str | None = None,
    recording: Path | None = None,
) -> Events:
    """Return the events of one annotation file of any format.

    Args:
        path: The annotation file.
        annotation_format: A name in `ANNOTATION_FORMATS`; `None` recognises it.
        recording: The audio file; `None` takes the one that the file names, or that
            it is named after.

    Raises:
        SettingError: If there is no such format.
        DataError: If the file cannot be read or is in no known format.
    """
    path = Path(path)
    if annotation_format is not None and annotation_format not in ANNOTATION_FORMATS:
        raise unknown_name("format", annotation_format, ANNOTATION_FORMATS)
    name = recognise_format(path) if annotation_format is None else annotation_format
    if name is None:
        raise DataError(
            f"{path}: is in no known format of annotations; the known ones are "
            f"{', '.join(ANNOTATION_FORMATS)}"
        )
    return ANNOTATION_FORMATS[name].read(path, recording=recording)
