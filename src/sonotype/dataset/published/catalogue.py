"""Public data sets, fetched from their publishers."""

import json
import os
import shutil
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from sonotype.atomic import refuse_existing
from sonotype.dataset.published.unpack import unpack
from sonotype.download import Expected, download
from sonotype.errors import DataError, unknown_name

SOURCE = "source.json"


class Observer(Protocol):
    """Is told how far it is."""

    def stage(self, name: str) -> None:
        """Begin the next stage."""

    def progress(self, done: int, total: int, detail: str = "") -> None:
        """Tell how much of a stage is done."""


@dataclass(frozen=True)
class DataSet:
    """A data set that can be fetched.

    Args:
        name: What it is called here.
        title: What it is.
        address: Where its publisher keeps the archive.
        file: What the archive is called.
        n_bytes: Size of the archive; 0 if it is not published.
        sha256: Hash of the archive; empty if it is not published.
        licence: Under what terms it may be used.
        citation: How to name it in a paper.
    """

    name: str
    title: str
    address: str
    file: str
    n_bytes: int
    sha256: str
    licence: str
    citation: str


@dataclass(frozen=True)
class FetchedSet:
    """A data set on this machine.

    Args:
        folder: Where it is.
        sha256: Hash of the archive it came from.
        earlier: The same of what the folder held before; empty if it held nothing.
        is_new: Whether anything was fetched.
    """

    folder: Path
    sha256: str
    earlier: str = ""
    is_new: bool = True


def read_catalogue() -> dict[str, DataSet]:
    """Return all data sets that can be fetched by name.

    Example:
        >>> read_catalogue()["mini-speech-commands"].n_bytes
        182082353
    """
    text = (
        files("sonotype.dataset.published")
        .joinpath("catalogue.toml")
        .read_text("utf-8")
    )
    entries = tomllib.loads(text)
    return {name: DataSet(name, **entry) for name, entry in entries.items()}


def find_data_set(name: str) -> DataSet:
    """Return the data set of that name.

    Raises:
        SettingError: If there is none; names the nearest.
    """
    catalogue = read_catalogue()
    if name not in catalogue:
        raise unknown_name("data set", name, catalogue)
    return catalogue[name]


def fetch_data_set(
    data_set: DataSet, folder: Path, *, replace: bool = False, observer: Observer
) -> FetchedSet:
    """Fetch and unpack a data set; a download that broke off is taken up again.

    Args:
        data_set: What to fetch.
        folder: Where to put it. If the archive holds one folder, its content goes here.
        replace: Whether to fetch it again if something is there.
        observer: Is told how far it is.

    Returns:
        The folder; it appears when it is whole, with a `source.json` that says where
        it came from. If that is there already, nothing is fetched.

    Raises:
        SettingError: If the folder holds something else.
        DataError: If the data set cannot be fetched or unpacked, or is another one than
            it should be.
    """
    earlier = _read_source(folder, data_set)
    if earlier and not replace:
        return FetchedSet(folder, earlier, earlier, is_new=False)
    refuse_existing(folder, replace=replace)
    work = folder.parent / f"{folder.name}.download"
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{work} cannot be made: {error.strerror}") from error
    observer.stage(f"Fetching {data_set.name}")
    archive = work / data_set.file
    try:
        sha256 = download(
            data_set.address,
            archive,
            Expected(data_set.n_bytes, data_set.sha256 and f"sha256:{data_set.sha256}"),
            on_progress=lambda done, total: observer.progress(
                done, total or 2 * done, f"{done / 1e6:.0f} MB"
            ),
        )
    finally:
        with suppress(OSError):  # what is there is needed to go on
            work.rmdir()
    observer.stage(f"Unpacking {data_set.name}")
    try:
        _unpack_whole(archive, folder, data_set, sha256, observer)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return FetchedSet(folder, sha256, earlier)


def _unpack_whole(
    archive: Path, folder: Path, data_set: DataSet, sha256: str, observer: Observer
) -> None:
    """Put the archive's content into the place of `folder`, which appears whole.

    Unlike `atomic_folder` this waits for the disk once, not once a file: a hundred
    thousand of them would take minutes.
    """
    new, old = archive.with_name("new"), archive.with_name("old")
    shutil.rmtree(new, ignore_errors=True)  # of a run that was killed
    new.mkdir()
    unpack(archive, new, on_progress=observer.progress)
    _lift_single_folder(new)
    _write_source(new, data_set, sha256)
    if hasattr(os, "sync"):
        os.sync()
    if folder.exists():
        folder.rename(old)
    new.rename(folder)


def _lift_single_folder(folder: Path) -> None:
    """Take the content out of a folder that is all there is."""
    (first, *others) = [*folder.iterdir(), None]
    if first is None or others != [None] or not first.is_dir():
        return
    only = first.rename(folder.parent / "only")
    for path in only.iterdir():
        path.rename(folder / path.name)
    only.rmdir()


def _write_source(folder: Path, data_set: DataSet, sha256: str) -> None:
    source = {
        "name": data_set.name,
        "title": data_set.title,
        "address": data_set.address,
        "sha256": sha256,
        "licence": data_set.licence,
        "citation": data_set.citation,
    }
    text = json.dumps(source, indent=2) + "\n"
    (folder / SOURCE).write_text(text, encoding="utf-8")


def _read_source(folder: Path, data_set: DataSet) -> str:
    """Return the hash of the archive the folder was made from; empty if it was not."""
    try:
        source = json.loads((folder / SOURCE).read_bytes())
        return str(source["sha256"]) if source["name"] == data_set.name else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
