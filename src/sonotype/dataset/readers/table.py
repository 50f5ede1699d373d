"""Tables that name recordings and their labels: CSV, TSV, JSON lines, Parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from sonotype.clips import Clips, Rejected
from sonotype.dataset.columns import find_columns, need_columns
from sonotype.dataset.groups import group_column
from sonotype.dataset.readers.audio_files import is_text, list_folder, resolve_paths
from sonotype.dataset.readers.collect import (
    FOUND,
    collect,
    contradicted,
    one_row_a_clip,
)
from sonotype.dataset.readers.split_names import split_name
from sonotype.dataset.readers.table_file import (
    SEPARATOR,
    TABLE_FORMATS,
    TableFile,
    label_cells,
    read_table_file,
    text_cells,
)
from sonotype.errors import DataError

NEEDED = ("path", "labels")
_TEXTS = ("path", "start", "end", "duration", "group", "split", "fold")


def read_table(
    table: Path | str,
    *,
    audio_root: Path | str | None = None,
    columns: Mapping[str, str | None] | None = None,
    separator: str = SEPARATOR,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
    check_files: bool = True,
) -> Clips:
    r"""Return the clips that a table lists.

    A row is a clip, or one annotation of a clip: rows with the same file and times are
    one clip with the labels of all. Where some cell joins several labels, or a column
    says what is absent, a row without a label is a clip that holds none of them.
    Columns are recognised by their usual names (`sonotype.dataset.columns.ROLES`).
    Clips of one file share a group unless a column gives groups.

    A clip has no frequencies: columns that tell them are named in `rejected`, and
    `sonotype.dataset.readers.annotated.read_annotated` reads such rows as events.

    Args:
        table: A `.csv`, `.tsv`, `.jsonl` or `.parquet` file, or a folder with one.
        audio_root: The folder that paths start from; `None` is the table's own.
        columns: The column of `path`, `labels`, `absent`, `start`, `end`, `duration`,
            `group`, `split` or `fold`, where the name is not recognised; `None` leaves
            a role unused. Times are in seconds; a fold is read only where there is no
            split. A cell of `absent` names labels known not to be heard, and all others
            are unknown then; an empty one says that every other label is absent.
        separator: What stands between the labels of one cell.
        classes: The classes to read, in the order of the model's outputs; `None` reads
            all of them, sorted.
        group_by: A column of the table, or a form of
            `sonotype.dataset.groups.assign_groups`.
        check_files: Whether to read every header, so that a broken file or a time
            outside it is known before training starts.

    Returns:
        The clips in the order of the table. `rejected` tells the rows that cannot be
        used, and why.

    Raises:
        SettingError: If a column, role, class or form of `group_by` is unknown.
        DataError: If the table cannot be read or lists no clip that can be used.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     table = Path(folder) / "birds.csv"
        ...     _ = table.write_text("file,species\na.wav,robin;wren\n")
        ...     read_table(table, check_files=False)[0].labels
        ('robin', 'wren')
    """
    table = _only_table(Path(table))
    root = table.parent if audio_root is None else Path(audio_root)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder of recordings")
    if not is_text(str(root)):
        raise DataError(f"{root}: its name is not valid UTF-8; rename it")
    content = read_table_file(table)
    columns = dict(columns or {})
    if (column := group_column(group_by, content.frame.columns)) is not None:
        columns["group"], group_by = column, None
    found, rejected = found_in_table(
        content, table, root=root, columns=columns, separator=separator
    )
    return collect(
        found,
        root,
        classes=classes,
        group_by=group_by,
        rejected=rejected,
        check_files=check_files,
    )


def tables_in(folder: Path) -> list[Path]:
    """Return the files in a folder that are tables by their suffix, sorted."""
    return [
        path
        for path in list_folder(folder)
        if path.suffix.lower() in TABLE_FORMATS
        and not path.name.startswith(".")
        and path.is_file()
    ]


def _only_table(path: Path) -> Path:
    if not path.is_dir():
        return path
    tables = tables_in(path)
    if len(tables) != 1:
        names = ", ".join(table.name for table in tables) or "none"
        raise DataError(
            f"{path}: one table was looked for in this folder, but there are: {names}; "
            "name the file"
        )
    return tables[0]


def unreadable_rows(content: TableFile, table: Path) -> list[Rejected]:
    """Return what of a table file is no row."""
    return [
        Rejected(table, f"row {number}: {reason}")
        for number, reason in content.rejected
    ]


def found_in_table(
    content: TableFile,
    table: Path,
    *,
    root: Path,
    columns: Mapping[str, str | None] | None = None,
    separator: str = SEPARATOR,
) -> tuple[pl.DataFrame, list[Rejected]]:
    """Return what a table lists, with the columns of `collect.FOUND`, and what else.

    Args:
        content: The rows of the table.
        table: Where they were read, for messages.
        root: The folder that paths start from.
        columns: As in `read_table`.
        separator: As in `read_table`.

    Raises:
        SettingError: If a column or a role is unknown, or there is no separator.
        DataError: If a column is missing or of a type that cannot be read.
    """
    roles = find_columns(content.frame.columns, columns)
    need_columns(roles, NEEDED, table, content.frame.columns)
    named = {role: content.frame[column] for role, column in roles.items()}
    nothing = pl.repeat(None, content.frame.height, dtype=pl.String, eager=True)
    found = pl.DataFrame(
        {
            "row": content.rows,
            "labels": label_cells(named["labels"], table, separator).fill_null([]),
            "absent": label_cells(named.get("absent", nothing), table, separator),
            **{
                role: text_cells(named[role], table) if role in named else nothing
                for role in _TEXTS
            },
        }
    )
    found = found.with_columns(
        resolve_paths(found["path"], root),
        pl.format("row {}", "row").alias("where"),
        pl.col("start").cast(pl.Float64, strict=False).alias("start_seconds"),
        _end_seconds(roles),
        split_name(roles),
    )
    # Where a clip may hold several labels it may hold none; elsewhere that is a slip.
    may_be_none = bool(
        (found["labels"].list.len() > 1).any() or found["absent"].is_not_null().any()
    )
    found = found.with_columns(_problem(may_be_none=may_be_none)).drop("split")
    found = one_row_a_clip(found.rename({"split_name": "split"}).select(FOUND.names()))
    found = found.with_columns(pl.col("path").fill_null(str(table)))
    return found, [*unreadable_rows(content, table), *_unused(named, table)]


def _unused(named: Mapping[str, pl.Series], table: Path) -> list[Rejected]:
    """Return the columns of a table that no clip can hold."""
    boxes = [named[role] for role in ("low", "high") if role in named]
    told = [column for column in boxes if text_cells(column, table).drop_nulls().len()]
    names = [repr(column.name) for column in told]
    if not names:
        return []
    reason = (
        f"what {' and '.join(names)} says is left out, for a clip has no frequencies; "
        "the layout annotated reads the rows as events with them"
    )
    return [Rejected(table, reason)]


def _end_seconds(roles: Mapping[str, str]) -> pl.Expr:
    end = pl.col("end").cast(pl.Float64, strict=False)
    if "start" in roles and "end" not in roles:
        start, duration = (
            pl.col(role).cast(pl.Float64, strict=False)
            for role in ("start", "duration")
        )
        end = start + duration
    return end.alias("end_seconds")


def _problem(*, may_be_none: bool) -> pl.Expr:
    """Return the first thing that is wrong with a row."""
    start, end = pl.col("start_seconds"), pl.col("end_seconds")
    given_split = pl.coalesce("split", "fold")
    checks: list[tuple[pl.Expr, pl.Expr]] = [
        (pl.col("path").is_null(), pl.lit("the path is empty")),
        (
            (pl.col("labels").list.len() == 0) & (not may_be_none),
            pl.lit("the label is empty"),
        ),
        *(
            (
                pl.col(role).is_not_null() & ~value.is_finite().fill_null(value=False),
                pl.format("the {} {} is not a time in seconds", pl.lit(role), role),
            )
            for role, value in (("start", start), ("end", end))
        ),
        (start < 0, pl.format("the start, {} s, is negative", start)),
        (end <= 0, pl.format("the end, {} s, is not after the start", end)),
        (
            end <= start,
            pl.format("the end, {} s, is not after the start, {} s", end, start),
        ),
        (
            given_split.is_not_null() & pl.col("split_name").is_null(),
            pl.format(
                "{} is neither train, validation or test nor a fold", given_split
            ),
        ),
    ]
    reasons = [pl.when(is_wrong).then(reason) for is_wrong, reason in checks]
    return pl.coalesce(*reasons, contradicted()).alias("problem")
