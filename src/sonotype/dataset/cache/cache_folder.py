"""What lies in the folder of decoded audio, and tidying it up.

Nothing is touched but files of the names that the cache gives, so that pointing at
another folder by mistake costs nothing.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sonotype.errors import DataError

_FOLDER = re.compile(r"audio-v\d+-(\d+)")
_SHARD = re.compile(r"\.?[0-9a-f]{32}(\.i16|-[0-9a-f]{8}\.parquet(\.\w+\.parquet)?)")
# A build writes all the time; what it has not touched for a day, it never will.
_STRAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class CachedRate:
    """The decoded audio of one sample rate.

    Args:
        folder: Where it lies.
        sample_rate: Its rate, in hertz.
        n_clips: Clips in whole shards.
        n_bytes: Bytes of all files of the cache.
    """

    folder: Path
    sample_rate: int
    n_clips: int
    n_bytes: int


def list_cache(root: Path) -> list[CachedRate]:
    """Return what a cache holds, by sample rate.

    Args:
        root: The cache, such as `default_cache_folder()`.

    Returns:
        One entry a sample rate, the lowest first; none if there is no such folder.

    Raises:
        DataError: If it cannot be read.
    """
    from sonotype.dataset.cache.shards import ShardFolder

    found = []
    for folder in _folders(root):
        match = _FOLDER.fullmatch(folder.name)
        found.append(
            CachedRate(
                folder,
                sample_rate=int(match[1]) if match else 0,
                n_clips=len(ShardFolder(folder)),
                n_bytes=sum(_size(file) for file in _files(folder)),
            )
        )
    return sorted(found, key=lambda entry: entry.sample_rate)


def clear_cache(root: Path) -> tuple[int, int]:
    """Delete all decoded audio; it is decoded again when it is next asked for.

    A training that runs keeps what it has open, where the system allows that.

    Args:
        root: The cache, such as `default_cache_folder()`.

    Returns:
        Files and bytes that were deleted.

    Raises:
        DataError: If something cannot be deleted.
    """
    n_files = n_bytes = 0
    for folder in _folders(root):
        for file in list(_files(folder)):
            n_bytes += _delete(file)
            n_files += 1
        with suppress(OSError):  # something of somebody else's lies in it
            folder.rmdir()
    return n_files, n_bytes


def remove_strays(root: Path) -> tuple[int, int]:
    """Delete what builds that were killed more than a day ago have left half-written.

    Args:
        root: The cache, such as `default_cache_folder()`.

    Returns:
        Files and bytes that were deleted.

    Raises:
        DataError: If something cannot be deleted.
    """
    n_files = n_bytes = 0
    for folder in _folders(root):
        for file in _strays(list(_files(folder))):
            n_bytes += _delete(file)
            n_files += 1
    return n_files, n_bytes


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [path for path in sorted(root.iterdir()) if _FOLDER.fullmatch(path.name)]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of the cache, and no others."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            is_file = entry.is_file(follow_symlinks=False)
            if is_file and _SHARD.fullmatch(entry.name):
                yield Path(entry.path)


def _strays(files: list[Path]) -> list[Path]:
    """Return the old ones among the files of a folder that belong to no shard."""
    indexed = {
        file.name.partition("-")[0] for file in files if file.suffix == ".parquet"
    }
    return [
        file
        for file in files
        if (file.name.startswith(".") or file.stem[:32] not in indexed)
        and _age_seconds(file) > _STRAY_SECONDS
    ]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0  # another process deleted it


def _age_seconds(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return 0


def _delete(file: Path) -> int:
    n_bytes = _size(file)
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"{file}: cannot be deleted from the cache: {error.strerror}"
        ) from error
    return n_bytes
