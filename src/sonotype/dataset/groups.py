"""Which recordings belong together, read from their names.

A model that has heard a speaker, a site or a machine in training recognises that
recording again, not only its class; so whatever shares a group stays in one part.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath

from sonotype.errors import DataError, SettingError

_FORMS = (
    "use 'file' (each file its own group), 'part:N' (the N-th part of the path below "
    "the data folder; part:-2 is the folder a file lies in), or a regular expression "
    "with exactly one group in parentheses"
)


def assign_groups(
    relative_paths: Sequence[PurePath], group_by: str | None = None
) -> list[str]:
    """Return the group of each file.

    Args:
        relative_paths: Files, relative to the data folder.
        group_by: `None` takes what stands before `_nohash_` in a file's name, the
            speaker in Speech Commands, and else the file itself. `"file"` takes the
            file itself, `"part:N"` the N-th part of the path (from 1, or from -1
            backwards), any other text is a regular expression whose one group, found
            anywhere in the path, is the answer.

    Returns:
        One group a file, in the same order.

    Raises:
        SettingError: If `group_by` is none of these forms.
        DataError: If a path has no such part or does not match.

    Example:
        >>> files = [PurePath("yes/ann_nohash_0.wav"), PurePath("no/x.wav")]
        >>> assign_groups(files)
        ['ann', 'no/x.wav']
        >>> assign_groups(files, "part:1")
        ['yes', 'no']
        >>> assign_groups(files, r"/([a-z])")
        ['a', 'x']
    """
    find = _finder(group_by)
    found = [find(path) for path in relative_paths]
    missing = [
        path for path, group in zip(relative_paths, found, strict=True) if group is None
    ]
    if missing:
        raise DataError(
            f"the grouping {group_by!r} finds nothing in {len(missing)} of "
            f"{len(found)} files, the first of them {missing[0].as_posix()}; change it "
            "so that it fits every file"
        )
    return [group for group in found if group is not None]


def _finder(group_by: str | None) -> Callable[[PurePath], str | None]:
    if group_by is None:
        return _before_nohash
    if group_by == "file":
        return PurePath.as_posix
    if group_by.startswith("part:"):
        return _part_finder(group_by)
    return _pattern_finder(group_by)


def _before_nohash(path: PurePath) -> str:
    before, mark, _ = path.name.partition("_nohash_")
    if not mark or not before:
        return path.as_posix()
    # In `_unknown_/bed_0cb74144_nohash_2.wav` the word stands before the speaker.
    speaker = re.fullmatch(r".*_([0-9a-f]{8})", before)
    return speaker[1] if speaker else before


def _part_finder(group_by: str) -> Callable[[PurePath], str | None]:
    number = group_by.removeprefix("part:")
    if not re.fullmatch(r"-?[1-9]\d*", number):
        raise SettingError(f"the grouping {group_by!r} names no part; {_FORMS}")
    position = int(number)
    index = position - 1 if position > 0 else position

    def find(path: PurePath) -> str | None:
        parts = path.parts
        return parts[index] if -len(parts) <= index < len(parts) else None

    return find


def _pattern_finder(group_by: str) -> Callable[[PurePath], str | None]:
    try:
        pattern = re.compile(group_by)
    except re.error as error:
        raise SettingError(
            f"the grouping {group_by!r} is not a regular expression ({error}); {_FORMS}"
        ) from None
    if pattern.groups != 1:
        raise SettingError(
            f"the grouping {group_by!r} has {pattern.groups} groups in parentheses; "
            f"{_FORMS}"
        )

    def find(path: PurePath) -> str | None:
        match = pattern.search(path.as_posix())
        return match[1] if match else None

    return find
