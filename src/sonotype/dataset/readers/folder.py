"""The plainest data set: one folder a class, with its recordings somewhere below."""

from collections.abc import Sequence
from pathlib import Path

from sonotype.clips import Clips, Rejected
from sonotype.dataset.readers.audio_files import find_audio
from sonotype.dataset.readers.collect import Found, collect, found_frame
from sonotype.errors import DataError, SettingError, unknown_name

BACKGROUND_NOISE = "_background_noise_"


def read_folder(
    root: Path | str,
    *,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
    negatives: Sequence[str] = (),
) -> Clips:
    """Return the recordings below `root`, each labelled by its first folder.

    Files may lie deeper than one folder. Hidden files and folders are skipped, and
    `_background_noise_` is never a class. A folder named `robin,wren` holds recordings
    of both. Every header is read, so that a broken file is known before training starts
    and does not stop it.

    Args:
        root: The data folder, `root/<class>/.../<file>`.
        classes: The classes to read, in the order of the model's outputs; `None` reads
            all of them, sorted.
        group_by: What keeps files in one part of a split, see
            `sonotype.dataset.groups.assign_groups`.
        negatives: Folders such as `noise` in which nothing is heard that has a label:
            every label is absent from their clips. For data in which a clip may have
            several labels.

    Returns:
        One clip a file, sorted by path. `rejected` lists what cannot be used, and why.

    Raises:
        SettingError: If a class, a folder of `negatives` or a form of `group_by` is
            unknown.
        DataError: If there is no folder, no class in it, or no usable file in a class.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder")
    audio = find_audio(root)
    folder_of = {path: _first_folder(path, root) for path in audio.files}
    folders = {name for name in folder_of.values() if name}
    if not folders - {BACKGROUND_NOISE, *negatives}:
        raise DataError(
            f"{root}: has no class folder with recordings; put the recordings of each "
            f"class into a folder of its name, such as {root / 'yes' / '1.wav'}"
        )
    _check_negatives(negatives, folders, classes)
    labels_of = {name: folder_labels(name) for name in folders}
    labels_of.update({name: [] for name in negatives})
    if BACKGROUND_NOISE not in negatives:
        labels_of.pop(BACKGROUND_NOISE, None)
    found = [
        _found(path, name, labels_of[name])
        for path, name in folder_of.items()
        if name is not None and name in labels_of
    ]
    loose = [path for path, name in folder_of.items() if name is None]
    return collect(
        found_frame(found),
        root,
        classes=classes,
        group_by=group_by,
        rejected=[
            *audio.rejected,
            *(Rejected(path, "lies in no class folder") for path in loose),
        ],
    )


def folder_labels(name: str) -> list[str]:
    """Return the labels that a class folder names, each once.

    Args:
        name: The folder's name; commas separate several labels.

    Example:
        >>> folder_labels("robin, wren"), folder_labels("robin")
        (['robin', 'wren'], ['robin'])
    """
    if "," not in name:
        return [name]
    return list(dict.fromkeys(label.strip() for label in name.split(",")))


def find_background_noise(root: Path | str) -> list[Path]:
    """Return the audio files below `root/_background_noise_`, sorted.

    Args:
        root: The data folder.

    Returns:
        The files; none if there is no such folder.
    """
    folder = Path(root) / BACKGROUND_NOISE
    return find_audio(folder).files if folder.is_dir() else []


def _first_folder(path: Path, root: Path) -> str | None:
    """Return the first folder below `root`, if there is one."""
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else None


def _found(path: Path, folder: str, labels: list[str]) -> Found:
    if "" not in labels:
        return Found(str(path), labels)
    problem = f"a label in the name of the folder {folder!r} is empty; rename it"
    return Found(str(path), problem=problem)


def _check_negatives(
    negatives: Sequence[str], folders: set[str], classes: Sequence[str] | None
) -> None:
    for name in negatives:
        if name not in folders:
            raise unknown_name("folder of negatives", name, folders)
        if name in (classes or ()):
            raise SettingError(
                f"{name!r} cannot be both a class and a folder of negatives"
            )
