"""Draws the pictures of docs/explanation/events-and-windows.md; run it to renew them.

What the pictures say is computed by sonotype, not drawn by hand.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sonotype.dataset.event_clips import window_starts
from sonotype.dataset.overlap import HALF_OF_EVENT, WindowMarks, mark_windows
from sonotype.events import Event

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
# Readable without colour vision, and in grey print; every box also says its word.
COLOURS = {"heard": "#9fc5e8", "unknown": "#f6d68b", "absent": "#ffffff"}
EVENT_COLOUR = "#274e79"


def word(marks: WindowMarks, label: str) -> str:
    """Return what is known of a label in a window."""
    if label in marks.present:
        return "heard"
    return "unknown" if label in marks.partial else "absent"


def draw_box(
    axes: "Axes", across: tuple[float, float], up: tuple[float, float], colour: str
) -> None:
    """Fill a box: where it starts and how wide it is, in both directions."""
    axes.broken_barh([across], up, facecolor=colour, edgecolor="0.3")


def draw_windows(
    axes: "Axes", events: list[Event], starts: np.ndarray, seconds: float, *, top: float
) -> None:
    """Draw windows as a row of boxes below `top`, each with its word."""
    marked = mark_windows(events, starts, seconds=seconds, rule=HALF_OF_EVENT)
    for start, marks in zip(starts, marked.marks, strict=True):
        said = word(marks, "wren")
        draw_box(axes, (start, seconds), (top - 0.8, 0.8), COLOURS[said])
        axes.text(start + seconds / 2, top - 0.4, said, ha="center", va="center")


def draw_rule() -> "Figure":
    """Draw one row of windows and three events: the default rule, half of an event."""
    from matplotlib.figure import Figure

    events = [
        Event(Path("a.wav"), "wren", 0.6, 1.0),
        Event(Path("a.wav"), "wren", 2.7, 3.7),
        Event(Path("a.wav"), "wren", 5.2, 8.4),
    ]
    figure = Figure(figsize=(8, 2.4), layout="compressed")
    axes = figure.add_subplot()
    starts = window_starts(10.0, clip_seconds=1.0, hop_seconds=1.0)
    draw_windows(axes, events, starts, 1.0, top=0.8)
    for event in events:
        across = (event.start_seconds, event.duration_seconds)
        draw_box(axes, across, (1.1, 0.5), EVENT_COLOUR)
        write_overlaps(axes, event, starts)
    axes.set(xlim=(0, 10), ylim=(-0.1, 2.1), xlabel="seconds", xticks=range(11))
    rows = ["windows of 1 s", "wren calls", "seconds inside"]
    axes.set_yticks([0.4, 1.35, 1.8], rows)
    strip(axes)
    return figure


def write_overlaps(axes: "Axes", event: Event, starts: np.ndarray) -> None:
    """Write above an event how much of it each window of 1 s holds."""
    needed = HALF_OF_EVENT.needed_seconds(event.duration_seconds, window_seconds=1.0)
    for start in starts:
        low = max(event.start_seconds, start)
        overlap = min(event.end_seconds, start + 1.0) - low
        if overlap > 0:
            weight = "bold" if overlap >= needed else "normal"
            middle = low + overlap / 2
            axes.text(middle, 1.7, f"{overlap:.1f}", ha="center", weight=weight)


def draw_edge() -> "Figure":
    """Draw boxes over time and frequency, two of them across windows' edges."""
    from matplotlib.figure import Figure

    boxes = [
        Event(Path("a.wav"), "wren", 2.2, 3.4, 3_000, 7_000),
        Event(Path("a.wav"), "robin", 4.0, 5.2, 2_000, 5_000),
        Event(Path("a.wav"), "wren", 6.9, 8.0, 3_500, 8_000),
    ]
    figure = Figure(figsize=(8, 4.2), layout="compressed")
    ratios = {"height_ratios": (2.0, 1.4)}
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw=ratios)
    for box in boxes:
        colour = EVENT_COLOUR if box.label == "wren" else "0.5"
        low, high = (box.low_hz or 0) / 1_000, (box.high_hz or 0) / 1_000
        across = (box.start_seconds, box.duration_seconds)
        upper.broken_barh(
            [across], (low, high - low), facecolor="none", edgecolor=colour, linewidth=2
        )
        upper.text(box.start_seconds + 0.05, high + 0.2, box.label, color=colour)
    for edge in (3, 6):
        upper.axvline(edge, color="0.3", linestyle="--", linewidth=1)
    upper.set(ylim=(0, 9), ylabel="kHz")
    wide = window_starts(9.0, clip_seconds=3.0, hop_seconds=3.0)
    draw_windows(lower, boxes, wide, 3.0, top=2.9)
    dense = window_starts(9.0, clip_seconds=3.0, hop_seconds=1.5)
    draw_windows(lower, boxes, dense[::2], 3.0, top=1.7)
    draw_windows(lower, boxes, dense[1::2], 3.0, top=0.8)
    lower.set(xlim=(0, 9), ylim=(-0.1, 3.0), xlabel="seconds", xticks=range(10))
    lower.set_yticks([2.5, 0.85], ["wren,\nhop 3 s", "wren,\nhop 1.5 s"])
    strip(upper)
    strip(lower)
    return figure


def strip(axes: "Axes") -> None:
    """Take away what says nothing."""
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def main() -> None:
    """Write both pictures, byte for byte the same each time."""
    import matplotlib

    with matplotlib.rc_context(
        {"svg.hashsalt": "sonotype", "svg.fonttype": "none", "font.size": 9}
    ):
        for name, draw in (("overlap-rule", draw_rule), ("box-across-edge", draw_edge)):
            draw().savefig(FOLDER / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
