"""Selection tables of Raven (Cornell Lab of Ornithology), and of what writes them."""

from collections.abc import Sequence
from pathlib import Path

from sonotype.dataset.annotations.columns import Columns, event_columns
from sonotype.dataset.annotations.recordings import RecordingNames, find_recording
from sonotype.dataset.annotations.text import EventCollector, to_number
from sonotype.dataset.columns import plain_name
from sonotype.dataset.text_file import read_text, split_lines
from sonotype.errors import DataError
from sonotype.events import Event, Events

_BEGIN = "begin time s"
_OFFSET = "file offset s"
_FILES = ("begin path", "begin file")


def is_raven(head: str) -> bool:
    """Return whether a file begins like a selection table."""
    return _BEGIN in [plain_name(name) for name in _header(head)]


def raven_names_recordings(head: str) -> bool:
    """Return whether a selection table says which recordings it is about."""
    names = {plain_name(name) for name in _header(head)}
    return not names.isdisjoint(_FILES)


def read_raven(
    path: Path | str,
    *,
    recording: Path | None = None,
    label_column: str | None = None,
    label: str | None = None,
) -> Events:
    """Return the selections of one Raven table.

    The views of one selection (waveform, spectrogram) are one event, with the bounds
    and the label of whichever view has them.

    Args:
        path: A selection table: text with tabs and a header.
        recording: The audio file. `None` takes the columns Begin Path or Begin File,
            or else the file that the table is named after.
        label_column: The column that holds the labels; `None` takes Label, Annotation,
            Species, Class, Tags, Common Name or the like.
        label: The label of every selection, for a table without such a column.

    Returns:
        The events, in the order of the table. In a table of several recordings they
        are placed by File Offset (s).

    Raises:
        DataError: If it is not a selection table, has no labels, its recording is not
            found, or its times cannot be placed in its recordings.
    """
    path = Path(path)
    lines = split_lines(read_text(path))
    if not is_raven(lines[0]):
        raise DataError(
            f"{path}: is not a Raven selection table: its first line has no column "
            "'Begin Time (s)'"
        )
    header = _header(lines[0])
    given = {"start": _BEGIN} | (
        {} if label_column is None else {"labels": label_column}
    )
    columns = event_columns(
        header, path, needed=["end", "labels"], columns=given, label=label
    )
    table = _Table(path, header, columns, recording)
    rows = [
        (number, [cell.strip() for cell in line.split("\t")])
        for number, line in enumerate(lines[1:], start=2)
        if line.strip()
    ]
    table.check_files([cells for _, cells in rows])
    collector = EventCollector(path)
    for number, views in table.selections(rows):
        with collector.row(number):
            collector.add(table.event(views))
    return collector.events()


class _Table:
    """The columns of one table, and the recordings it is about."""

    def __init__(
        self, path: Path, header: list[str], columns: Columns, recording: Path | None
    ) -> None:
        names = [plain_name(name) for name in header]
        self._path = path
        self._columns = columns
        self._places = {name: place for place, name in reversed([*enumerate(names)])}
        self._recording = recording
        self._names = RecordingNames(path)
        if recording is None and not self._names_files():
            self._recording = find_recording(path)

    def check_files(self, rows: Sequence[Sequence[str]]) -> None:
        """Refuse times that run through several recordings without saying where."""
        files = {self._file(cells) for cells in rows}
        if len(files) > 1 and _OFFSET not in self._places:
            raise DataError(
                f"{self._path}: is about {len(files)} recordings but has no column "
                "'File Offset (s)', so its times cannot be placed; add that "
                "measurement in Raven and save the table again"
            )

    def selections(
        self, rows: Sequence[tuple[int, list[str]]]
    ) -> list[tuple[int, list[list[str]]]]:
        """Return the rows of each selection, with the line of the first."""
        found: dict[object, tuple[int, list[list[str]]]] = {}
        for number, cells in rows:
            key: object = (
                self._cell(cells, "selection"),
                self._file(cells),
                self._columns.cell(cells, "start"),
                self._columns.cell(cells, "end"),
            )
            if not self._cell(cells, "selection"):
                key = number
            found.setdefault(key, (number, []))[1].append(cells)
        return list(found.values())

    def event(self, views: list[list[str]]) -> Event:
        """Return the event of one selection, taking each cell from a view with it."""
        width = max(map(len, views))
        cells = [
            next((view[place] for view in views if view[place : place + 1] > [""]), "")
            for place in range(width)
        ]
        recording = self._recording or self._names[self._file(cells)]
        event = self._columns.event(cells, recording)
        offset = self._cell(cells, _OFFSET)
        if not self._names_files() or not offset:
            return event
        start = to_number(offset, "file offset")
        return Event(
            recording,
            event.label,
            start,
            start + event.duration_seconds,
            event.low_hz,
            event.high_hz,
            event.score,
        )

    def _names_files(self) -> bool:
        return any(name in self._places for name in _FILES)

    def _file(self, cells: Sequence[str]) -> str:
        said = (self._cell(cells, name) for name in _FILES)
        return next(filter(None, said), "")

    def _cell(self, cells: Sequence[str], name: str) -> str:
        place = self._places.get(name, len(cells))
        return cells[place] if place < len(cells) else ""


def _header(head: str) -> list[str]:
    first = split_lines(head.lstrip("\ufeff"))[0]
    return [name.strip() for name in first.split("\t")]
