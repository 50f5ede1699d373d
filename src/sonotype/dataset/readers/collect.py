"""From what a reader found to a table of clips: choose, check, group, set aside."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from sonotype.clips import SCHEMA, Clips, Rejected
from sonotype.dataset.groups import Kind, complete_groups
from sonotype.dataset.readers.audio_files import read_headers
from sonotype.errors import DataError, SettingError, unknown_name
from sonotype.labels import Labels


class Found(NamedTuple):
    """A clip that a reader found, before anything of it is checked.

    Args:
        path: The audio file.
        labels: What is heard in it; none in a negative, which holds no label at all.
        start_seconds: Where it starts; `None` is the start of the file.
        end_seconds: Where it ends; `None` is the end of the file.
        group: What must not straddle a split; `None` is told from the path.
        split: The part it is assigned to, if any.
        where: The place in a table it came from, such as `row 7`.
        problem: Why it cannot be used, if that is known already.
        absent: What is known not to be heard in it; `None` is every other label.
    """

    path: str
    labels: Sequence[str] = ()
    start_seconds: float | None = None
    end_seconds: float | None = None
    group: str | None = None
    split: str | None = None
    where: str | None = None
    problem: str | None = None
    absent: Sequence[str] | None = None


# What makes two rows two annotations of one clip.
_CLIP = ("path", "start_seconds", "end_seconds")
FOUND = pl.Schema(
    {
        "path": pl.String(),
        "labels": pl.List(pl.String()),
        "start_seconds": pl.Float64(),
        "end_seconds": pl.Float64(),
        "group": pl.String(),
        "split": pl.String(),
        "where": pl.String(),
        "problem": pl.String(),
        "absent": pl.List(pl.String()),
    }
)


def found_frame(clips: Iterable[Found]) -> pl.DataFrame:
    """Return found clips as a table with the columns of `FOUND`."""
    return pl.DataFrame(list(clips), schema=FOUND, orient="row")


def collect(
    found: pl.DataFrame,
    root: Path,
    *,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
    kind: Kind | None = None,
    rejected: Iterable[Rejected] = (),
    check_files: bool = True,
) -> Clips:
    """Return the clips that can be used, and why the others cannot.

    Args:
        found: Clips with the columns of `FOUND`.
        root: The data folder; groups are told from paths below it.
        classes: The classes to keep, in the order of the model's outputs; `None` keeps
            all of them, sorted.
        group_by: See `sonotype.dataset.groups.assign_groups`; `None` keeps the groups
            that are given and tells the others from the paths.
        kind: What the given groups are, if it is known: `group_by` may name it.
        rejected: What was set aside before.
        check_files: Whether to read every header, so that a broken file or a time
            outside it is known before training starts.

    Returns:
        The clips in the order of `found`.

    Raises:
        SettingError: If a class or a form of `group_by` is unknown.
        DataError: If there is no usable clip, of any class or of one asked for.
    """
    found = _choose(found, classes)
    if check_files:
        found = _check_files(found)
    set_aside = [*rejected, *_problems(found)]
    if found["where"].null_count():
        set_aside.sort(key=lambda item: item.path)
    usable = found.filter(pl.col("problem").is_null())
    usable = usable.with_columns(
        complete_groups(usable["group"], usable["path"], group_by, root=root, kind=kind)
    )
    labels = _labels(root, classes, usable, set_aside)
    return Clips(usable.select(SCHEMA.names()), labels, tuple(set_aside))


def one_row_a_clip(found: pl.DataFrame) -> pl.DataFrame:
    """Put rows of one clip together; rows that contradict the first are a problem.

    Args:
        found: Clips with the columns of `FOUND`, one row an annotation.
    """
    is_usable = pl.col("problem").is_null()
    if found.filter(is_usable).select(_CLIP).is_unique().all():
        return found
    found = found.with_row_index("row")
    first = pl.col("group", "split", "where").first().over([*_CLIP, is_usable])
    found = found.with_columns(first.name.prefix("first_"))
    contradicts = pl.col("group").ne_missing(pl.col("first_group")) | pl.col(
        "split"
    ).ne_missing(pl.col("first_split"))
    reason = pl.format("the same clip has another group or split in {}", "first_where")
    found = found.with_columns(
        problem=pl.coalesce("problem", pl.when(contradicts).then(reason))
    )
    denied = pl.col("absent").explode().drop_nulls().unique(maintain_order=True)
    merged = (
        found.filter(is_usable)
        .group_by(_CLIP, maintain_order=True)
        .agg(
            pl.col("row", "where", "group", "split", "problem").first(),
            pl.col("labels").explode().drop_nulls().unique(maintain_order=True),
            pl.when(pl.col("absent").is_not_null().any())
            .then(denied.implode())
            .first(),
        )
    )
    columns = merged.columns
    both = pl.concat([merged, found.filter(~is_usable).select(columns)]).sort("row")
    return both.with_columns(problem=pl.coalesce("problem", contradicted())).select(
        FOUND.names()
    )


def contradicted() -> pl.Expr:
    """Return what is wrong with a clip in which a label is both heard and absent."""
    both = pl.col("labels").list.set_intersection("absent")
    name = both.list.first()
    return pl.format("the label {} is said to be both heard and absent", name)


def _choose(found: pl.DataFrame, classes: Sequence[str] | None) -> pl.DataFrame:
    """Return the clips of the classes asked for, without their other labels."""
    if classes is None:
        return found
    known = set(found["labels"].explode().drop_nulls().unique())
    if not classes:
        raise SettingError(
            f"no class was asked for; choose from: {', '.join(sorted(known))}"
        )
    for name in classes:
        if name not in known:
            raise unknown_name("class", name, known)
    is_wanted = pl.element().is_in(list(classes))
    kept, denied = (
        pl.col(name).list.eval(pl.element().filter(is_wanted))
        for name in ("labels", "absent")
    )
    is_unnamed = (kept.list.len() == 0) & (denied.list.len().fill_null(0) == 0)
    is_negative = (pl.col("labels").list.len() == 0) & pl.col("absent").is_null()
    says_nothing = is_unnamed & ~is_negative
    return found.filter(~says_nothing).with_columns(labels=kept, absent=denied)


def _check_files(found: pl.DataFrame) -> pl.DataFrame:
    """Add a problem where the file cannot be used or the times are outside of it."""
    hopeful = found.filter(pl.col("problem").is_null())["path"]
    headers = read_headers(hopeful.unique(maintain_order=True).to_list())
    # In samples, rounded as `read_audio` rounds them: what passes can be read.
    rate, n_samples = pl.col("sample_rate"), pl.col("n_samples")
    start = (pl.col("start_seconds").fill_null(0) * rate).round()
    end = (pl.col("end_seconds") * rate).round().fill_null(n_samples)
    outside = pl.format(
        "the interval from {} s to {} is not inside the recording, which lasts {} s",
        pl.col("start_seconds").fill_null(0),
        pl.coalesce(pl.format("{} s", pl.col("end_seconds")), pl.lit("the end")),
        (n_samples / rate).round(3),
    )
    problem = pl.coalesce(
        "problem",
        "unusable",
        pl.when((start >= n_samples) | (end > n_samples)).then(outside),
        pl.when(start >= end).then(pl.lit("the interval is shorter than one sample")),
    )
    joined = found.join(headers, on="path", how="left", maintain_order="left")
    return joined.with_columns(problem=problem).select(FOUND.names())


def _problems(found: pl.DataFrame) -> list[Rejected]:
    told = pl.concat_str("where", "problem", separator=": ", ignore_nulls=True)
    unusable = found.filter(pl.col("problem").is_not_null()).select("path", told)
    return [Rejected(Path(path), reason) for path, reason in unusable.iter_rows()]


def _labels(
    root: Path,
    classes: Sequence[str] | None,
    clips: pl.DataFrame,
    rejected: list[Rejected],
) -> Labels:
    carried = set(clips["labels"].explode().drop_nulls().unique())
    denied = set(clips["absent"].explode().drop_nulls().unique())
    lacking = [name for name in classes or () if name not in carried]
    if not carried or lacking:
        where = f"class {lacking[0]!r} has" if lacking else "there is"
        first = next(iter(rejected), None)
        reason = f"; {first.path}: {first.reason}" if first else ""
        raise DataError(f"{root}: {where} no recording that can be used{reason}")
    return Labels.of(carried | denied) if classes is None else Labels(tuple(classes))
