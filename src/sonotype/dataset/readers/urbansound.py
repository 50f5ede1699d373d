"""UrbanSound8K: `metadata/UrbanSound8K.csv`, and `audio/fold1` to `audio/fold10`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sonotype.clips import Clips
from sonotype.dataset.readers.collect import Found
from sonotype.dataset.readers.publisher_table import read_publisher_table

METADATA = Path("metadata") / "UrbanSound8K.csv"


def read_urbansound(
    root: Path | str,
    *,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
) -> Clips:
    """Return the clips of UrbanSound8K, with its ten folds.

    The group is the Freesound recording a clip was cut from. The times in the table
    are those of that recording, not of the clip, so they are left alone.

    Args:
        root: The data folder.
        classes: The classes to read, in the order of the model's outputs.
        group_by: Another grouping, see `sonotype.dataset.groups.assign_groups`.

    Raises:
        SettingError: If a class or a form of `group_by` is unknown.
        DataError: If the metadata is missing or damaged, or nothing can be used.

    References:
        Salamon, Jacoby and Bello, "A Dataset and Taxonomy for Urban Sound Research",
        ACM Multimedia 2014.
    """
    root = Path(root)

    def to_clip(row: Mapping[str, str]) -> Found:
        fold = f"fold{row['fold']}"
        return Found(
            str(root / "audio" / fold / row["slice_file_name"]),
            [row["class"]],
            group=row["fsID"],
            split=fold,
        )

    return read_publisher_table(
        root,
        root / METADATA,
        ("slice_file_name", "fsID", "fold", "class"),
        to_clip,
        classes=classes,
        group_by=group_by,
    )
