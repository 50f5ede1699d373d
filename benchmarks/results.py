"""Where benchmark numbers go: CSV files that name the machine and the versions."""

import csv
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from sonotype.runtime import usable_cores

FOLDER = Path(__file__).parent / "results"
PACKAGES = (
    "sonotype",
    "keras",
    "tensorflow-cpu",
    "ai-edge-litert",
    "onnxruntime",
    "openvino",
    "numpy",
    "soundfile",
)


def machine() -> dict[str, str]:
    """Return what a reader must know to compare numbers."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": processor(),
        "cores": str(usable_cores()),
        "python": platform.python_version(),
        "versions": " ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def processor() -> str:
    """Return the processor's name where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def version(package: str) -> str:
    """Return a package's version, or a dash where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "-"


def save(name: str, rows: Sequence[dict[str, Any]]) -> Path:
    """Write rows to `results/NAME.csv`, each with the machine, and return the path."""
    about = machine()
    return _write(name, [{**row, **about} for row in rows])


def put(name: str, row: dict[str, Any], key: Sequence[str]) -> list[dict[str, str]]:
    """Put a row into `results/NAME.csv`, with the machine, and return all rows.

    It takes the place of the one that has the same values in the columns of `key`.
    """
    new = {column: str(value) for column, value in {**row, **machine()}.items()}
    rows = {tuple(each[column] for column in key): each for each in read(name)}
    rows[tuple(new[column] for column in key)] = new
    _write(name, list(rows.values()))
    return list(rows.values())


def read(name: str) -> list[dict[str, str]]:
    """Return the rows of `results/NAME.csv`, none if there is no such file."""
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _write(name: str, rows: Sequence[dict[str, Any]]) -> Path:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
