"""Hugging Face audio folders: `metadata.csv` beside the files, splits as folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from sonotype.clips import Clips, Rejected
from sonotype.dataset.groups import group_column
from sonotype.dataset.readers.audio_files import find_audio, list_folder
from sonotype.dataset.readers.collect import Found, collect, found_frame
from sonotype.dataset.readers.split_names import SPLIT_WORDS
from sonotype.dataset.readers.table import found_in_table
from sonotype.dataset.readers.table_file import SEPARATOR, read_table_file
from sonotype.errors import DataError

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def read_audiofolder(
    root: Path | str,
    *,
    columns: Mapping[str, str | None] | None = None,
    separator: str = SEPARATOR,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
) -> Clips:
    """Return the clips of an audio folder.

    With a `metadata.csv`, `.jsonl` or `.parquet` in the folder or in the folders of its
    splits, its `file_name` names the files below it. Without one, the folder below a
    split, `train/robin/a.wav`, is the label. A file below `train`, `validation` or
    `test`, however it is abbreviated, belongs to that part.

    Args:
        root: The data folder.
        columns: As in `sonotype.dataset.readers.table.read_table`.
        separator: What stands between the labels of one cell.
        classes: The classes to read, in the order of the model's outputs; `None` reads
            all of them, sorted.
        group_by: A column of the metadata, or a form of
            `sonotype.dataset.groups.assign_groups`.

    Raises:
        SettingError: If a class, a column or a form of `group_by` is unknown.
        DataError: If there is no metadata and no split, or nothing that can be used.

    References:
        Hugging Face datasets, "Create an audio dataset", AudioFolder.
    """
    root = Path(root)
    tables = metadata_tables(root)
    rejected: list[Rejected] = []
    if tables:
        parts, is_told = [], False
        for table in tables:
            content = read_table_file(table)
            named = _columns(content.frame.columns, columns)
            column = group_column(group_by, content.frame.columns)
            if column is not None:
                named["group"] = column
                is_told = True
            found, unread = found_in_table(
                content, table, root=table.parent, columns=named, separator=separator
            )
            rejected += unread
            parts.append(_with_place(found, table, root))
        everything = pl.concat(parts)
        group_by = None if is_told else group_by
    elif split_folders(root):
        everything, rejected = _without_metadata(root)
    else:
        raise DataError(
            f"{root}: is no audio folder: it has neither {', '.join(METADATA)} nor a "
            "folder train"
        )
    return collect(
        everything, root, classes=classes, group_by=group_by, rejected=rejected
    )


def metadata_tables(root: Path) -> list[Path]:
    """Return the metadata of a folder, or else of the folders of its splits."""
    for folders in ([root], split_folders(root)):
        places = (folder / name for folder in folders for name in METADATA)
        if tables := [place for place in places if place.is_file()]:
            return tables
    return []


def split_folders(root: Path) -> list[Path]:
    """Return the folders that are named like parts of a split, `train` among them."""
    if not root.is_dir():
        return []
    folders = [
        path
        for path in list_folder(root)
        if path.name.lower() in SPLIT_WORDS and path.is_dir()
    ]
    names = {SPLIT_WORDS[path.name.lower()] for path in folders}
    return folders if "train" in names else []


def _columns(
    names: Sequence[str], columns: Mapping[str, str | None] | None
) -> dict[str, str | None]:
    given = dict(columns or {})
    return {"path": "file_name", **given} if "file_name" in names else given


def _with_place(found: pl.DataFrame, table: Path, root: Path) -> pl.DataFrame:
    """Add the part that the folders tell, and which table a row is from."""
    told = [_part(Path(path), root) for path in found["path"]]
    name = table.relative_to(root).as_posix()
    return found.with_columns(
        split=pl.col("split").fill_null(pl.Series(told, dtype=pl.String)),
        where=pl.format("{} {}", pl.lit(name), "where"),
    )


def _part(path: Path, root: Path) -> str | None:
    if not path.is_relative_to(root) or path == root:
        return None
    return SPLIT_WORDS.get(path.relative_to(root).parts[0].lower())


def _without_metadata(root: Path) -> tuple[pl.DataFrame, list[Rejected]]:
    audio = find_audio(root)
    found, rejected = [], list(audio.rejected)
    for path in audio.files:
        parts = path.relative_to(root).parts
        split = _part(path, root)
        if split is None or len(parts) < 3:
            reason = "lies in no class folder of train, validation or test"
            rejected.append(Rejected(path, reason))
        else:
            found.append(Found(str(path), [parts[1]], split=split))
    return found_frame(found), rejected
