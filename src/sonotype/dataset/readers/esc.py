"""ESC-50 with its table, and ESC-10 as it was first published, told by names."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from sonotype.clips import Clips, Rejected
from sonotype.dataset.readers.audio_files import find_audio, list_folder
from sonotype.dataset.readers.collect import Found, collect, found_frame
from sonotype.dataset.readers.publisher_table import read_publisher_table
from sonotype.errors import DataError

METADATA = Path("meta") / "esc50.csv"
CLASS_FOLDER = re.compile(r"\d{3} - (\S.*)")
# Fold, Freesound recording, take: `1-100032-A.ogg`.
_FILE_NAME = re.compile(r"([1-5])-(\d+)-[A-Z]\.\w+")


def read_esc(
    root: Path | str,
    *,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
) -> Clips:
    """Return the clips of ESC-50 or ESC-10, with their five folds.

    The group is the Freesound recording that a clip was cut from, so its takes stay
    together.

    Args:
        root: The data folder: with `meta/esc50.csv` and `audio/`, or with a folder such
            as `001 - Dog bark` for each class.
        classes: The classes to read, in the order of the model's outputs.
        group_by: Another grouping, see `sonotype.dataset.groups.assign_groups`.

    Raises:
        SettingError: If a class or a form of `group_by` is unknown.
        DataError: If the folder is neither, or nothing in it can be used.

    References:
        Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia
        2015.
    """
    root = Path(root)
    if (root / METADATA).is_file():
        return _read_esc50(root, classes, group_by)
    if not esc10_folders(root):
        raise DataError(
            f"{root}: has neither {METADATA.as_posix()} nor folders named like "
            "'001 - Dog bark'"
        )
    return _read_esc10(root, classes, group_by)


def esc10_folders(root: Path) -> dict[str, str]:
    """Return the class of each folder that is named like those of ESC-10."""
    if not root.is_dir():
        return {}
    names = [path.name for path in list_folder(root) if path.is_dir()]
    matches = {name: CLASS_FOLDER.fullmatch(name) for name in names}
    return {name: match[1] for name, match in matches.items() if match}


def _read_esc50(
    root: Path, classes: Sequence[str] | None, group_by: str | None
) -> Clips:
    def to_clip(row: Mapping[str, str]) -> Found:
        return Found(
            str(root / "audio" / row["filename"]),
            [row["category"]],
            group=row["src_file"],
            split=f"fold{row['fold']}",
        )

    columns = ("filename", "fold", "category", "src_file")
    return read_publisher_table(
        root, root / METADATA, columns, to_clip, classes=classes, group_by=group_by
    )


def _read_esc10(
    root: Path, classes: Sequence[str] | None, group_by: str | None
) -> Clips:
    found, rejected = [], []
    for folder, label in esc10_folders(root).items():
        audio = find_audio(root / folder)
        rejected += audio.rejected
        for path in audio.files:
            match = _FILE_NAME.fullmatch(path.name)
            if match is None:
                reason = "is not named FOLD-SOURCE-TAKE, such as 1-100032-A.ogg"
                rejected.append(Rejected(path, reason))
                continue
            fold, source = match.groups()
            found.append(Found(str(path), [label], group=source, split=f"fold{fold}"))
    return collect(
        found_frame(found),
        root,
        classes=classes,
        group_by=group_by,
        kind="recording",
        rejected=rejected,
    )
