"""One large file from the web: resumed where it broke off, checked, whole or not there.

What was fetched lies in `FILE.part`, and `FILE.part.json` says of which version of the
file it is a part, so that pieces of two versions are never put together.
"""

import hashlib
import http.client
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sonotype.errors import DataError
from sonotype.transport import open_address

Progress = Callable[[int, int], None]

_CHUNK_BYTES = 2**18
# More than any data set here, less than a disk: a server may never stop sending.
_MAX_BYTES = 64 * 2**30
_MAX_TRIES = 30
_MAX_IDLE_TRIES = 4
# Answers that another try may turn into a better one.
_PASSING = (408, 429, 500, 502, 503, 504)


class _BrokenOffError(Exception):
    """The connection ended early; the rest may come with the next one."""


@dataclass(frozen=True)
class Expected:
    """What is known of a file before it is fetched.

    Args:
        n_bytes: Its size; 0 if nobody says.
        digest: `sha256:` or `md5:` and its digest in hexadecimal, whichever its
            publisher gives; empty if nobody says.
    """

    n_bytes: int = 0
    digest: str = ""


def download(
    address: str,
    path: Path,
    expected: Expected,
    *,
    on_progress: Progress | None = None,
    timeout_seconds: float = 30,
    pause_seconds: float = 1,
) -> str:
    """Fetch a file; a connection that breaks off is taken up again.

    Args:
        address: Where it is, an http or https address.
        path: What to call it here; it appears when it is whole and checked.
        expected: Its size and hash, as far as they are known.
        on_progress: Called with the bytes so far and their total, 0 if unknown.
        timeout_seconds: Longest silence of the server.
        pause_seconds: Wait before the second try; twice as long before each further one
            that brings nothing.

    Returns:
        The SHA-256 of the file, in hexadecimal.

    Raises:
        DataError: If it cannot be fetched or is not what was expected.
    """
    part = _Part(path)
    idle = 0
    for _ in range(_MAX_TRIES):
        had = part.n_bytes
        try:
            _fetch_rest(address, part, expected, on_progress, timeout_seconds)
            return _finish(part, address, expected)
        except _BrokenOffError as error:
            reason = str(error)
        idle = 0 if part.n_bytes > had else idle + 1
        if idle >= _MAX_IDLE_TRIES:
            break
        time.sleep(pause_seconds * 2**idle)
    raise _failure(address, path, f"{reason}, again and again; try again later")


def digest_of(path: Path, algorithm: str) -> str:
    """Return a file's digest in hexadecimal.

    Args:
        path: The file.
        algorithm: `sha256` or `md5`; the latter only tells a broken file from a whole.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        )
    return digest.hexdigest()


class _Part:
    """What there is of a file so far.

    Args:
        path: The name of the whole file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.with_name(f"{path.name}.part")
        self._note = path.with_name(f"{path.name}.part.json")
        self.version = ""
        with suppress(OSError, ValueError, KeyError, TypeError):
            self.version = str(json.loads(self._note.read_bytes())["version"])

    @property
    def n_bytes(self) -> int:
        return self.file.stat().st_size if self.file.exists() else 0

    def start(self, version: str) -> None:
        """Begin anew, with another version of the file."""
        self.drop()
        self._note.write_text(json.dumps({"version": version}), encoding="utf-8")
        self.version = version

    def drop(self) -> None:
        self.file.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.version = ""

    def become_whole(self) -> None:
        self.file.replace(self.path)
        self._note.unlink(missing_ok=True)


