"""Which column of a table says what, recognised by the names people give them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from sonotype.errors import DataError, unknown_name

# What a column may be, and its usual names, the surest first. A name is compared in
# lower case, with one underscore for everything that is neither letter nor digit.
ROLES: dict[str, tuple[str, ...]] = {
    "path": (
        *("path", "file_name", "filename", "file_path", "filepath", "file", "fname"),
        *("audio_path", "audio_file", "audio_filename", "wav_path", "wav_file", "wav"),
        *("audio", "clip_path", "clip", "recording_path", "recording", "begin_path"),
    ),
    "labels": (
        *("labels", "label", "class", "classes", "class_name", "category", "species"),
        *("primary_label", "species_name", "common_name", "label_name", "tags", "tag"),
        *("annotation", "target", "word", "event_label"),
    ),
    "start": (
        *("start_seconds", "start", "start_time", "start_s", "start_sec", "begin"),
        *("begin_seconds", "begin_time", "begin_time_s", "start_time_s", "t_start"),
        *("t_min", "onset", "onset_seconds"),
    ),
    "end": (
        *("end_seconds", "end", "end_time", "end_s", "end_sec", "stop", "stop_time"),
        *("stop_seconds", "end_time_s", "t_end", "t_max"),
    ),
    # Read only where there is a start and no end; else it is the file's own.
    "duration": ("duration_seconds", "duration", "duration_s", "duration_sec"),
    "group": (
        *("group", "speaker", "speaker_id", "recording_id", "site", "site_id"),
        *("location", "device", "machine_id", "client_id", "patient_id"),
    ),
    "split": ("split", "subset", "set", "partition"),
    "fold": ("fold", "fold_id"),
}
NEEDED = ("path", "labels")


def find_columns(
    table: Path, names: Iterable[str], named: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """Return the column of each role that the table has.

    Args:
        table: The table, for messages.
        names: Its columns.
        named: Columns by role, instead of what would be recognised; `None` for a
            column that is to be left unused.

    Raises:
        SettingError: If a role or a named column is unknown.
        DataError: If no column tells the path or the labels.

    Example:
        >>> find_columns(Path("a.csv"), ["File Name", "Species", "Begin Time (s)"])
        {'path': 'File Name', 'labels': 'Species', 'start': 'Begin Time (s)'}
    """
    names = list(names)
    named = named or {}
    for role, column in named.items():
        if role not in ROLES:
            raise unknown_name("role of a column", role, ROLES)
        if column is not None and column not in names:
            raise unknown_name(f"{role} column", column, names)
    found = {**recognise_columns(names), **named}
    columns = {role: column for role, column in found.items() if column is not None}
    for role in NEEDED:
        if role not in columns:
            raise DataError(
                f"{table}: no column is known to tell the {role}; say which one does "
                f"with columns={{{role!r}: ...}}; there are {', '.join(names)}"
            )
    return columns


def recognise_columns(names: Iterable[str]) -> dict[str, str]:
    """Return the column of each role, in the order of `ROLES`, by their names."""
    plain = {_plain(name): name for name in reversed(list(names))}
    found = {}
    for role, usual in ROLES.items():
        column = next((plain[name] for name in usual if name in plain), None)
        if column is not None:
            found[role] = column
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
