"""Layers of Sonic Visualiser: `.svl` files (XML), and layers exported as CSV."""

import xml.parsers.expat as expat
from collections.abc import Callable, Sequence
from pathlib import Path

from sonotype.dataset.annotations.columns import event_columns
from sonotype.dataset.annotations.recordings import find_recording
from sonotype.dataset.annotations.text import (
    EventCollector,
    is_number,
    split_csv,
    to_number,
)
from sonotype.dataset.text_file import read_bytes, read_text
from sonotype.errors import DataError
from sonotype.events import Event, Events

# What a layer without a header can only be, by which of its cells are numbers.
_CSV_LAYERS: dict[tuple[bool, ...], tuple[str, ...]] = {
    (True, False): ("time", "label"),
    (True, True, True, False): ("time", "value", "duration", "label"),
}
_Attributes = dict[str, str]


def is_svl(head: str) -> bool:
    """Return whether a file begins like a layer in XML."""
    return "<sv>" in head[:500] or "<!DOCTYPE sonic-visualiser" in head[:500]


def is_layer_csv(head: str) -> bool:
    """Return whether a file begins like a layer exported as CSV without a header."""
    try:
        first = next(split_csv(head, Path(), ","), (0, []))[1]
    except DataError:
        return False
    return _are_numbers(first) in _CSV_LAYERS


def read_sonic_visualiser(
    path: Path | str, *, recording: Path | None = None, label: str | None = None
) -> Events:
    """Return the instants, regions or boxes of one layer.

    The value of a box layer in hertz is taken as its frequency bounds; every other
    value (pitch, level) is left out.

    Args:
        path: A `.svl` file.
        recording: The audio file; `None` takes the one the layer is named after.
        label: The label of every event, whatever is written there.

    Returns:
        The events, in the order of the file.

    Raises:
        DataError: If it is not such a layer, defines entities, has no sample rate, or
            its recording is not found.
    """
    path = Path(path)
    collector = EventCollector(path)
    layer = _Layer(path, label)
    layer.parse(read_bytes(path))
    recording = find_recording(path) if recording is None else recording
    for line, attributes in layer.points:
        with collector.row(line):
            collector.add(layer.event(attributes, recording))
    return collector.events()


def read_layer_csv(
    path: Path | str,
    *,
    recording: Path | None = None,
    columns: Sequence[str] | None = None,
    label: str | None = None,
) -> Events:
    """Return the events of a layer that was exported as CSV without a header.

    A layer with a header is read by `read_csv_events`.

    Args:
        path: A CSV file.
        recording: The audio file; `None` takes the one the layer is named after.
        columns: What the columns are; `None` knows instants (time, label) and regions
            (time, value, duration, label). Boxes are start, end, low_hz, high_hz,
            label, which without a header look like notes.
        label: The label of every event, whatever is written there.

    Returns:
        The events, in the order of the file.

    Raises:
        DataError: If the columns are not told and cannot be known, or the recording is
            not found.
    """
    path = Path(path)
    rows = list(split_csv(read_text(path), path, ","))
    if columns is None:
        columns = _CSV_LAYERS.get(_are_numbers(rows[0][1]) if rows else ())
    if columns is None:
        raise DataError(
            f"{path}: is not a layer of instants or regions; export the layer with a "
            "header, or name its columns, such as start, end, low_hz, high_hz, label"
        )
    found = event_columns(columns, path, needed=["start", "labels"], label=label)
    recording = find_recording(path) if recording is None else recording
    collector = EventCollector(path)
    for number, cells in rows:
        with collector.row(number):
            collector.add(found.event(cells, recording))
    return collector.events()


class _Layer:
    """What a `.svl` file holds, gathered while expat reads it."""

    def __init__(self, path: Path, label: str | None) -> None:
        self.points: list[tuple[int, _Attributes]] = []
        self._path = path
        self._label = label
        self._model: _Attributes = {}
        self._root = ""
        self._parser = expat.ParserCreate()

    def parse(self, content: bytes) -> None:
        """Read the file; nothing in it is ever expanded or fetched."""
        self._parser.StartElementHandler = self._start
        # Sonic Visualiser writes a DOCTYPE but no entity; who defines one means harm.
        self._parser.EntityDeclHandler = self._refuse_entities
        self._parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        try:
            self._parser.Parse(content, True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise DataError(
                f"{self._path}: is not a Sonic Visualiser layer ({error}); export the "
                "layer again"
            ) from None
        if self._root != "sv" or "sampleRate" not in self._model:
            raise DataError(
                f"{self._path}: is not a Sonic Visualiser layer: it has no model with "
                "a sample rate; export the layer again"
            )
        self._sample_rate = self._rate()

    def event(self, point: _Attributes, recording: Path) -> Event:
        """Return the event of one point."""

        def number(name: str) -> float:
            return to_number(point.get(name, "0"), name)

        start = to_number(point.get("frame", ""), "frame")
        duration = number("duration")
        low_hz = high_hz = None
        if self._model.get("subtype") == "box" and self._model.get("units") == "Hz":
            low_hz = number("value")
            high_hz = low_hz + abs(number("extent"))
        return Event(
            recording=recording,
            label=point.get("label", "").strip()
            if self._label is None
            else self._label,
            start_seconds=start / self._sample_rate,
            end_seconds=(start + duration) / self._sample_rate,
            low_hz=low_hz,
            high_hz=high_hz,
        )

    def _rate(self) -> float:
        try:
            rate = to_number(self._model["sampleRate"], "sample rate")
        except DataError as error:
            raise DataError(f"{self._path}: {error}") from None
        if rate < 1:
            raise DataError(f"{self._path}: its sample rate {rate} Hz is not positive")
        return rate

    def _start(self, name: str, attributes: _Attributes) -> None:
        self._root = self._root or name
        take: Callable[[_Attributes], None] | None = {
            "model": self._take_model,
            "point": self._take_point,
        }.get(name)
        if take is not None:
            take(attributes)

    def _take_model(self, attributes: _Attributes) -> None:
        # A layer's own model; that of the audio it was drawn over may come before it.
        if attributes.get("type") == "sparse" or not self._model:
            self._model = attributes

    def _take_point(self, attributes: _Attributes) -> None:
        self.points.append((self._parser.CurrentLineNumber, attributes))

    def _refuse_entities(self, name: str, *_: object) -> None:
        raise DataError(
            f"{self._path}: defines the entity {name[:40]!r}, which no layer of Sonic "
            "Visualiser does; do not trust this file"
        )


def _are_numbers(cells: Sequence[str]) -> tuple[bool, ...]:
    """Return which cells hold a number; the last is a label, whatever it holds."""
    return (*map(is_number, cells[:-1]), False) if cells else ()
