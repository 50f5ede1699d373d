"""When a window carries the label of an event that lies partly in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from sonotype.errors import SettingError, unknown_name
from sonotype.events import Event

# Shorter than a sample at any rate: only the rounding of sums of times.
TOLERANCE_SECONDS = 1e-9


@dataclass(frozen=True, kw_only=True)
class OverlapRule:
    """How much of an event must lie in a window for the window to carry its label.

    Exactly one of the three is given. Each event counts by itself: two halves of
    different calls do not make a call.

    Args:
        min_seconds: At least so many seconds. A shorter event never counts.
        min_event_fraction: At least this part of the event, or of the window if the
            event is longer than the window.
        min_window_fraction: At least this part of the window.

    Raises:
        SettingError: If not exactly one is given, or it is out of range.

    Example:
        >>> OverlapRule(min_event_fraction=0.5).needed_seconds(2.0, window_seconds=3.0)
        1.0
        >>> OverlapRule(min_event_fraction=0.5).needed_seconds(9.0, window_seconds=3.0)
        1.5
    """

    min_seconds: float | None = None
    min_event_fraction: float | None = None
    min_window_fraction: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        if len(given) != 1:
            raise SettingError(
                "an overlap rule needs exactly one of min_seconds, min_event_fraction "
                f"and min_window_fraction, but has {', '.join(given) or 'none'}"
            )
        ((name, value),) = given.items()
        highest = math.inf if name == "min_seconds" else 1.0
        if not 0 <= value <= highest or not math.isfinite(value):
            upto = "" if math.isinf(highest) else " and at most 1"
            raise SettingError(f"{name} must be at least 0{upto}, but it is {value}")

    @classmethod
    def named(cls, values: Mapping[str, float]) -> "OverlapRule":
        """Return the rule that a table of settings names.

        Raises:
            SettingError: If a name or a value is not one of a rule.

        Example:
            >>> OverlapRule.named({"min_seconds": 0.25}).min_seconds
            0.25
        """
        known = [field.name for field in fields(cls)]
        for name, value in values.items():
            if name not in known:
                raise unknown_name("overlap rule", name, known)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise SettingError(f"{name} must be a number, but it is {value!r}")
        return cls(**values)

    def needed_seconds(self, event_seconds: float, *, window_seconds: float) -> float:
        """Return how much of an event must lie in a window.

        Args:
            event_seconds: Length of the event.
            window_seconds: Length of the window.
        """
        if self.min_seconds is not None:
            return self.min_seconds
        if self.min_window_fraction is not None:
            return self.min_window_fraction * window_seconds
        fraction = self.min_event_fraction or 0.0
        return fraction * min(event_seconds, window_seconds)


# With windows side by side no event is lost: one of two neighbours has half of it.
HALF_OF_EVENT = OverlapRule(min_event_fraction=0.5)


@dataclass(frozen=True)
class WindowMarks:
    """What the events of a recording say about one window.

    Args:
        present: Labels the window carries.
        denied: Labels that somebody has looked for there and not found.
        partial: Labels of which it holds some, but too little to carry them.
    """

    present: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    partial: set[str] = field(default_factory=set)

    def absent(self, labels: Sequence[str], *, complete: bool) -> tuple[str, ...]:
        """Return the labels that are known not to be in the window.

        Args:
            labels: All labels.
            complete: Whether every event has been annotated, so that what nobody has
                marked is not there.
        """
        open_to_doubt = self.present | self.partial
        known = labels if complete else self.denied
        return tuple(
            name for name in labels if name in known and name not in open_to_doubt
        )


@dataclass(frozen=True)
class MarkedWindows:
    """The windows of one recording, marked.

    Args:
        marks: One for each window.
        lost: Events that no window carries.
    """

    marks: list[WindowMarks]
    lost: list[Event]


def mark_windows(
    events: Sequence[Event], starts: np.ndarray, *, seconds: float, rule: OverlapRule
) -> MarkedWindows:
    """Say for each window which labels it carries, and of which it holds too little.

    An event that is a point lies in the windows that start at it or before it, and end
    after it; at the very end of the last window it still lies in that.

    Args:
        events: The events of one recording.
        starts: Where the windows start, ascending, shape `(n_windows,)`.
        seconds: Length of a window.
        rule: How much of an event is enough.

    Returns:
        The marks, which do not depend on the order of the events.

    Example:
        >>> from pathlib import Path
        >>> call = Event(Path("a.wav"), "wren", 0.8, 1.6)
        >>> found = mark_windows(
        ...     [call], np.array([0.0, 1.0]), seconds=1.0, rule=HALF_OF_EVENT
        ... )
        >>> [(marks.present, marks.partial) for marks in found.marks]
        [(set(), {'wren'}), ({'wren'}, set())]
    """
    ends = starts + seconds
    touched: dict[int, WindowMarks] = {}
    lost = []
    for event in events:
        first, last = _touched(event, starts, ends)
        overlaps = np.minimum(ends[first:last], event.end_seconds) - np.maximum(
            starts[first:last], event.start_seconds
        )
        needed = rule.needed_seconds(event.duration_seconds, window_seconds=seconds)
        is_enough = overlaps >= needed - TOLERANCE_SECONDS
        for place, enough in enumerate(is_enough, start=first):
            mark = touched.setdefault(place, WindowMarks())
            if not event.is_present:
                if enough:
                    mark.denied.add(event.label)
            elif enough:
                mark.present.add(event.label)
            else:
                mark.partial.add(event.label)
        if not is_enough.any():
            lost.append(event)
    # Most windows of a long recording hold nothing, and share these marks.
    nothing = WindowMarks()
    marks = [touched.get(place, nothing) for place in range(len(starts))]
    return MarkedWindows(marks, lost)


def _touched(event: Event, starts: np.ndarray, ends: np.ndarray) -> tuple[int, int]:
    """Return the first window that holds some of an event, and the one after the last.

    Both ascend, so that a week of windows is not looked through for every event.
    """
    if event.duration_seconds > TOLERANCE_SECONDS:
        first = np.searchsorted(ends, event.start_seconds + TOLERANCE_SECONDS, "right")
        last = np.searchsorted(starts, event.end_seconds - TOLERANCE_SECONDS, "left")
        return int(first), max(int(first), int(last))
    first = np.searchsorted(ends, event.start_seconds, "right")
    last = np.searchsorted(starts, event.end_seconds, "right")
    if first == len(ends) and first and event.start_seconds <= ends[-1]:
        first = first - 1
    return int(first), max(int(first), int(last))
