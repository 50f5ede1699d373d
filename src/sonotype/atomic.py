"""Files and folders that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sonotype.errors import SettingError


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes `path` when the block ends well.

    The work happens in a hidden sibling, so the final step is a rename within one
    file system: a run killed at any moment leaves either nothing at `path` or what
    was there before.

    Args:
        path: The folder to make.
        replace: Whether a folder that is already there may be replaced.

    Raises:
        SettingError: If `path` exists and must not be replaced, or cannot be made.
    """
    refuse_existing(path, replace=replace)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = tempfile.mkdtemp(
            prefix=f".{path.name}.", suffix=".partial", dir=path.parent
        )
    except OSError as error:
        raise SettingError(f"{path} cannot be made: {error.strerror}") from error
    partial = Path(made)
    try:
        yield partial
        partial.chmod(0o755)  # mkdtemp makes folders that only their owner can read
        for file in partial.rglob("*"):
            _flush(file)
        _swap(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_existing(path: Path, *, replace: bool) -> None:
    """Raise if making `path` would destroy something.

    Raises:
        SettingError: If `path` exists and is not a folder that may be replaced.
    """
    if path.is_dir() and (replace or not any(path.iterdir())):
        return
    if path.is_dir():
        raise SettingError(f"{path} exists already; pass --force to replace it")
    if path.exists() or path.is_symlink():
        raise SettingError(f"{path} exists and is not a folder; choose another name")


def refuse_unwritable(path: Path) -> None:
    """Raise if nothing can be made at `path`, so that hours of work are not for it.

    Nothing is left behind: a file is made and removed in the nearest folder there is.

    Raises:
        SettingError: If so.
    """
    try:
        folder = next(folder for folder in path.absolute().parents if folder.exists())
        handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
        os.close(handle)
        Path(made).unlink()
    except OSError as error:
        raise SettingError(
            f"{path} cannot be made: {error.strerror}; choose another place"
        ) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a file name to write; it is renamed to `path` when the block ends well."""
    handle, made = tempfile.mkstemp(
        prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent
    )
    os.close(handle)
    partial = Path(made)
    try:
        yield partial
        partial.chmod(0o644)  # mkstemp makes files that only their owner can read
        _flush(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def output_file(path: Path, *, make_folders: bool = False) -> Iterator[Path]:
    """Yield a file name to write, as `atomic_file`, for a file that a user asked for.

    Args:
        path: The file.
        make_folders: Whether the folders above it are made too.

    Raises:
        SettingError: If it cannot be written.
    """
    try:
        if make_folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as partial:
            yield partial
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror}") from error


def _flush(file: Path) -> None:
    """Wait until a file's bytes are on the disk, so a rename cannot overtake them."""
    if file.is_file():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())


def _swap(new: Path, path: Path) -> None:
    """Rename `new` to `path`; what was there is moved aside first, then deleted."""
    if not path.exists():
        new.rename(path)
        return
    aside = new.with_suffix(".replaced")
    path.rename(aside)
    new.rename(path)
    shutil.rmtree(aside, ignore_errors=True)
