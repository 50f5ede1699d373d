"""What has been scanned already, so that a scan that was killed goes on.

    OUT/scan.json        what all scores in the folder have in common
    OUT/journal.jsonl    one line a recording, as soon as it is done or set aside

Each shard of a scan has a journal of its own and reads those of all, so any number of
machines may write into one folder.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self

from sonotype.atomic import atomic_file
from sonotype.errors import SettingError

SETTINGS = "scan.json"
_JOURNALS = "journal*.jsonl"
# A worker writes all the time; what none has touched for a day, none ever will.
_STRAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Shard:
    """The part of the recordings that one process takes: `number` of `count`.

    Raises:
        SettingError: If there is no such part.

    Example:
        >>> Shard.parse("2/8")
        Shard(number=2, count=8)
    """

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse a part that there is not."""
        if not 1 <= self.number <= self.count:
            raise SettingError(
                f"there is no shard {self.number} of {self.count}; they are numbered "
                f"from 1/{self.count} to {self.count}/{self.count}"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard that is written `i/n`.

        Raises:
            SettingError: If it is not written so, or there is no such part.
        """
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal()):
            raise SettingError(f"a shard is written i/n, such as 1/4, not {text!r}")
        return cls(int(number), int(count))

    @property
    def journal(self) -> str:
        """The name of its journal."""
        if self.count == 1:
            return "journal.jsonl"
        return f"journal-{self.number}-of-{self.count}.jsonl"


@dataclass(frozen=True)
class Entry:
    """What became of one recording.

    Args:
        recording: Its whole path.
        n_bytes: Its size.
        modified_ns: When it was last changed.
        scores: Where its scores are, below the folder; empty if it was set aside.
        n_windows: How many windows were scored.
        duration_seconds: Its length.
        reason: Why it was set aside.
    """

    recording: str
    n_bytes: int
    modified_ns: int
    scores: str = ""
    n_windows: int = 0
    duration_seconds: float = 0.0
    reason: str = ""


class Journal:
    """The journals of a folder, and the one that is added to.

    Args:
        folder: Where the scores lie.
        shard: Which journal is added to.
    """

    def __init__(self, folder: Path, shard: Shard) -> None:
        self._folder = folder
        self._path = folder / shard.journal
        self._stream: IO[bytes] | None = None
        self.entries = {entry.recording: entry for entry in _read(folder)}

    def __enter__(self) -> Self:
        try:
            self._stream = self._path.open("ab")
        except OSError as error:
            raise SettingError(
                f"{self._path} cannot be written: {error.strerror}"
            ) from error
        if self._stream.tell():
            # The last line may have been cut off; an empty one does no harm.
            self._stream.write(b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    def add(self, entry: Entry) -> None:
        """Note what became of a recording; the line is there when this returns."""
        self.entries[entry.recording] = entry
        if self._stream:
            self._stream.write(json.dumps(asdict(entry)).encode() + b"\n")
            self._stream.flush()

    def is_done(self, recording: Path, status: os.stat_result) -> bool:
        """Return whether the scores of a recording as it is now are there.

        One that was set aside is not done: what was wrong may have been the disk.
        """
        entry = self.entries.get(str(recording))
        return (
            entry is not None
            and bool(entry.scores)
            and (entry.n_bytes, entry.modified_ns)
            == (status.st_size, status.st_mtime_ns)
            and (self._folder / entry.scores).is_file()
        )


def keep_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Note what the scores in a folder have in common, or check that it is the same.

    Args:
        folder: Where the scores lie; it is made if it is not there.
        settings: Plain values for JSON.

    Raises:
        SettingError: If its scores were made otherwise, or it cannot be written to.
    """
    path = folder / SETTINGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with atomic_file(path) as partial:
                partial.write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
        kept = json.loads(path.read_bytes())
    except OSError as error:
        raise SettingError(f"{folder} cannot be used: {error.strerror}") from error
    except ValueError as error:
        raise SettingError(f"{path} is damaged: {error}; choose another folder") from (
            error
        )
    for name, value in settings.items():
        found = kept.get(name) if isinstance(kept, dict) else None
        if found != json.loads(json.dumps(value)):
            raise SettingError(
                f"the scores in {folder} were made with other settings: {name} "
                f"{_short(found)}, but {_short(value)} was asked; choose another folder"
            )


def remove_strays(folder: Path) -> None:
    """Delete what scans that were killed more than a day ago have left half-written."""
    for file in folder.rglob(".*.parquet"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > _STRAY_SECONDS:
                file.unlink()


def _read(folder: Path) -> Iterator[Entry]:
    """Yield the entries of all journals; lines that were cut off are passed over."""
    for path in sorted(folder.glob(_JOURNALS)):
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise SettingError(f"{path} cannot be read: {error.strerror}") from error
        for line in lines:
            with suppress(ValueError, TypeError):
                yield Entry(**json.loads(line))


def _short(value: object) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
