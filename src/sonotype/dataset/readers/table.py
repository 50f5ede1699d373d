"""Tables that name recordings and their labels: CSV, TSV, JSON lines, Parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from sonotype.clips import Clips, Rejected
from sonotype.dataset.readers.audio_files import is_text, list_folder
from sonotype.dataset.readers.collect import FOUND, collect
from sonotype.dataset.readers.table_columns import find_columns
from sonotype.dataset.readers.table_file import (
    TABLE_FORMATS,
    TableFile,
    read_table_file,
)
from sonotype.errors import DataError, SettingError

SEPARATOR = ";"
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
# What makes two rows two annotations of one clip.
_CLIP = ("path", "start_seconds", "end_seconds")


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
    one clip with the labels of all. Columns are recognised by their usual names
    (`sonotype.dataset.readers.table_columns.ROLES`). Clips of one file share a group
    unless a column gives groups.

    Args:
        table: A `.csv`, `.tsv`, `.jsonl` or `.parquet` file, or a folder with one.
        audio_root: The folder that paths start from; `None` is the table's own.
        columns: The column of `path`, `labels`, `start`, `end`, `duration`, `group`,
            `split` or `fold`, where the name is not recognised; `None` leaves a role
            unused. Times are in seconds; a fold is read only where there is no split.
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
    if group_by in content.frame.columns:
        columns["group"], group_by = group_by, None
    found = found_in_table(
        content, table, root=root, columns=columns, separator=separator
    )
    return collect(
        found,
        root,
        classes=classes,
        group_by=group_by,
        rejected=unreadable_rows(content, table),
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
) -> pl.DataFrame:
    """Return what a table lists, with the columns of `collect.FOUND`.

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
    if not separator:
        raise SettingError("the separator of labels is empty; the usual one is ';'")
    roles = find_columns(table, content.frame.columns, columns)
    named = {role: content.frame[column] for role, column in roles.items()}
    nothing = pl.repeat(None, content.frame.height, dtype=pl.String, eager=True)
    texts = {
        role: _text(named[role], table) if role in named else nothing
        for role in ("path", "start", "end", "duration", "group", "split", "fold")
    }
    labels = _labels(named["labels"], table, separator)
    found = pl.DataFrame({"row": content.rows, "labels": labels, **texts})
    paths = _resolved(found["path"], root)
    found = found.with_columns(
        paths.alias("path"),
        pl.format("row {}", "row").alias("where"),
        pl.col("start").cast(pl.Float64, strict=False).alias("start_seconds"),
        _end_seconds(roles),
        _split(roles),
    )
    found = found.with_columns(_problem())
    found = _one_row_a_clip(found).with_columns(pl.col("path").fill_null(str(table)))
    return found.select(FOUND.names())


def _text(column: pl.Series, table: Path) -> pl.Series:
    """Return a column as text without spaces around; empty cells are null."""
    kind = column.dtype
    if kind.is_nested() or kind.is_temporal() or kind in (pl.Binary, pl.Object):
        raise DataError(
            f"{table}: column {column.name!r} holds {kind}; it must hold text or "
            "numbers"
        )
    stripped = column.cast(pl.String).str.strip_chars()
    return stripped.set(stripped == "", None)


def _labels(column: pl.Series, table: Path, separator: str) -> pl.Series:
    """Return the different labels of each row, in their order; maybe none."""
    if isinstance(column.dtype, pl.List):
        inner = column.dtype.inner
        if inner is not None and getattr(inner, "is_nested", lambda: False)():
            raise DataError(f"{table}: column {column.name!r} holds lists of lists")
        cells = column.cast(pl.List(pl.String))
    else:
        cells = _text(column, table).str.split(separator)
    name = pl.element().str.strip_chars()
    cells = cells.list.eval(name.filter(name != ""))
    return cells.list.unique(maintain_order=True).fill_null([])


def _resolved(paths: pl.Series, root: Path) -> pl.Series:
    """Return paths below `root`, written the same for the same file."""
    different = paths.drop_nulls().unique()
    full = [str(root / path) for path in different]
    return paths.replace_strict(
        different, pl.Series(full, dtype=pl.String), default=None
    )


def _end_seconds(roles: Mapping[str, str]) -> pl.Expr:
    end = pl.col("end").cast(pl.Float64, strict=False)
    if "start" in roles and "end" not in roles:
        start, duration = (
            pl.col(role).cast(pl.Float64, strict=False)
            for role in ("start", "duration")
        )
        end = start + duration
    return end.alias("end_seconds")


def _split(roles: Mapping[str, str]) -> pl.Expr:
    if "split" not in roles:
        number = (
            pl.col("fold")
            .str.to_lowercase()
            .str.extract(r"^(?:fold[ _-]?)?(\d{1,9})(?:\.0)?$")
        )
        return pl.format("fold{}", number.cast(pl.Int64)).alias("split_name")
    word = pl.col("split").str.to_lowercase()
    known = word.replace_strict(SPLIT_WORDS, default=None, return_dtype=pl.String)
    fold = word.str.extract(r"^(fold\d{1,9})$")
    return pl.coalesce(known, fold).alias("split_name")


def _problem() -> pl.Expr:
    """Return the first thing that is wrong with a row."""
    start, end = pl.col("start_seconds"), pl.col("end_seconds")
    given_split = pl.coalesce("split", "fold")
    checks: list[tuple[pl.Expr, pl.Expr]] = [
        (pl.col("path").is_null(), pl.lit("the path is empty")),
        (pl.col("labels").list.len() == 0, pl.lit("the label is empty")),
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
    return pl.coalesce(reasons).alias("problem")


def _one_row_a_clip(found: pl.DataFrame) -> pl.DataFrame:
    """Put rows of one clip together; rows that contradict the first are a problem."""
    found = found.drop("split").rename({"split_name": "split"})
    is_usable = pl.col("problem").is_null()
    if found.filter(is_usable).select(_CLIP).is_unique().all():
        return found
    first = pl.col("group", "split", "where").first().over([*_CLIP, is_usable])
    found = found.with_columns(first.name.prefix("first_"))
    contradicts = pl.col("group").ne_missing(pl.col("first_group")) | pl.col(
        "split"
    ).ne_missing(pl.col("first_split"))
    reason = pl.format("the same clip has another group or split in {}", "first_where")
    found = found.with_columns(
        problem=pl.coalesce("problem", pl.when(contradicts).then(reason))
    )
    merged = (
        found.filter(is_usable)
        .group_by(_CLIP, maintain_order=True)
        .agg(
            pl.col("row", "where", "group", "split", "problem").first(),
            pl.col("labels").explode().unique(maintain_order=True),
        )
    )
    columns = merged.columns
    return pl.concat([merged, found.filter(~is_usable).select(columns)]).sort("row")
