"""Whatever layout a data set has: recognise it, say why, read it."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from sonotype.clips import Clips
from sonotype.dataset.columns import find_columns
from sonotype.dataset.groups import without_near_duplicates
from sonotype.dataset.near_copies import hear_and_join
from sonotype.dataset.readers import esc, speech_commands, urbansound
from sonotype.dataset.readers.annotated import read_annotated
from sonotype.dataset.readers.annotation_files import why_annotated
from sonotype.dataset.readers.audio_files import list_folder
from sonotype.dataset.readers.audiofolder import (
    metadata_tables,
    read_audiofolder,
    split_folders,
)
from sonotype.dataset.readers.folder import read_folder
from sonotype.dataset.readers.fsdd import FILE_NAME, read_fsdd
from sonotype.dataset.readers.table import NEEDED, read_table, tables_in
from sonotype.dataset.readers.table_file import read_table_file
from sonotype.errors import DataError, SonotypeError, unknown_name

AUTO = "auto"
# A table above this size is read when it is asked for, not to see what it is.
_MAX_BYTES = 100_000_000
_ANSWERS = {"score", "scores", "confidence", "probability", "prediction"}


@dataclass(frozen=True)
class Recognition:
    """The layout a data set was taken for, and why.

    Example:
        >>> print(Recognition("esc", "it has meta/esc50.csv"))
        layout esc, because it has meta/esc50.csv
    """

    layout: str
    reason: str

    def __str__(self) -> str:
        return f"layout {self.layout}, because {self.reason}"


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set.

    Args:
        read: Reads it; takes the path, and `classes` and `group_by` by keyword.
        recognise: Returns why a path has this layout, or `None` if it does not seem
            to. Without one, the layout has to be named.
    """

    read: Callable[..., Clips]
    recognise: Callable[[Path], str | None] | None = None


def read_dataset(
    root: Path | str,
    *,
    layout: str = AUTO,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
    clip_seconds: float | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    **options: Any,
) -> Clips:
    """Return the clips of a data set in any layout that is known.

    Args:
        root: A folder, or the file of a table.
        layout: A name in `LAYOUTS`, or `auto` for the one that `recognise` finds.
        classes: The classes to read, in the order of the model's outputs; `None` reads
            all of them, sorted.
        group_by: What keeps clips in one part of a split, see
            `sonotype.dataset.groups.assign_groups`; with `near-duplicate`, every file
            is decoded once to find near copies.
        clip_seconds: Length of the windows that annotated recordings are cut into;
            `None` makes each event a clip. In other layouts, clips have a length.
        on_progress: Called while files are listened to for near copies.
        options: Further arguments of the layout's reader.

    Raises:
        SettingError: If the layout, an option, a class or a form of `group_by` is
            unknown.
        DataError: If there is nothing that can be used.

    Example:
        >>> read_dataset("birds", layout="esc50")
        Traceback (most recent call last):
        ...
        sonotype.errors.SettingError: layout 'esc50' is unknown (did you mean 'esc'?)...
    """
    layout = recognise(root, layout).layout
    read = LAYOUTS[layout].read
    known = list(inspect.signature(read).parameters)[1:]  # all but the path
    for name in options:
        if name not in known:
            raise unknown_name(f"option of layout {layout}", name, known)
    if "clip_seconds" in known:
        options["clip_seconds"] = clip_seconds
    told_by, joins = without_near_duplicates(group_by)
    clips = read(root, classes=classes, group_by=told_by, **options)
    return hear_and_join(clips, on_progress) if joins else clips


def recognise(root: Path | str, layout: str = AUTO) -> Recognition:
    """Return the layout of a data set, and what it is recognised by.

    Args:
        root: A folder, or the file of a table.
        layout: `auto`, or a name in `LAYOUTS`, which is then believed.

    Raises:
        SettingError: If the layout is unknown.
        DataError: If there is no such folder or file.
    """
    root = Path(root)
    if layout != AUTO:
        if layout not in LAYOUTS:
            raise unknown_name("layout", layout, (AUTO, *LAYOUTS))
        return Recognition(layout, "it was asked for")
    if not root.exists():
        raise DataError(f"{root}: there is no such folder")
    for name, candidate in LAYOUTS.items():
        reason = candidate.recognise(root) if candidate.recognise else None
        if reason is not None:
            return Recognition(name, reason)
    return Recognition("folder", "nothing else was recognised in it")


