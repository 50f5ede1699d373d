"""The table of labelled clips: what every reader makes and every split keeps."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
        absent: What is known not to be heard in it. `None` is every label that is not
            heard: somebody has listened for all of them. Where labels are given, even
            none, those that are neither heard nor absent are unknown, and nothing is
            learned of them.
    """

    path: Path
    labels: tuple[str, ...]
    group: str
    start_seconds: float | None = None
    end_seconds: float | None = None
    split: str | None = None
    absent: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Rejected:
    """A file that was set aside, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Clips:
    """An immutable table of clips and the labels they may carry.

    Args:
        frame: One row a clip, with the columns of `SCHEMA`. Times, `absent` and
            `split` may be null.
        labels: All label names, also those that no clip here carries.
        rejected: Files that were set aside while the table was made.

    Raises:
        DataError: If a column is missing, a clip has no path, group or list of labels,
            or a label is unlisted.

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
        for name in ("path", "labels", "group"):
            if self.frame[name].null_count():
                raise DataError(f"a table of clips has rows without {name}")
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
        """Make a table from single clips; without `labels`, those they name.

        Raises:
            DataError: If a path or a name is not valid text.
        """
        rows = [
            (
                str(clip.path),
                clip.start_seconds,
                clip.end_seconds,
                list(clip.labels),
                None if clip.absent is None else list(clip.absent),
                clip.group,
                clip.split,
            )
            for clip in clips
        ]
        try:
            frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        except UnicodeEncodeError as error:
            raise DataError(f"{error.object!r} is not valid UTF-8; rename it") from None
        if labels is None:
            named = pl.concat([frame["labels"].explode(), frame["absent"].explode()])
            labels = Labels.of(named.drop_nulls().unique())
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
        return _clip(self.frame.row(position))

    def __iter__(self) -> Iterator[Clip]:
        return map(_clip, self.frame.iter_rows())

    @property
    def is_multi_label(self) -> bool:
        """Whether a clip may carry any number of labels.

        It may if one carries none or several, or if one is said not to hold some of the
        other labels, and the rest of them are unknown. Ask the whole table: a part of
        it may look single-label by chance.
        """
        n_absent = pl.col("absent").list.unique().list.len().fill_null(0)
        is_partly_known = (n_absent > 0) & (n_absent < len(self.labels) - 1)
        is_multi = (pl.col("labels").list.len() != 1) | is_partly_known
        return bool(self.frame.select(is_multi.any()).item())

    def paths(self) -> list[Path]:
        """Return the file of each clip."""
        column = self.frame["path"]
        # One for all windows of a recording: it takes microseconds to make.
        made = {path: Path(path) for path in column.unique()}
        return [made[path] for path in column]

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
        codes = self.frame["labels"].list.first().cast(pl.Enum(self.labels.names))
        return codes.to_physical().to_numpy().astype(np.int64)

    def targets(self) -> np.ndarray:
        """Return one-hot targets, float32 of shape `(n_clips, n_labels)`."""
        one_hot: np.ndarray = np.eye(len(self.labels), dtype=np.float32)
        return np.take(one_hot, self.label_indices(), axis=0)

    def label_matrix(self) -> np.ndarray:
        """Return what is known of each label in each clip, for multi-label data.

        Returns:
            float32 of shape `(n_clips, n_labels)`: 1 where a label is heard, 0 where it
            is absent, nan where it is unknown.

        Raises:
            DataError: If a label is both heard and absent in one clip.

        Example:
            >>> some = Clip(Path("a.wav"), ("wren",), group="a", absent=("owl",))
            >>> every = Clip(Path("b.wav"), ("owl",), group="b")
            >>> labels = Labels(("crow", "owl", "wren"))
            >>> Clips.of([some, every], labels).label_matrix()
            array([[nan,  0.,  1.],
                   [ 0.,  1.,  0.]], dtype=float32)
        """
        matrix = np.zeros((len(self), len(self.labels)), np.float32)
        matrix[self.frame["absent"].is_not_null().to_numpy()] = np.nan
        matrix[self._named("absent")] = 0
        heard = self._named("labels")
        is_complete = self.frame["absent"].is_null().to_numpy()
        contradicted = (matrix[heard] == 0) & ~is_complete[heard[0]]
        if contradicted.any():
            row, column = (int(place[contradicted.argmax()]) for place in heard)
            raise DataError(
                f"{self.frame['path'][row]}: the label {self.labels[column]!r} is both "
                "heard and absent; remove one of them"
            )
        matrix[heard] = 1
        return matrix

    def _named(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the row and the label index of every name in a column of lists."""
        names = self.frame.select(column).with_row_index().explode(column).drop_nulls()
        codes = names[column].cast(pl.Enum(self.labels.names)).to_physical()
        return names["index"].to_numpy(), codes.to_numpy()

    def counts(self) -> dict[str, int]:
        """Return the number of clips of each label, in the order of the labels."""
        counted = self.frame["labels"].explode().value_counts()
        found = dict(zip(counted["labels"], counted["count"], strict=True))
        return {name: int(found.get(name, 0)) for name in self.labels}


def _clip(row: tuple[Any, ...]) -> Clip:
    """Return a row, its columns in the order of `SCHEMA`, as a clip."""
    path, start, end, labels, absent, group, split = row
    return Clip(
        path=Path(path),
        labels=tuple(labels),
        group=group,
        start_seconds=start,
        end_seconds=end,
        split=split,
        absent=None if absent is None else tuple(absent),
    )
