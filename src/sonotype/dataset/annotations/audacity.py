"""Label tracks of Audacity: start, end and label, one a line."""

from collections.abc import Iterator
from pathlib import Path

from sonotype.dataset.annotations.recordings import find_recording
from sonotype.dataset.annotations.text import EventCollector, is_number, to_number
from sonotype.dataset.text_file import read_text, split_lines
from sonotype.errors import DataError
from sonotype.events import Event, Events

# Begins the line with the frequencies of the label above it.
_FREQUENCIES = "\\"


def is_audacity(head: str) -> bool:
    """Return whether a file begins like a label track: two numbers and a tab."""
    lines = split_lines(head.lstrip("\ufeff"))
    first = next((line for line in lines if line.strip()), "")
    cells = first.split("\t")
    return len(cells) > 1 and all(is_number(cell.strip()) for cell in cells[:2])


def read_audacity(
    path: Path | str, *, recording: Path | None = None, label: str | None = None
) -> Events:
    r"""Return the labels of one exported label track.

    A line is `start<tab>end<tab>label`; a line `\<tab>low<tab>high` after it gives the
    frequencies, where -1 means that there is none. A point label ends where it starts.

    Args:
        path: An exported label track.
        recording: The audio file; `None` takes the one the track is named after.
        label: The label of every line, whatever is written there.

    Returns:
        The events, in the order of the file.

    Raises:
        DataError: If it is not a label track or its recording is not found.

    References:
        Audacity manual, "Importing and Exporting Labels".
    """
    path = Path(path)
    text = read_text(path)
    if text.strip() and not is_audacity(text):
        raise DataError(
            f"{path}: is not an Audacity label track: its first line is not "
            "'start<tab>end<tab>label' in seconds"
        )
    recording = find_recording(path) if recording is None else recording
    collector = EventCollector(path)
    for number, line, bounds in _labels(split_lines(text), collector):
        with collector.row(number):
            low_hz, high_hz = _frequencies(bounds)
            start, end, name = ([*line.split("\t", 2), "", ""])[:3]
            event = Event(
                recording=recording,
                label=name.strip() if label is None else label,
                start_seconds=to_number(start.strip(), "start"),
                end_seconds=to_number(end.strip(), "end"),
                low_hz=low_hz,
                high_hz=high_hz,
            )
            collector.add(event)
    return collector.events()


def _labels(
    lines: list[str], collector: EventCollector
) -> Iterator[tuple[int, str, str]]:
    """Yield each label's line number, its line, and its line of frequencies."""
    waiting: tuple[int, str] | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if not line.startswith(_FREQUENCIES):
            if waiting:
                yield *waiting, ""
            waiting = (number, line)
        elif waiting:
            yield *waiting, line
            waiting = None
        else:
            collector.reject(f"line {number}: these frequencies belong to no label")
    if waiting:
        yield *waiting, ""


def _frequencies(line: str) -> tuple[float | None, float | None]:
    if not line:
        return None, None
    cells = [*line.split("\t"), "", ""]
    low, high = (to_number(cell.strip(), "frequency") for cell in cells[1:3])
    return None if low == -1 else low, None if high == -1 else high
