"""The table that a published data set comes with: known columns, nothing to guess."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sonotype.clips import Clips
from sonotype.dataset.readers.collect import Found, collect, found_frame
from sonotype.dataset.readers.table import unreadable_rows
from sonotype.dataset.readers.table_file import read_table_file
from sonotype.errors import DataError


def read_publisher_table(
    root: Path,
    table: Path,
    columns: Sequence[str],
    to_clip: Callable[[Mapping[str, str]], Found],
    *,
    classes: Sequence[str] | None,
    group_by: str | None,
) -> Clips:
    """Return one clip for each row of a published table, grouped by recording.

    Args:
        root: The data folder.
        table: A CSV file.
        columns: The columns that `to_clip` needs; a row that lacks one is set aside.
        to_clip: Makes a clip of the cells of a row.
        classes: See `sonotype.dataset.readers.collect.collect`.
        group_by: The same.

    Raises:
        SettingError: If a class or a form of `group_by` is unknown.
        DataError: If the table is not there, lacks a column, or nothing can be used.
    """
    content = read_table_file(table)
    lacking = [name for name in columns if name not in content.frame.columns]
    if lacking:
        raise DataError(f"{table}: has no column {lacking[0]!r}; get the file again")
    found = []
    cells = content.frame.select(columns)
    for number, row in zip(content.rows, cells.iter_rows(named=True), strict=True):
        where = f"row {number}"
        empty = [name for name in columns if not (row[name] or "").strip()]
        if empty:
            problem = f"the column {empty[0]!r} is empty"
            found.append(Found(str(table), where=where, problem=problem))
        else:
            found.append(to_clip(row)._replace(where=where))
    return collect(
        found_frame(found),
        root,
        classes=classes,
        group_by=group_by,
        kind="recording",
        rejected=unreadable_rows(content, table),
    )
