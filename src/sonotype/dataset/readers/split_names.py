"""What a table calls train, validation, test and the folds."""

from collections.abc import Collection

import polars as pl

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


def split_name(roles: Collection[str]) -> pl.Expr:
    """Return the part each row of a table is assigned to; null if it names none.

    Args:
        roles: The roles that the table has; `split` and `fold` are columns of text. A
            fold is read only where there is no split.

    Example:
        >>> table = pl.DataFrame({"fold": ["1", "Fold_2", "5.0", "x"]})
        >>> table.select(split_name(table.columns)).to_series().to_list()
        ['fold1', 'fold2', 'fold5', None]
    """
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