def _fetch_rest(
    address: str,
    part: _Part,
    expected: Expected,
    on_progress: Progress | None,
    timeout_seconds: float,
) -> None:
    """Fetch what is missing, or all of it if the server's file is another one.

    Raises:
        _BrokenOffError: If the connection ends before that.
    """
    if part.version and part.n_bytes == expected.n_bytes > 0:
        return
    headers = {}
    if part.version and part.n_bytes:
        headers = {"Range": f"bytes={part.n_bytes}-", "If-Range": part.version}
    answer = _answer(address, part, headers, timeout_seconds)
    if answer is None:
        return
    with answer:
        if answer.status == http.client.PARTIAL_CONTENT and not _goes_on(answer, part):
            part.drop()
            raise _BrokenOffError("the server sent another part than was asked for")
        if answer.status != http.client.PARTIAL_CONTENT:
            with _disk_errors(address, part.path):
                part.start(_version(answer))
        length = answer.headers.get("Content-Length", "")
        total = part.n_bytes + int(length) if length.isdecimal() else 0
        _check_size(address, part, expected.n_bytes, total)
        with _disk_errors(address, part.path), part.file.open("ab") as file:
            # One byte more than expected is enough to tell that it is another file.
            end = total or (expected.n_bytes or _MAX_BYTES) + 1
            while chunk := _read(answer, end - file.tell()):
                file.write(chunk)
                if on_progress is not None:
                    on_progress(file.tell(), total or expected.n_bytes)
    # Python's own reader says nothing when it gets less than it was promised.
    if part.n_bytes < total:
        raise _BrokenOffError(
            f"the connection broke off after {part.n_bytes} of {total} bytes"
        )


def _answer(
    address: str, part: _Part, headers: dict[str, str], timeout_seconds: float
) -> Any:
    """Return the server's answer, `None` if nothing is missing any more."""
    try:
        return open_address(address, headers, timeout_seconds)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and headers:
            if error.headers.get("Content-Range") == f"bytes */{part.n_bytes}":
                return None
            part.drop()
            raise _BrokenOffError("the server has less than was fetched") from error
        words = f"the server answered {error.code} {error.reason}"
        if error.code in _PASSING:
            raise _BrokenOffError(words) from error
        raise _failure(address, part.path, words) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError | ConnectionResetError):
            raise _BrokenOffError(f"no answer ({error.reason})") from error
        words = f"no connection ({error.reason}); are you online?"
        raise _failure(address, part.path, words) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOffError(f"the connection broke off ({error})") from error


def _read(answer: Any, n_bytes: int) -> bytes:
    """Return what has arrived, so that it is not lost if no more does."""
    try:
        chunk: bytes = answer.read1(min(n_bytes, _CHUNK_BYTES))
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOffError(f"the connection broke off ({error})") from error
    return chunk


def _version(answer: Any) -> str:
    """Return what tells one version of the server's file from another, if it says."""
    tag: str = answer.headers.get("ETag", "")
    # A weak tag does not promise the same bytes.
    if tag and not tag.startswith("W/"):
        return tag
    return str(answer.headers.get("Last-Modified", ""))


def _goes_on(answer: Any, part: _Part) -> bool:
    """Return whether the answer is the rest of the same version."""
    asked = str(answer.headers.get("Content-Range", ""))
    # A server may leave out what it was told already.
    is_same = _version(answer) in ("", part.version)
    return asked.startswith(f"bytes {part.n_bytes}-") and is_same


def _check_size(address: str, part: _Part, expected: int, total: int) -> None:
    if expected and total and total != expected:
        part.drop()
        words = f"the server has {total} bytes, but the file should have {expected}"
        raise _failure(address, part.path, words)
    free = shutil.disk_usage(part.path.parent).free
    if total - part.n_bytes > free:
        words = f"it takes {total - part.n_bytes} bytes more, but only {free} are free"
        raise _failure(address, part.path, words)


def _finish(part: _Part, address: str, expected: Expected) -> str:
    """Check the whole file and give it its name."""
    with _disk_errors(address, part.path):
        algorithm, _, known = expected.digest.rpartition(":")
        algorithm = algorithm or "sha256"
        found = digest_of(part.file, algorithm)
        n_bytes = part.n_bytes
        if expected.n_bytes not in (0, n_bytes) or known not in ("", found):
            part.drop()
            words = (
                f"got {n_bytes} bytes with {algorithm} {found}, but expected "
                f"{expected.n_bytes} bytes with {known}; they were deleted"
            )
            raise _failure(address, part.path, words)
        sha256 = found if algorithm == "sha256" else digest_of(part.file, "sha256")
        part.become_whole()
    return sha256


@contextmanager
def _disk_errors(address: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = f"it cannot be written here: {error.strerror}"
        raise _failure(address, path, words) from error


def _failure(address: str, path: Path, words: str) -> DataError:
    return DataError(f"{path.name} cannot be fetched from {address}: {words}")
