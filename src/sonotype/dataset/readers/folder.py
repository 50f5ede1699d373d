"""The plainest data set: one folder a class, with its recordings somewhere below."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sonotype.audio.io import AUDIO_SUFFIXES, read_info
from sonotype.clips import Clip, Clips, Rejected
from sonotype.dataset.groups import assign_groups
from sonotype.errors import AudioError, DataError, SettingError, unknown_name
from sonotype.labels import Labels

BACKGROUND_NOISE = "_background_noise_"

# Sound that libsndfile does not read: to be named, not passed over in silence.
_FOREIGN_SUFFIXES = frozenset(
    (".3gp", ".aac", ".amr", ".ape", ".m4a", ".mka", ".mp4", ".mpc", ".webm", ".wma")
)
# Reading a header is mostly waiting for the disk.
_N_READERS = 8


@dataclass(frozen=True)
class _Found:
    """The audio files below a folder, and what was passed over."""

    files: list[Path]
    rejected: list[Rejected]


def read_folder(
    root: Path | str,
    *,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
) -> Clips:
    """Return the recordings below `root`, each labelled by its first folder.

    Files may lie deeper than one folder. Hidden files and folders are skipped, and
    `_background_noise_` is never a class. Every header is read, so that a broken file
    is known before training starts and does not stop it.

    Args:
        root: The data folder, `root/<class>/.../<file>`.
        classes: The classes to read, in the order of the model's outputs; `None` reads
            all of them, sorted.
        group_by: What keeps files in one part of a split, see
            `sonotype.dataset.groups.assign_groups`.

    Returns:
        One clip a file, sorted by path. `rejected` lists what cannot be used, and why.

    Raises:
        SettingError: If a class or a form of `group_by` is unknown.
        DataError: If there is no folder, no class in it, or no usable file in a class.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder")
    found = _find_audio(root)
    labelled = {path: _label(path, root) for path in found.files}
    known = {label for label in labelled.values() if label} - {BACKGROUND_NOISE}
    if not known:
        raise DataError(
            f"{root}: has no class folder with recordings; put the recordings of each "
            f"class into a folder of its name, such as {root / 'yes' / '1.wav'}"
        )
    wanted = _wanted_classes(classes, known)
    files = [path for path, label in labelled.items() if label in wanted]
    reasons = _check_headers(files)
    usable = [path for path in files if path not in reasons]
    groups = assign_groups([path.relative_to(root) for path in usable], group_by)
    clips = [
        Clip(path=path, labels=(labelled[path] or "",), group=group)
        for path, group in zip(usable, groups, strict=True)
    ]
    loose = [path for path, label in labelled.items() if label is None]
    rejected = [
        *found.rejected,
        *(Rejected(path, "lies in no class folder") for path in loose),
        *(Rejected(path, reason) for path, reason in reasons.items()),
    ]
    rejected.sort(key=lambda item: item.path)
    return Clips.of(clips, _labels(root, classes, clips, rejected), rejected)


def class_folders(root: Path | str) -> list[str]:
    """Return the names of the folders below `root` that may be classes, sorted.

    Args:
        root: The data folder.

    Raises:
        DataError: If it is not a folder that can be read.
    """
    try:
        folders = [path.name for path in Path(root).iterdir() if path.is_dir()]
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error.strerror}") from error
    return sorted(
        name
        for name in folders
        if name != BACKGROUND_NOISE and not name.startswith(".")
    )


def find_background_noise(root: Path | str) -> list[Path]:
    """Return the audio files below `root/_background_noise_`, sorted.

    Args:
        root: The data folder.

    Returns:
        The files; none if there is no such folder.
    """
    folder = Path(root) / BACKGROUND_NOISE
    return _find_audio(folder).files if folder.is_dir() else []


def _label(path: Path, root: Path) -> str | None:
    """Return the first folder below `root`, if there is one."""
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else None


def _wanted_classes(classes: Sequence[str] | None, known: set[str]) -> set[str]:
    for name in classes or ():
        if name not in known:
            raise unknown_name("class", name, known)
    if classes is not None and not classes:
        raise SettingError(
            f"no class was asked for; choose from: {', '.join(sorted(known))}"
        )
    return known if classes is None else set(classes)


def _labels(
    root: Path,
    classes: Sequence[str] | None,
    clips: list[Clip],
    rejected: list[Rejected],
) -> Labels:
    carried = {clip.labels[0] for clip in clips}
    lacking = [name for name in classes or () if name not in carried]
    if not carried or lacking:
        where = f"class {lacking[0]!r} has" if lacking else "there is"
        first = next(iter(rejected), None)
        reason = f"; {first.path}: {first.reason}" if first else ""
        raise DataError(f"{root}: {where} no recording that can be used{reason}")
    return Labels.of(carried) if classes is None else Labels(tuple(classes))


def _check_headers(files: list[Path]) -> dict[Path, str]:
    """Return why a file cannot be used, for each that cannot."""

    def check(path: Path) -> str | None:
        try:
            read_info(path)
        except AudioError as error:
            return str(error).removeprefix(f"{path}: ")
        return None

    with ThreadPoolExecutor(_N_READERS) as pool:
        reasons = zip(files, pool.map(check, files), strict=True)
        return {path: reason for path, reason in reasons if reason is not None}


def _find_audio(root: Path) -> _Found:
    found = _Found([], [])
    _walk(root, {_identity(root): root}, found)
    return found


def _walk(folder: Path, seen: dict[tuple[int, int], Path], found: _Found) -> None:
    """Add what lies below `folder`, in the order of the paths.

    Links are followed, but each folder is read once: a link may lead back up.
    """
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


def _take(path: Path, found: _Found) -> None:
    suffix = path.suffix.lower()
    if suffix in AUDIO_SUFFIXES:
        found.files.append(path)
    elif suffix in _FOREIGN_SUFFIXES:
        reason = f"{suffix} files cannot be read; convert it to WAV or FLAC"
        found.rejected.append(Rejected(path, reason))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
