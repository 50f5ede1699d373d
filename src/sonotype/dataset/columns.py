"""Which column of a table says what, recognised by the names people give them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sonotype.errors import DataError, unknown_name

# What a column may be, and its usual names in the form `plain_name` gives them, the
# surest first. A column has one role only.
ROLES: dict[str, tuple[str, ...]] = {
    "path": (
        *("path", "file name", "filename", "file path", "filepath", "file", "fname"),
        *("audio path", "audio file", "audio filename", "wav path", "wav file", "wav"),
        *("audio", "clip path", "clip", "recording path", "recording", "sound file"),
        *("in file", "begin path", "begin file", "notated path"),
    ),
    "labels": (
        *("labels", "label", "class", "classes", "class name", "category", "species"),
        *("primary label", "species name", "common name", "label name", "tags", "tag"),
        *("annotation", "target", "word", "event label", "manual id", "species code"),
        *("call type", "sound type"),
    ),
    # Labels that somebody has looked for and not found.
    "absent": ("absent", "absent labels", "known absent"),
    "start": (
        *("start seconds", "start", "start time", "start s", "start sec", "begin"),
        *("begin seconds", "begin time", "begin time s", "start time s", "t start"),
        *("t min", "onset", "onset seconds", "onset s"),
    ),
    "end": (
        *("end seconds", "end", "end time", "end s", "end sec", "stop", "stop time"),
        *("stop seconds", "stop s", "end time s", "t end", "t max", "offset seconds"),
        "offset s",
    ),
    # Read only where there is a start and no end; else it is the file's own.
    "duration": (
        *("duration seconds", "duration", "duration s", "duration sec"),
        *("length seconds", "delta time", "delta time s"),
    ),
    "low": (
        *("low hz", "low freq hz", "low freq", "low frequency", "min freq"),
        *("min frequency", "freq min", "freq low", "f min", "fmin"),
    ),
    "high": (
        *("high hz", "high freq hz", "high freq", "high frequency", "max freq"),
        *("max frequency", "freq max", "freq high", "f max", "fmax"),
    ),
    "score": ("score", "confidence", "probability"),
    "group": (
        *("group", "speaker", "speaker id", "recording id", "site", "site id"),
        *("location", "device", "machine id", "client id", "patient id"),
    ),
    "split": ("split", "subset", "set", "partition"),
    "fold": ("fold", "fold id"),
}
# Further names in tables of events. Elsewhere they mean other things: the time of day,
# the length of a file, the type of a microphone. An "offset" is a start beside a
# duration (Kaleidoscope), and an end beside an onset.
IN_EVENTS: dict[str, tuple[str, ...]] = {
    "path": ("recording id",),
    "labels": ("type",),
    "start": ("time", "offset"),
    "end": ("offset",),
    "low": ("extent start",),
    "high": ("extent end",),
}


def plain_name(name: str) -> str:
    """Return a column's name without case, punctuation and double spaces.

    Example:
        >>> plain_name("Begin Time (s)"), plain_name("start_seconds")
        ('begin time s', 'start seconds')
    """
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


def find_columns(
    names: Iterable[str],
    named: Mapping[str, str | None] | None = None,
    *,
    of_events: bool = False,
) -> dict[str, str]:
    """Return the column of each role that a table has, in the order of `ROLES`.

    Args:
        names: The columns of the table.
        named: Columns by role, instead of what would be recognised; `None` or an empty
            name for a role that is to be left unused.
        of_events: Whether the table is known to be one of events.

    Raises:
        SettingError: If a role or a named column is unknown.

    Example:
        >>> find_columns(["File Name", "Species", "Begin Time (s)"])
        {'path': 'File Name', 'labels': 'Species', 'start': 'Begin Time (s)'}
        >>> find_columns(["file", "onset", "offset"], of_events=True)
        {'path': 'file', 'start': 'onset', 'end': 'offset'}
    """
    names = list(names)
    found = {
        role: _named(role, column, names) for role, column in (named or {}).items()
    }
    by_plain = {plain_name(name): name for name in reversed(names)}
    for role, usual in ROLES.items():
        if role in found:
            continue
        also = IN_EVENTS.get(role, ()) if of_events else ()
        known = (by_plain[name] for name in (*usual, *also) if name in by_plain)
        free = (column for column in known if column not in found.values())
        found[role] = next(free, None)
    return {role: column for role in ROLES if (column := found[role]) is not None}


def need_columns(
    columns: Mapping[str, str], roles: Iterable[str], table: Path, names: Iterable[str]
) -> None:
    """Check that a table has what is needed of it.

    Args:
        columns: From `find_columns`.
        roles: What is needed.
        table: The table, for the message.
        names: Its columns, likewise.

    Raises:
        DataError: If no column has one of the roles.
    """
    for role in roles:
        if role not in columns:
            raise DataError(
                f"{table}: no column is known to tell the {role}; say which one does "
                f"with columns={{{role!r}: ...}}; there are {', '.join(names)[:200]}"
            )


def _named(role: str, column: str | None, names: Sequence[str]) -> str | None:
    if role not in ROLES:
        raise unknown_name("role of a column", role, ROLES)
    if not column or column in names:
        return column or None
    alike = [name for name in names if plain_name(name) == plain_name(column)]
    if not alike:
        raise unknown_name(f"{role} column", column, names)
    return alike[0]
