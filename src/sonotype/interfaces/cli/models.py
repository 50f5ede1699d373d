"""`sonotype models`: the backbones, what they cost and where their weights are."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonotype.interfaces.cli.console import emit
from sonotype.interfaces.cli.options import TableFormat

if TYPE_CHECKING:
    from sonotype.models.listing import ListedBackbone

HEADER = (
    "name",
    "what it is",
    "parameters",
    "MACs/s",
    "rate",
    "pre-trained on",
    "licence",
    "weights",
)
NUMBERS = ("parameters", "MACs/s", "rate")
UNITS = {1e9: "G", 1e6: "M", 1e3: "k"}


def models(
    *,
    format: Annotated[TableFormat, typer.Option(help="Form of the rows.")] = (
        TableFormat.table
    ),
) -> None:
    """List the backbones: size, multiply-adds for a second of sound, weights."""
    from sonotype.models.listing import read_listing

    emit(WRITERS[format](read_listing()))


def to_table(backbones: "Sequence[ListedBackbone]") -> str:
    """Return aligned columns for reading."""
    rows = [HEADER, *map(_cells, backbones)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if title in NUMBERS else cell.ljust(width)
            for title, cell, width in zip(HEADER, row, widths, strict=True)
        )
        for row in rows
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def to_csv(backbones: "Sequence[ListedBackbone]") -> str:
    """Return CSV with a row a backbone."""
    text = io.StringIO()
    rows = list(map(_facts, backbones))
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_json(backbones: "Sequence[ListedBackbone]") -> str:
    """Return a JSON array with an object a backbone."""
    return json.dumps(list(map(_facts, backbones)), indent=2) + "\n"


def _cells(backbone: "ListedBackbone") -> tuple[str, ...]:
    weights = backbone.weights
    return (
        backbone.name,
        backbone.summary,
        short(backbone.n_parameters),
        short(backbone.macs_per_second),
        "any" if backbone.sample_rate is None else f"{backbone.sample_rate} Hz",
        weights.trained_on if weights else "-",
        weights.licence if weights else "-",
        backbone.place,
    )


def _facts(backbone: "ListedBackbone") -> dict[str, Any]:
    weights, path = backbone.weights, backbone.path
    return {
        "name": backbone.name,
        "what": backbone.summary,
        "parameters": backbone.n_parameters,
        "macs_per_second": backbone.macs_per_second,
        "sample_rate_hz": backbone.sample_rate,
        "trained_on": weights.trained_on if weights else None,
        "licence": weights.licence if weights else None,
        "weights": backbone.place,
        "weights_path": None if path is None else str(path),
        "weights_address": (weights.address or None) if weights else None,
    }


def short(number: int) -> str:
    """Return a count in three digits.

    Example:
        >>> short(223_568), short(10_488_640), short(999_999), short(12)
        ('224 k', '10.5 M', '1 M', '12')
    """
    rounded = float(f"{number:.3g}")
    for size, unit in UNITS.items():
        if rounded >= size:
            return f"{rounded / size:.3g} {unit}"
    return str(number)


WRITERS: "dict[str, Callable[[Sequence[ListedBackbone]], str]]" = {
    "table": to_table,
    "csv": to_csv,
    "json": to_json,
}