def _is_urbansound(root: Path) -> str | None:
    place = urbansound.METADATA
    return f"it has {place.as_posix()}" if (root / place).is_file() else None


def _is_esc(root: Path) -> str | None:
    if (root / esc.METADATA).is_file():
        return f"it has {esc.METADATA.as_posix()}"
    named = esc.esc10_folders(root)
    others = [path.name for path in list_folder(root) if path.is_dir()] if named else []
    if len(named) < 2 or any(
        name not in named and not name.startswith(".") for name in others
    ):
        return None
    return f"its folders are named like {next(iter(named))!r}"


def _is_speech_commands(root: Path) -> str | None:
    lists = [name for name in speech_commands.LISTS.values() if (root / name).is_file()]
    return f"it has {lists[0]}" if lists else None


def _is_fsdd(root: Path) -> str | None:
    folder = root / "recordings" if (root / "recordings").is_dir() else root
    if not folder.is_dir():
        return None
    names = [path.name for path in list_folder(folder) if path.suffix == ".wav"]
    if not names or not all(FILE_NAME.fullmatch(name) for name in names):
        return None
    return f"its files are named like {names[0]}"


def _is_audiofolder(root: Path) -> str | None:
    for table in metadata_tables(root):
        if "file_name" in _labelled_columns(table):
            return f"{table.relative_to(root).as_posix()} names files and labels"
    parts = split_folders(root)
    if len(parts) < 2 or not any(path.is_dir() for path in list_folder(parts[0])):
        return None
    others = {path for path in list_folder(root) if path.is_dir()} - set(parts)
    if any(not path.name.startswith((".", "_")) for path in others):
        return None
    return f"its folders are {', '.join(path.name for path in parts)}"


def _is_table(root: Path) -> str | None:
    if not root.is_dir():
        return None if why_annotated(root) else "it is a file"
    tables = tables_in(root)
    # Scores are answers, such as those that `sonotype predict` writes, not labels.
    columns = _labelled_columns(tables[0]) if len(tables) == 1 else []
    if not columns or {name.lower() for name in columns} & _ANSWERS:
        return None
    role = find_columns(columns)
    if "start" in role and {"low", "high"} & role.keys():
        return None  # boxes: events, which no clip can hold
    path = read_table_file(tables[0]).frame[role["path"]].cast(pl.String).first()
    if path is None or not (root / str(path)).is_file():
        return None
    told = f"{tables[0].name} in it names files and labels"
    if "start" in role:
        return f"{told}; each row is a clip (layout annotated cuts windows instead)"
    return told


def _labelled_columns(table: Path) -> list[str]:
    """Return the columns of a table that seems to tell files and labels, else none."""
    try:
        if table.stat().st_size > _MAX_BYTES:
            return []
        columns = read_table_file(table).frame.columns
    except (OSError, SonotypeError):
        return []
    return columns if set(NEEDED) <= set(find_columns(columns)) else []


# In this order, and what is not recognised is a folder of class folders.
LAYOUTS: dict[str, Layout] = {
    "urbansound": Layout(urbansound.read_urbansound, _is_urbansound),
    "esc": Layout(esc.read_esc, _is_esc),
    "speech_commands": Layout(
        speech_commands.read_speech_commands, _is_speech_commands
    ),
    **{
        f"speech_commands:{preset}": Layout(
            partial(speech_commands.read_speech_commands, preset=preset)
        )
        for preset in speech_commands.PRESETS
    },
    "fsdd": Layout(read_fsdd, _is_fsdd),
    "audiofolder": Layout(read_audiofolder, _is_audiofolder),
    "table": Layout(read_table, _is_table),
    "annotated": Layout(read_annotated, why_annotated),
    "folder": Layout(read_folder),
}
