"""Options that several commands share, written once."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

BundleArgument = Annotated[
    Path, typer.Argument(help="A bundle: the folder that `sonotype train` made.")
]
DataArgument = Annotated[
    Path,
    typer.Argument(help="A folder of class folders, a table, or another layout."),
]
ClassesOption = Annotated[
    str | None, typer.Option(help="Only these classes, separated by commas.")
]
GroupByOption = Annotated[
    str | None,
    typer.Option(
        help="What must not straddle a split: speaker, recording, site, a column of "
        "the table, file, part:N (N-th part of the path), or a regular expression with "
        "one group; with +near-duplicate, or near-duplicate alone, near copies too. "
        "Default: what the data tells, the speaker in SPEAKER_nohash_N names, else "
        "each file."
    ),
]
CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", help="Where decoded audio is kept. Default: user's cache."),
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        help="Which graph of the bundle to use: litert, or one that `sonotype export` "
        "has added: litert-float16, litert-int8, litert-int8-full, onnx, openvino."
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


_SECONDS = re.compile(r"(\d+\.?\d*|\.\d+)\s*(ms|s|m|min|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, None: 1.0}


class TableFormat(StrEnum):
    """How results are printed."""

    table = "table"
    csv = "csv"
    json = "json"


class ReportFormat(StrEnum):
    """How a report is printed."""

    table = "table"
    json = "json"


def split_names(text: str | None) -> list[str] | None:
    """Return the names in a comma-separated option."""
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def parse_seconds(text: str | float) -> float:
    """Return the seconds in an option such as 0.5, 0.5s, 500ms or 2min.

    Raises:
        BadParameter: If it is none.
    """
    found = _SECONDS.fullmatch(str(text).strip())  # Typer hands over defaults too
    if found is None:
        raise typer.BadParameter(
            f"{text!r} is no time; write it as 0.5s, 500ms or 2min"
        )
    return float(found[1]) * _UNITS[found[2]]
