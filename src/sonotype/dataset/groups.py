"""Which recordings belong together, as the data says or as their names tell.

A model that has heard a speaker, a site or a machine in training recognises that
recording again, not only its class; so whatever shares a group stays in one part.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Literal

import polars as pl

from sonotype.dataset.columns import plain_name
from sonotype.errors import DataError, SettingError, unknown_name

Kind = Literal["speaker", "recording", "site"]
# What a group may be, and the usual names of a column that tells it.
KINDS: dict[str, tuple[str, ...]] = {
    "speaker": ("speaker", "speaker id", "client id"),
    "recording": ("recording", "recording id", "src file", "fsid"),
    "site": ("site", "site id", "location"),
}
NEAR_DUPLICATE = "near-duplicate"
_FORMS = (
    "use 'speaker', 'recording' or 'site' where the data tells it, 'column:NAME' (a "
    "column of the table), 'file' (each file its own group), 'part:N' (the N-th part "
    "of the path below the data folder; part:-2 is the folder a file lies in), or a "
    "regular expression with exactly one group in parentheses; '+near-duplicate' after "
    "any of these, or 'near-duplicate' alone, puts near copies together as well"
)
_SPEAKER = re.compile("[0-9a-f]{8}")
_Find = Callable[[str], str | None]


def without_near_duplicates(group_by: str | None) -> tuple[str | None, bool]:
    """Return a grouping without `near-duplicate`, and whether it was there.

    Near copies are told by listening, not from names: see
    `sonotype.dataset.near_copies.join_near_copies`.

    Example:
        >>> without_near_duplicates("site+near-duplicate")
        ('site', True)
        >>> without_near_duplicates("near-duplicate"), without_near_duplicates("file")
        ((None, True), ('file', False))
    """
    if group_by == NEAR_DUPLICATE:
        return None, True
    if group_by is not None and group_by.endswith(f"+{NEAR_DUPLICATE}"):
        return group_by.removesuffix(f"+{NEAR_DUPLICATE}"), True
    return group_by, False


def group_column(group_by: str | None, columns: Sequence[str]) -> str | None:
    """Return the column of a table that a grouping names, if it names one.

    Args:
        group_by: `"column:NAME"`, or the name alone where it is one; `"speaker"`,
            `"recording"` and `"site"` also find a column by its usual names.
        columns: The columns of the table.

    Raises:
        SettingError: If there is no such column.

    Example:
        >>> group_column("site", ["file", "Site ID"]), group_column("file", ["path"])
        ('Site ID', None)
    """
    if group_by is None or group_by in columns:
        return group_by
    if group_by.startswith("column:"):
        name = group_by.removeprefix("column:")
        if name not in columns:
            raise unknown_name("column to group by", name, columns)
        return name
    found = {plain_name(column): column for column in reversed(columns)}
    usual = KINDS.get(group_by, ())
    column = next((found[name] for name in usual if name in found), None)
    if column is None and group_by == "site":  # which no path tells
        raise unknown_name("column to group by", group_by, columns)
    return column


def assign_groups(
    paths: Sequence[str | PurePath], group_by: str | None = None
) -> list[str]:
    """Return the group of each file, told from its path.

    Args:
        paths: Files, relative to the data folder. Text is taken as it is, with `/`
            between the parts, which is ten times faster.
        group_by: `None` takes what stands before `_nohash_` in a file's name, the
            speaker in Speech Commands, and else the file itself. `"speaker"` is the
            same, but it is an error if no name tells a speaker. `"file"` and
            `"recording"` take the file itself, `"part:N"` the N-th part of the path
            (from 1, or from -1 backwards), any other text is a regular expression,
            also after `regex:`, whose one group, found anywhere in the path, is the
            answer.

    Returns:
        One group a file, in the same order.

    Raises:
        SettingError: If `group_by` is none of these forms, or only a table tells it.
        DataError: If a path has no such part or does not match.

    Example:
        >>> files = ["yes/ann_nohash_0.wav", "no/x.wav"]
        >>> assign_groups(files)
        ['ann', 'no/x.wav']
        >>> assign_groups(files, "part:1")
        ['yes', 'no']
        >>> assign_groups(files, r"/([a-z])")
        ['a', 'x']
    """
    find = _finder(group_by)
    names = [path if isinstance(path, str) else path.as_posix() for path in paths]
    found = [find(name) for name in names]
    if group_by is None or (group_by == "speaker" and any(found)):
        # Noise and silence have no speaker.
        return [group or name for group, name in zip(found, names, strict=True)]
    groups = [group for group in found if group is not None]
    if len(groups) < len(names):
        missing = names[found.index(None)]
        raise DataError(
            f"the grouping {group_by!r} finds nothing in {len(names) - len(groups):,} "
            f"of {len(names):,} files, the first of them {missing}; change it so that "
            f"it fits every file: {_FORMS}"
        )
    return groups


def complete_groups(
    given: pl.Series,
    paths: pl.Series,
    group_by: str | None = None,
    *,
    root: PurePath,
    kind: Kind | None = None,
) -> pl.Series:
    """Return the group of each clip: the given one, or else what its path tells.

    Args:
        given: The groups that the data comes with; null where it tells none.
        paths: The file of each clip; each file is looked at once.
        group_by: `None` keeps what is given; so does the name of its `kind`. Anything
            else takes its place, see `assign_groups`.
        root: The data folder.
        kind: What the given groups are, if the data says.

    Raises:
        SettingError: As `assign_groups`.
        DataError: As `assign_groups`.
    """
    keeps = group_by is None or (group_by == kind and given.null_count() < len(given))
    if keeps:
        # A file that the data names no site for is a site of its own.
        group_by = None if kind == "speaker" else group_by and "file"
    else:
        given = given.clear(len(given))
    files = paths.filter(given.is_null()).unique(maintain_order=True)
    if files.is_empty():
        return given.alias("group")
    told = pl.Series(assign_groups(below(files, root), group_by), dtype=pl.String)
    from_path = paths.replace_strict(files, told, default=None, return_dtype=pl.String)
    return given.fill_null(from_path).alias("group")


def below(paths: Iterable[str], root: PurePath) -> list[str]:
    """Return paths below the data folder relative to it, others as they are."""
    # Text, not `Path`: a million of them would take a quarter of a minute.
    prefix = str(root / "x").removesuffix("x")
    return [path.removeprefix(prefix).replace(os.sep, "/") for path in paths]


def _finder(group_by: str | None) -> _Find:
    if group_by is None or group_by in _FINDERS:
        return _FINDERS[group_by or "speaker"]
    if group_by == "site" or group_by.startswith("column:"):
        raise SettingError(
            f"nothing here tells the grouping {group_by!r}: it needs a table with such "
            f"a column; {_FORMS}"
        )
    if group_by.startswith("part:"):
        return _part_finder(group_by)
    return _pattern_finder(group_by)


def _itself(path: str) -> str:
    return path


def _speaker(path: str) -> str | None:
    before, mark, _ = path.rpartition("/")[2].partition("_nohash_")
    if not mark or not before:
        return None
    # In `_unknown_/bed_0cb74144_nohash_2.wav` the word stands before the speaker.
    _, mark, last = before.rpartition("_")
    return last if mark and _SPEAKER.fullmatch(last) else before


_FINDERS: dict[str, _Find] = {
    "speaker": _speaker,
    "file": _itself,
    "recording": _itself,
}


def _part_finder(group_by: str) -> _Find:
    number = group_by.removeprefix("part:")
    if not re.fullmatch(r"-?[1-9]\d*", number):
        raise SettingError(f"the grouping {group_by!r} names no part; {_FORMS}")
    position = int(number)
    index = position - 1 if position > 0 else position

    def find(path: str) -> str | None:
        parts = path.split("/")
        return (parts[index] or None) if -len(parts) <= index < len(parts) else None

    return find


def _pattern_finder(group_by: str) -> _Find:
    try:
        pattern = re.compile(group_by.removeprefix("regex:"))
    except re.error as error:
        raise SettingError(
            f"the grouping {group_by!r} is not a regular expression ({error}); {_FORMS}"
        ) from None
    if pattern.groups != 1:
        raise SettingError(
            f"the grouping {group_by!r} has {pattern.groups} groups in parentheses; "
            f"{_FORMS}"
        )
    search = pattern.search

    def find(path: str) -> str | None:
        match = search(path)
        return match[1] if match else None

    return find
