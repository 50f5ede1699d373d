"""Which recording an annotation file belongs to."""

import unicodedata
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePath, PureWindowsPath

from sonotype.audio.io import AUDIO_SUFFIXES
from sonotype.errors import DataError

# More names would make a message nobody reads.
_MOST_NAMED = 3


class RecordingIndex:
    """Recordings that can be looked up by the name of an annotation file.

    Args:
        recordings: The audio files.

    Example:
        >>> index = RecordingIndex([Path("a.wav"), Path("a.2.wav")])
        >>> index.match(Path("a.Table.1.selections.txt")).name
        'a.wav'
        >>> index.match(Path("a.2.TextGrid")).name
        'a.2.wav'
    """

    def __init__(self, recordings: Collection[Path]) -> None:
        self._by_name: dict[str, list[Path]] = {}
        self._folders = {path.parent for path in recordings}
        # How many last folders' names some recording shares with an annotation's.
        self._tails: dict[Path, int] = {}
        for path in sorted(set(recordings)):
            for name in {_normal(path.name), _normal(path.stem)}:
                self._by_name.setdefault(name, []).append(path)

    def match(self, annotation: Path) -> Path:
        """Return the recording an annotation file is named after.

        That is the one whose name, with or without its suffix, begins the name of the
        annotation file and is followed by a dot; the longest such name wins, then the
        one that lies nearest in the folders. Where the annotation file lies among
        recordings, only those count: `site1/1.txt` is never about `site2/1.wav`. The
        same holds for a mirrored folder, `raven/site1/1.txt` for `audio/site1/1.wav`.

        Args:
            annotation: The annotation file; it is not opened.

        Raises:
            DataError: If there is none, or more than one.
        """
        may_hold = self._folders_for(annotation)
        for name in _prefixes(_normal(annotation.name)):
            known = self._by_name.get(name, [])
            if named := [path for path in known if may_hold(path.parent)]:
                return _nearest(named, annotation)
        raise DataError(
            f"{annotation}: no recording has its name; put it beside its recording, "
            f"named like it ({_first_part(annotation)}.wav), or say which it is"
        )

    def find(self, path: Path) -> Path | None:
        """Return where a recording is now, `None` if there is not exactly one.

        One that differs only in how it is stored will do, such as `a.flac` for `a.wav`,
        if there is none of the very name.

        Args:
            path: Where it was said to be, with or without suffix. Of several that are
                called so, those in folders of the same names win, then the nearest.
        """
        name = _normal(path.name)
        known = self._by_name.get(name, [])
        if not known and path.suffix.lower() in AUDIO_SUFFIXES:
            known = self._by_name.get(PurePath(name).stem, [])
        best = max((_shared_tail(one.parent, path.parent) for one in known), default=0)
        try:
            return _nearest(
                [one for one in known if _shared_tail(one.parent, path.parent) == best],
                path,
            )
        except DataError:
            return None

    def _folders_for(self, annotation: Path) -> Callable[[Path], bool]:
        """Return which folders may hold the recording of an annotation file."""
        own = annotation.parent
        if own in self._folders:
            return lambda folder: folder == own
        if own not in self._tails:
            shared = (_shared_tail(folder, own) for folder in self._folders)
            self._tails[own] = max(shared, default=0)
        best = self._tails[own]
        return lambda folder: _shared_tail(folder, own) == best


def find_recording(annotation: Path | str) -> Path:
    """Return the recording that lies near an annotation file and has its name.

    `a.wav` belongs to `a.txt`, `a.wav.txt`, `a.TextGrid`, `a.Table.1.selections.txt`.
    It is looked for beside the annotation file and in folders beside it. If there is
    no recording at all, then in the folder above and the folders of that one, such as
    `audio/a.wav` for `raven/a.txt`.

    Args:
        annotation: The annotation file.

    Raises:
        DataError: If there is no such recording, or more than one.
    """
    annotation = Path(annotation)
    return RecordingIndex(recordings_near(annotation.parent)).match(annotation)


def recordings_near(folder: Path) -> list[Path]:
    """Return the recordings in a folder and one below; if none, around the one above.

    Args:
        folder: A folder with annotation files.
    """
    for around in (folder, folder / ".."):
        places = [around, *(place for place in _entries(around) if place.is_dir())]
        found = {
            _plain(file)
            for place in places
            for file in _entries(place)
            if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file()
        }
        if found:
            return sorted(found)
    return []


class RecordingNames:
    """Finds the recordings that a table names, also if they have been moved since.

    Args:
        table: The annotation file.
        folder: Where its names are relative to; `None` is the table's own folder.
    """

    def __init__(self, table: Path, folder: Path | None = None) -> None:
        self._table = table
        self._folder = table.parent if folder is None else folder
        self._known: dict[str, Path] = {}
        self._index: RecordingIndex | None = None

    def __getitem__(self, name: str) -> Path:
        """Return the named file: as it says, else one of its name near the table.

        If there is none, the path as the table says it: whoever opens it will report
        that it is missing.

        Raises:
            DataError: If the name is empty or cannot be that of a file.
        """
        if not name or "\0" in name:
            raise DataError(f"its recording {name!r} is not the name of a file")
        if name not in self._known:
            self._known[name] = self._locate(name)
        return self._known[name]

    def _locate(self, name: str) -> Path:
        # Tables are often made on Windows, whose paths are one long name elsewhere.
        path = PureWindowsPath(name) if "\\" in name else PurePath(name)
        named = self._folder / path.as_posix()
        if _is_file(named):
            return named
        if self._index is None:
            self._index = RecordingIndex(recordings_near(self._folder))
        return self._index.find(named) or named


def _normal(name: str) -> str:
    """Return a name in one Unicode form: macOS decomposes what others compose."""
    return unicodedata.normalize("NFC", name)


def _prefixes(name: str) -> Iterator[str]:
    """Yield what stands before each dot, the longest first."""
    while "." in name:
        name = name.rpartition(".")[0]
        if name:
            yield name


def _first_part(annotation: Path) -> str:
    return annotation.name.partition(".")[0] or annotation.name


def _nearest(recordings: list[Path], annotation: Path) -> Path:
    """Return the recording whose folder shares most with the annotation's."""

    def distance(path: Path) -> int:
        shared = 0
        for one, other in zip(path.parent.parts, annotation.parent.parts, strict=False):
            if one != other:
                break
            shared += 1
        return len(path.parent.parts) + len(annotation.parent.parts) - 2 * shared

    least = min(map(distance, recordings), default=0)
    nearest = [path for path in recordings if distance(path) == least]
    if len(nearest) != 1:
        names = ", ".join(str(path) for path in nearest[:_MOST_NAMED])
        raise DataError(
            f"{annotation}: {len(nearest)} recordings have its name ({names}); say "
            "which it is"
        )
    return nearest[0]


def _shared_tail(one: Path, other: Path) -> int:
    """Return how many of the last folders of two paths have the same names."""
    shared = 0
    for name, twin in zip(reversed(one.parts), reversed(other.parts), strict=False):
        if name != twin:
            break
        shared += 1
    return shared


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, nothing if it cannot be opened."""
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []


def _plain(path: Path) -> Path:
    """Return `folder/../a.wav` as `a.wav`, without following links."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in ("..", path.anchor):
            parts.pop()
        else:
            parts.append(part)
    return Path(*parts)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is longer than names may be.
        return False
