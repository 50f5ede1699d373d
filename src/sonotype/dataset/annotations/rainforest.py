"""The tables of Kaggle's Rainforest Connection species audio detection."""

from pathlib import Path

from sonotype.dataset.annotations.columns import Columns
from sonotype.dataset.annotations.recordings import RecordingNames
from sonotype.dataset.annotations.text import EventCollector, split_csv
from sonotype.dataset.columns import plain_name
from sonotype.dataset.text_file import read_text
from sonotype.errors import DataError
from sonotype.events import Events

_COLUMNS = {
    "path": "recording id",
    "labels": "species id",
    "start": "t min",
    "end": "t max",
    "low": "f min",
    "high": "f max",
}
_SONG_TYPE = "songtype id"
_IS_TP = "is tp"
# The column `is_tp`, and what the two files are called that do without it.
_IS_PRESENT = {"1": True, "true": True, "0": False, "false": False}
_FILE_NAMES = {"train_tp": True, "train_fp": False}


def is_rainforest(head: str) -> bool:
    """Return whether a file begins like `train_tp.csv`."""
    try:
        header = next(split_csv(head, Path(), ","), (0, []))[1]
    except DataError:
        return False
    return set(_COLUMNS.values()) <= {plain_name(name) for name in header}


def read_rainforest(
    path: Path | str,
    *,
    recording: Path | None = None,
    folder: Path | None = None,
    is_present: bool | None = None,
    by_song_type: bool = False,
) -> Events:
    """Return the boxes of one table: true positives are present, false ones absent.

    Of a species that no row of a recording names, nothing is known there.

    Args:
        path: `train_tp.csv` or `train_fp.csv`.
        recording: The audio file, whatever the table says.
        folder: Where the recordings are; `None` looks in the table's folder and those
            beside and below it, such as `train/`.
        is_present: Whether the rows are true positives; `None` takes the column
            `is_tp`, or without one the file's name.
        by_song_type: Whether a label is species and song type, `3_1`, not species, `3`.

    Returns:
        The events, in the order of the table.

    Raises:
        DataError: If it is no such table, or nothing says whether it is of true or
            false positives.

    References:
        kaggle.com/c/rfcx-species-audio-detection, data description.
    """
    path = Path(path)
    text = read_text(path)
    if not is_rainforest(text):
        raise DataError(
            f"{path}: is not a table like train_tp.csv: it needs the columns "
            "recording_id, species_id, t_min, f_min, t_max, f_max"
        )
    rows = split_csv(text, path, ",")
    header = [plain_name(name) for name in next(rows)[1]]
    columns = {part: header.index(name) for part, name in _COLUMNS.items()}
    for part, name in (("song", _SONG_TYPE), ("is_tp", _IS_TP)):
        if name in header:
            columns[part] = header.index(name)
    if is_present is None and "is_tp" not in columns:
        is_present = _FILE_NAMES.get(path.stem)
        if is_present is None:
            raise DataError(
                f"{path}: nothing says whether its rows are true or false positives; "
                "call it train_tp.csv or train_fp.csv, or say is_present"
            )
    names = RecordingNames(path, folder)
    collector = EventCollector(path)
    for number, cells in rows:
        with collector.row(number):
            row = Columns(columns, _label(Columns(columns), cells, by_song_type))
            place = recording or names[row.cell(cells, "path")]
            heard = _is_true_positive(row, cells) if is_present is None else is_present
            collector.add(row.event(cells, place, is_present=heard))
    return collector.events()


def _label(columns: Columns, cells: list[str], by_song_type: bool) -> str:
    species = columns.cell(cells, "labels")
    song_type = columns.cell(cells, "song")
    return f"{species}_{song_type}" if by_song_type and species else species


def _is_true_positive(columns: Columns, cells: list[str]) -> bool:
    said = columns.cell(cells, "is_tp").casefold()
    if said not in _IS_PRESENT:
        raise DataError(f"its is_tp {said[:40]!r} is neither 1 nor 0")
    return _IS_PRESENT[said]
