"""Pictures that commands draw: refused before the work, written whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING

from sonotype.errors import SettingError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".pdf", ".svg", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")


def refuse_picture(path: Path) -> None:
    """Raise if a picture of this name could not be drawn.

    Raises:
        SettingError: If its ending is no kind of picture, or it cannot be written.
    """
    from sonotype.atomic import refuse_unwritable

    if path.suffix.lower() not in SUFFIXES:
        raise SettingError(
            f"{path}: a picture cannot be written as {path.suffix or 'that'!r}; end "
            f"its name in one of {', '.join(SUFFIXES)}"
        )
    if path.is_dir():
        raise SettingError(f"{path} is a folder; name the picture, such as {path}.png")
    refuse_unwritable(path)


def save_picture(figure: "Figure", path: Path) -> None:
    """Write a figure.

    Raises:
        SettingError: If it cannot be written.
    """
    from sonotype.atomic import output_file

    with output_file(path, make_folders=True) as partial:
        figure.savefig(partial, dpi=150)
