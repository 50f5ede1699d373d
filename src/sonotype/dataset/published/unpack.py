"""Archives of strangers: nothing outside the folder, no links, no devices, no bombs."""

import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, cast

from sonotype.errors import DataError

_CHUNK_BYTES = 2**20
_MAX_FILES = 5_000_000
# Sound shrinks to a half or, silence, to a hundredth; a bomb to a thousandth. Small
# archives of silence are harmless.
_MAX_RATIO = 20
_HARMLESS_BYTES = 2**30
# What macOS adds to archives: no recordings, though some are called .wav.
_MACOS = ("__MACOSX", ".DS_Store")
_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(gzip.BadGzipFile, NotImplementedError),
    # What Python's own readers raise on damaged names and numbers.
    *(ValueError, OverflowError, LookupError, struct.error),
)


@dataclass(frozen=True)
class _Entry:
    """A file or a folder in an archive."""

    name: str
    is_folder: bool
    open: Callable[[], BinaryIO]


def unpack(
    archive: Path,
    folder: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Unpack a zip or a gzipped tar archive, and check all its checksums.

    What macOS adds to archives is left out.

    Args:
        archive: The archive; its content tells its format.
        folder: An empty folder.
        on_progress: Called with bytes done and their total: of a zip the unpacked
            ones, of a tar the packed ones.

    Returns:
        The number of files.

    Raises:
        DataError: If the archive is damaged, or holds something that no data set needs:
            a path that leads elsewhere, a link, a device, one name twice, or far more
            than its size lets expect.
    """
    tell = on_progress or (lambda done, total: None)
    with archive.open("rb") as file:
        magic = file.read(4)
    readers = {b"PK\x03\x04": _zip_entries, b"\x1f\x8b": _tar_entries}
    read = readers.get(magic) or readers.get(magic[:2])
    if read is None:
        raise DataError(
            f"{archive} is neither a zip nor a tar.gz archive: it begins with {magic!r}"
        )
    limit = max(_HARMLESS_BYTES, _MAX_RATIO * archive.stat().st_size)
    n_files = n_bytes = 0
    try:
        for n_entries, entry in enumerate(read(archive, limit, tell)):
            target = _target(archive, folder, entry.name)
            if n_entries > _MAX_FILES:
                raise DataError(f"{archive} holds more than {_MAX_FILES} files")
            if target is None:
                continue
            if entry.is_folder:
                target.mkdir(parents=True, exist_ok=True)
                continue
            n_bytes += _write(entry, target, archive, limit - n_bytes)
            n_files += 1
    except _DAMAGED as error:
        raise DataError(f"{archive} is damaged: {error}; fetch it again") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{archive} cannot be unpacked: {reason}") from error
    return n_files


def _write(entry: _Entry, target: Path, archive: Path, limit: int) -> int:
    """Write one file, which must be new, and return its size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with entry.open() as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            file.write(chunk)
            if file.tell() > limit:
                raise _bomb(archive)
        return file.tell()


def _target(archive: Path, folder: Path, name: str) -> Path | None:
    """Return where an entry goes; `None` if it need not go anywhere."""
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    leads_away = path.is_absolute() or windows.drive or windows.root
    if leads_away or ".." in path.parts or "\\" in name or "\0" in name:
        raise DataError(f"{archive} holds the path {name!r}, which leads elsewhere")
    is_macos = path.name.startswith("._") or any(part in _MACOS for part in path.parts)
    return folder / path if path.parts and not is_macos else None


def _zip_entries(
    archive: Path, limit: int, tell: Callable[[int, int], None]
) -> Iterator[_Entry]:
    with zipfile.ZipFile(archive) as file:
        members = file.infolist()
        total = sum(member.file_size for member in members)
        if total > limit:
            raise _bomb(archive)
        done = 0
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or member.flag_bits & 1:
                raise _strange(archive, member.filename)
            # The default binds this member, not the last one.
            yield _Entry(
                member.filename,
                member.is_dir(),
                lambda member=member: cast(BinaryIO, file.open(member)),  # type: ignore[misc]
            )
            done += member.file_size
            tell(done, total)


def _tar_entries(
    archive: Path, limit: int, tell: Callable[[int, int], None]
) -> Iterator[_Entry]:
    total = archive.stat().st_size
    with archive.open("rb") as packed, gzip.GzipFile(fileobj=packed) as plain:
        # Headers count too: a long name may be a bomb.
        stream = _Bounded(plain, archive, 2 * limit)
        with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|") as file:
            for member in file:
                if not (member.isreg() or member.isdir()):
                    raise _strange(archive, member.name)
                _check_by_python(member, archive)
                yield _Entry(
                    member.name,
                    member.isdir(),
                    lambda member=member: cast(BinaryIO, file.extractfile(member)),  # type: ignore[misc]
                )
                tell(packed.tell(), total)
        # The checksum of gzip lies after all else.
        while stream.read(_CHUNK_BYTES):
            pass
        tell(total, total)


def _check_by_python(member: tarfile.TarInfo, archive: Path) -> None:
    """Let Python's own rules for untrusted archives have a say too."""
    if not hasattr(tarfile, "data_filter"):  # before 3.11.4
        return
    try:
        tarfile.data_filter(member, str(archive.parent))
    except tarfile.FilterError as error:
        raise DataError(f"{archive} is not safe to unpack: {error}") from error


class _Bounded:
    """A stream that refuses to go on for ever."""

    def __init__(self, stream: io.BufferedIOBase, archive: Path, limit: int) -> None:
        self._stream, self._archive, self._left = stream, archive, limit

    def read(self, n_bytes: int) -> bytes:
        chunk = self._stream.read(n_bytes)
        self._left -= len(chunk)
        if self._left < 0:
            raise _bomb(self._archive)
        return chunk


def _bomb(archive: Path) -> DataError:
    return DataError(
        f"{archive} holds far more than its {archive.stat().st_size} bytes let expect; "
        "it is not unpacked any further"
    )


def _strange(archive: Path, name: str) -> DataError:
    return DataError(
        f"{archive} holds {name!r}, which is neither a file nor a folder anyone can "
        "read; it is not unpacked any further"
    )
