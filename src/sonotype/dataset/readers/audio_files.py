"""The audio files below a folder, and what their headers say."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sonotype.audio.io import AUDIO_SUFFIXES, read_info
from sonotype.clips import Rejected
from sonotype.errors import AudioError, DataError

# Reading a header is mostly waiting for the disk.
_N_READERS = 8

_HEADERS = pl.Schema(
    {
        "path": pl.String(),
        "sample_rate": pl.Int64(),
        "n_samples": pl.Int64(),
        "unusable": pl.String(),
    }
)


@dataclass(frozen=True)
class FoundAudio:
    """The audio files below a folder, sorted, and what was passed over."""

    files: list[Path]
    rejected: list[Rejected]


def find_audio(root: Path) -> FoundAudio:
    """Return the audio files below a folder, at any depth, in the order of the paths.

    Hidden files and folders are skipped. Links are followed, but each folder is read
    once: a link may lead back up.

    Args:
        root: A folder.
    """
    found = FoundAudio([], [])
    _walk(root, {_identity(root): root}, found)
    return found


def read_headers(paths: Sequence[str]) -> pl.DataFrame:
    """Return what the header of each file says.

    Args:
        paths: Different audio files.

    Returns:
        One row a file: `path`, `sample_rate`, `n_samples`, and in `unusable` the
        reason why it cannot be used, if it cannot.
    """

    def read(path: str) -> tuple[str, int | None, int | None, str | None]:
        if "\0" in path:
            return path, None, None, "is no path: it holds a zero byte"
        try:
            info = read_info(path)
        except AudioError as error:
            return path, None, None, str(error).removeprefix(f"{Path(path)}: ")
        return path, info.sample_rate, info.n_samples, None

    with ThreadPoolExecutor(_N_READERS) as pool:
        return pl.DataFrame(list(pool.map(read, paths)), schema=_HEADERS, orient="row")


def _walk(folder: Path, seen: dict[tuple[int, int], Path], found: FoundAudio) -> None:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        found.rejected.append(Rejected(folder, f"cannot be opened: {error.strerror}"))
        return
    for path in entries:
        if path.name.startswith("."):
            continue
        if not path.is_dir():
            _take(path, found)
        elif (earlier := seen.setdefault(_identity(path), path)) is not path:
            reason = f"is the same folder as {earlier}, which is read already"
            found.rejected.append(Rejected(path, reason))
        else:
            _walk(path, seen, found)


def _take(path: Path, found: FoundAudio) -> None:
    suffix = path.suffix.lower()
    if suffix in AUDIO_SUFFIXES and not is_text(os.fspath(path)):
        reason = "cannot be read: its name is not valid UTF-8; rename it"
        found.rejected.append(Rejected(path, reason))
    elif suffix in AUDIO_SUFFIXES:
        found.files.append(path)


def list_folder(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted.

    Raises:
        DataError: If it is no folder, or cannot be read.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error


def is_text(name: str) -> bool:
    """Return whether a name can be written as UTF-8; a file's name may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def resolve_paths(names: pl.Series, folder: Path) -> pl.Series:
    """Return `folder / name` for each name, written the same for the same file.

    Args:
        names: Paths, absolute or relative to `folder`; a null stays one.
        folder: Where they start from.

    Example:
        >>> names = pl.Series(["a.wav", "./b//c.wav", "/d.wav"])
        >>> resolve_paths(names, Path("birds")).to_list()
        ['birds/a.wav', 'birds/b/c.wav', '/d.wav']
    """
    prefix = str(folder / "x").removesuffix("x")
    inside = names.str.strip_prefix("/")
    full = (prefix + inside).zip_with(~names.str.starts_with("/"), names)
    # Those that `Path` would write otherwise; of a million paths it would take seconds.
    is_odd = inside.str.contains(r"(^|/)\.?(/|$)") | (os.sep != "/")
    rows = is_odd.fill_null(value=False).arg_true()
    odd = [str(folder / name) for name in names.gather(rows)]
    return full.scatter(rows, pl.Series(odd, dtype=pl.String)).alias(names.name)


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
