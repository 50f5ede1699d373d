"""From what a reader found to a table of clips: choose, check, group, set aside."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import polars as pl

from sonotype.clips import SCHEMA, Clips, Rejected
from sonotype.dataset.groups import assign_groups
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
    """

    path: str
    labels: Sequence[str] = ()
    start_seconds: float | None = None
    end_seconds: float | None = None
    group: str | None = None
    split: str | None = None
    where: str | None = None
    problem: str | None = None


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
    rejected: Iterable[Rejected] = (),
    check_files: bool = True,
) -> Clips:
    """Return the clips that can be used, and why the others cannot.

    A clip without a label is a negative: every label is absent from it.

    Args:
        found: Clips with the columns of `FOUND`.
        root: The data folder; groups are told from paths below it.
        classes: The classes to keep, in the order of the model's outputs; `None` keeps
            all of them, sorted.
        group_by: See `sonotype.dataset.groups.assign_groups`; `None` keeps the groups
            that are given and tells the others from the paths.
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
    usable = usable.with_columns(_groups(usable, root, group_by))
    labels = _labels(root, classes, usable, set_aside)
    absent = pl.Series([list(labels)], dtype=pl.List(pl.String))
    is_negative = pl.col("labels").list.len() == 0
    nothing = pl.Series([[]], dtype=pl.List(pl.String))
    usable = usable.with_columns(
        absent=pl.when(is_negative).then(pl.lit(absent)).otherwise(pl.lit(nothing))
    )
    return Clips(usable.select(SCHEMA.names()), labels, tuple(set_aside))


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
    kept = pl.col("labels").list.eval(pl.element().filter(is_wanted))
    is_other = (kept.list.len() == 0) & (pl.col("labels").list.len() > 0)
    return found.filter(~is_other).with_columns(labels=kept)


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


def _groups(clips: pl.DataFrame, root: Path, group_by: str | None) -> pl.Series:
    """Return the group of each clip; those that are not given, from the paths."""
    given = clips["group"]
    if group_by is not None:
        given = given.clear(len(given))
    paths = clips["path"].filter(given.is_null()).unique(maintain_order=True)
    told = assign_groups([_below(PurePath(path), root) for path in paths], group_by)
    from_path = clips["path"].replace_strict(
        paths, pl.Series(told, dtype=pl.String), default=None, return_dtype=pl.String
    )
    return given.fill_null(from_path).alias("group")


def _below(path: PurePath, root: Path) -> PurePath:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _labels(
    root: Path,
    classes: Sequence[str] | None,
    clips: pl.DataFrame,
    rejected: list[Rejected],
) -> Labels:
    carried = set(clips["labels"].explode().drop_nulls().unique())
    lacking = [name for name in classes or () if name not in carried]
    if not carried or lacking:
        where = f"class {lacking[0]!r} has" if lacking else "there is"
        first = next(iter(rejected), None)
        reason = f"; {first.path}: {first.reason}" if first else ""
        raise DataError(f"{root}: {where} no recording that can be used{reason}")
    return Labels.of(carried) if classes is None else Labels(tuple(classes))
