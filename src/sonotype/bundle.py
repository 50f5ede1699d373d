"""The bundle: the folder in which training and prediction meet.

    words.sonotype/
      model.json      what the model is: labels, rate, clip length, files, golden scores
      settings.toml   repeats the training
      model.tflite    raw audio in, scores out, the embedding as a second output
      model.keras     the same graph for fine-tuning
      golden/*.wav    inputs whose scores are written in model.json
      README.md       model card; confusion.png, rejected.csv beside it

Nothing is pickled, nothing is executable, and a person can read it. Format version 1.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sonotype.errors import BundleError, DataError
from sonotype.labels import Labels, Task

FORMAT_VERSION = 1
MANIFEST = "model.json"
GRAPH = "model.tflite"
DENSE_GRAPH = "model-dense.tflite"


class BundleFile(BaseModel):
    """Size and hash of one file, so that a broken or swapped one is refused."""

    model_config = ConfigDict(frozen=True)

    n_bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Golden(BaseModel):
    """The scores that every runtime must give for one input file."""

    model_config = ConfigDict(frozen=True)

    file: str
    scores: tuple[float, ...]


class Manifest(BaseModel):
    """What `model.json` holds.

    Unknown keys are ignored, so a bundle written by a later sonotype with the same
    format version still opens.
    """

    model_config = ConfigDict(frozen=True)

    format_version: int
    sonotype_version: str
    created: datetime
    task: Task
    labels: tuple[str, ...]
    sample_rate: int = Field(gt=0)
    clip_seconds: float = Field(gt=0, allow_inf_nan=False)
    hop_seconds: float = Field(gt=0, allow_inf_nan=False)
    thresholds: dict[str, float] | None = None
    calibration: dict[str, Any] | None = None
    files: dict[str, BundleFile]
    golden: tuple[Golden, ...]
    test_metrics: dict[str, Any] | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    exports: dict[str, dict[str, Any]] = Field(default_factory=dict)
    weights: tuple[dict[str, str], ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)

    @field_validator("labels")
    @classmethod
    def _labels_are_distinct(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return Labels(names).names
        except DataError as error:
            raise ValueError(str(error)) from error

    @property
    def n_samples(self) -> int:
        """Samples in one clip."""
        return round(self.clip_seconds * self.sample_rate)

    def files_of(self, name: str) -> list[str]:
        """Return the listed files of a graph, which is a file or a folder of them."""
        return [
            file
            for file in sorted(self.files)
            if file == name or file.startswith(f"{name}/")
        ]

    @property
    def embedding_channels(self) -> int | None:
        """Numbers in the embedding that the graph gives; `None` if it gives none."""
        n_channels = self.exports.get(GRAPH, {}).get("embedding_channels")
        return n_channels if isinstance(n_channels, int) else None


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: its folder and its manifest."""

    path: Path
    manifest: Manifest

    def file(self, name: str) -> Path:
        """Return the path of one listed file after checking its size and hash.

        Raises:
            BundleError: If it is not listed, missing, or not the file that was written.
        """
        listed = self.manifest.files.get(name)
        if listed is None:
            raise BundleError(
                f"{self.path} holds no {name}; it lists {sorted(self.manifest.files)}"
            )
        path = self.path / name
        if not path.is_file() or path.is_symlink():
            raise BundleError(f"{path} is missing; copy the whole folder again")
        if describe_file(path) != listed:
            raise BundleError(
                f"{path} is not the file this bundle was written with (its size or "
                "sha256 differs from model.json); copy the folder again"
            )
        return path


def describe_file(path: Path) -> BundleFile:
    """Return the size and sha256 of a file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return BundleFile(n_bytes=path.stat().st_size, sha256=digest)


def read_bundle(path: Path | str) -> Bundle:
    """Open a bundle: read and check its manifest. Graph files are checked when used.

    Raises:
        BundleError: If it is no bundle, cannot be read, or is of a newer format.
    """
    path = Path(path)
    try:
        content = json.loads((path / MANIFEST).read_bytes())
    except OSError as error:
        raise BundleError(
            f"{path} is not a bundle: {MANIFEST} cannot be read ({error.strerror}); "
            "make one with: sonotype train FOLDER --out NAME.sonotype"
        ) from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path / MANIFEST} is not JSON: {error}") from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BundleError(
            f"{path} has format version {version}, but this sonotype reads up to "
            f"{FORMAT_VERSION}; install a newer sonotype"
        )
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise BundleError(f"{path / MANIFEST}: {where}: {first['msg']}") from error
    _refuse_paths_outside(path, manifest)
    return Bundle(path, manifest)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `model.json` into a folder that is being made."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _refuse_paths_outside(path: Path, manifest: Manifest) -> None:
    """Raise if the manifest names a file that is not inside the bundle."""
    for name in [*manifest.files, *(golden.file for golden in manifest.golden)]:
        if (
            not name.isprintable()
            or Path(name).is_absolute()
            or ".." in Path(name).parts
        ):
            raise BundleError(
                f"{path / MANIFEST} names a file outside the bundle: {name!r}"
            )
        if "\\" in name or ":" in name:
            raise BundleError(f"{path / MANIFEST}: file name {name!r} is not portable")
