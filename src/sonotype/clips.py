"""The table of labelled clips: what every reader makes and every split keeps."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from sonotype.errors import DataError
from sonotype.labels import Labels

SCHEMA = pl.Schema(
    {
        "path": pl.String(),
        "start_seconds": pl.Float64(),
        "end_seconds": pl.Float64(),
        "labels": pl.List(pl.String()),
        "absent": pl.List(pl.String()),
        "group": pl.String(),
        "split": pl.String(),
    }
)


@dataclass(frozen=True)
class Clip:
    """A labelled interval of a recording.

    Args:
        path: The audio file.
        labels: What is heard in it; one name in single-label data.
        group: What must not straddle a split: speaker, recording, site, day.
        start_seconds: Where the interval starts; `None` is the start of the file.
        end_seconds: Where it ends; `None` is the end of the file.
        split: The part it is assigned to, if any: train, validation or test.
        absent: What is known not to be heard in it. In multi-label data, a label that
            is neither heard nor absent is unknown, and nothing is learned of it.
    """

    path: Path
    labels: tuple[str, ...]
    group: str
    start_seconds: float | None = None
    end_seconds: float | None = None
    split: str | None = None
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """A file that was set aside, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Clips:
    """An immutable table of clips and the labels they may carry.

    Args:
        frame: One row a clip, with the columns of `SCHEMA`.
        labels: All label names, also those that no clip here carries.
        rejected: Files that were set aside while the table was made.

    Raises:
        DataError: If a column is missing or a clip carries an unlisted label.

    Example:
        >>> clip = Clip(Path("a.wav"), ("no",), group="ann")
        >>> clips = Clips.of([clip], Labels(("no", "yes")))
        >>> len(clips), clips.counts(), clips[0].group
        (1, {'no': 1, 'yes': 0}, 'ann')
    """

    frame: pl.DataFrame
    labels: Labels
    rejected: tuple[Rejected, ...] = field(default=())

    def __post_init__(self) -> None:
        """Check the columns and the labels once, here."""
        if self.frame.schema != SCHEMA:
            raise DataError(
                f"a table of clips needs the columns {dict(SCHEMA)}, "
                f"but this one has {dict(self.frame.schema)}"
            )
        named = pl.concat(
            [self.frame["labels"].explode(), self.frame["absent"].explode()]
        )
        unlisted = sorted(set(named.drop_nulls().unique()) - set(self.labels))
        if unlisted:
            raise DataError(f"clips carry labels that are not in the list: {unlisted}")

    @classmethod
    def of(
        cls,
        clips: Iterable[Clip],
        labels: Labels | None = None,
        rejected: Iterable[Rejected] = (),
    ) -> "Clips":
        """Make a table from single clips; without `labels`, those they carry."""
        rows = [
            (
                str(clip.path),
                clip.start_seconds,
                clip.end_seconds,
                list(clip.labels),
                list(clip.absent),
                clip.group,
                clip.split,
            )
            for clip in clips
        ]
        frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        if labels is None:
            labels = Labels.of(frame["labels"].explode().drop_nulls())
        return cls(frame, labels, tuple(rejected))

    @classmethod
    def concatenate(cls, parts: "Sequence[Clips]") -> "Clips":
        """Return one table of all the parts' clips; the parts list the same labels."""
        if any(part.labels != parts[0].labels for part in parts):
            raise DataError("tables with different labels cannot be put together")
        rejected = tuple(file for part in parts for file in part.rejected)
        return cls(pl.concat([part.frame for part in parts]), parts[0].labels, rejected)

    def __len__(self) -> int:
        return self.frame.height

    def __getitem__(self, position: int) -> Clip:
        row = self.frame.row(position, named=True)
        return Clip(
            path=Path(row["path"]),
            labels=tuple(row["labels"]),
            group=row["group"],
            start_seconds=row["start_seconds"],
            end_seconds=row["end_seconds"],
            split=row["split"],
            absent=tuple(row["absent"]),
        )

    def __iter__(self) -> Iterator[Clip]:
        return (self[position] for position in range(len(self)))

    def paths(self) -> list[Path]:
        """Return the file of each clip."""
        return [Path(path) for path in self.frame["path"]]

    def groups(self) -> list[str]:
        """Return the group of each clip."""
        return self.frame["group"].to_list()

    def select(self, positions: Sequence[int] | np.ndarray) -> "Clips":
        """Return the clips at `positions`, in that order, with the same labels."""
        return Clips(self.frame[np.asarray(positions, dtype=np.int64)], self.labels)

    def with_groups(self, groups: Sequence[str]) -> "Clips":
        """Return the same clips in other groups."""
        column = pl.Series("group", groups, dtype=pl.String)
        return Clips(self.frame.with_columns(column), self.labels, self.rejected)

    def with_split(self, split: str) -> "Clips":
        """Return the same clips, all assigned to one part."""
        column = pl.lit(split, dtype=pl.String).alias("split")
        return Clips(self.frame.with_columns(column), self.labels, self.rejected)

    def label_indices(self) -> np.ndarray:
        """Return each clip's label as its index, int64 of shape `(n_clips,)`.

        Raises:
            DataError: If a clip does not carry exactly one label.
        """
        unusual = self.frame.filter(self.frame["labels"].list.len() != 1)
        if unusual.height:
            path, carried = unusual.select("path", "labels").row(0)
            raise DataError(
                f"{path}: single-label data needs exactly one label a clip, "
                f"but this one has {carried}"
            )
        names = self.frame["labels"].list.first()
        return np.array([self.labels.index(name) for name in names], dtype=np.int64)

    def targets(self) -> np.ndarray:
        """Return one-hot targets, float32 of shape `(n_clips, n_labels)`."""
        one_hot: np.ndarray = np.eye(len(self.labels), dtype=np.float32)
        return np.take(one_hot, self.label_indices(), axis=0)

    def counts(self) -> dict[str, int]:
        """Return the number of clips of each label, in the order of the labels."""
        counted = self.frame["labels"].explode().value_counts()
        found = dict(zip(counted["labels"], counted["count"], strict=True))
        return {name: int(found.get(name, 0)) for name in self.labels}
