"""From scores to events while they come, by the rules of `event_detection`."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sonotype.errors import SettingError
from sonotype.events import Event
from sonotype.inference.event_detection import EventRule
from sonotype.inference.scan import WindowScores
from sonotype.inference.score_file import ScanInfo

if TYPE_CHECKING:
    from sonotype.inference.classifier import Classifier

# Far below a sample, far above what adding times costs.
_ROUNDING_SECONDS = 1e-7


@dataclass
class _Span:
    start_seconds: float
    end_seconds: float
    score: float


class _Rows:
    """Bounds and scores of the labels that are wanted."""

    def __init__(self, info: ScanInfo, rule: EventRule) -> None:
        bounds = rule.bounds(info)
        self.labels = tuple(bounds)
        self.on = np.array([on for on, _ in bounds.values()])
        self.off = np.array([off for _, off in bounds.values()])
        self._columns = [info.labels.index(name) for name in bounds]
        self._smooth_by = rule.smooth_by
        # As `detect_events` does it: over a whole, odd number of windows.
        self.n_beside = int(rule.smooth_seconds / 2 / info.hop_seconds + 5e-4)

    def of(self, windows: WindowScores) -> Iterator[tuple[float, float, np.ndarray]]:
        """Yield start, end and scores of each window, rounded as a file rounds them."""
        rounded = windows.scores[:, self._columns].astype(np.float16).astype(float)
        starts, ends = windows.start_seconds.tolist(), windows.end_seconds.tolist()
        return zip(starts, ends, rounded, strict=True)

    def smooth(self, rows: list[np.ndarray]) -> np.ndarray:
        """Return one row for several that follow each other."""
        if len(rows) == 1:
            return rows[0]
        table = np.stack(rows)  # (n_windows, n_labels)
        smoothed: np.ndarray
        if self._smooth_by == "median":
            smoothed = np.median(table, axis=0)
        else:
            smoothed = table.sum(axis=0) / len(rows)
        return smoothed


class OnlineDetector:
    """Finds in scores that come window by window the events of `detect_events`.

    They are the same to the last bit, each given out once it cannot change any more:
    when the windows that smoothing looks ahead to, and those in which a gap may still
    be closed, have come. So they are in the order in which they are over, not in that
    in which they begin.

    Where sound was lost, an event ends with the last window before, and smoothing
    begins anew; only the gap that the rule closes may reach across.

    Args:
        info: What the scores are of.
        rule: How they become events; `None` is `EventRule()`.

    Raises:
        SettingError: If the rule names an unknown label.
    """

    def __init__(self, info: ScanInfo, rule: EventRule | None = None) -> None:
        self._rule = EventRule() if rule is None else rule
        self._info = info
        self._rows = _Rows(info, self._rule)
        n_beside = self._rows.n_beside
        # The smoothed score of the window in the middle is that of all these.
        self._recent: deque[np.ndarray] = deque(maxlen=2 * n_beside + 1)
        # Times of windows not yet decided on, and of the one before them.
        self._times: deque[tuple[float, float]] = deque()
        self._before: tuple[float, float] | None = None
        self._last_end = 0.0
        self._open: dict[int, _Span] = {}
        self._waiting: dict[int, _Span] = {}

    def push(self, windows: WindowScores) -> list[Event]:
        """Return the events that these windows make certain.

        Args:
            windows: The next ones, as `Classifier.stream` yields them.
        """
        found: list[Event] = []
        for start, end, row in self._rows.of(windows):
            if self._recent and start > self._last_end:
                found += self._end_run()
            self._recent.append(row)
            self._times.append((start, end))
            self._last_end = end
            if len(self._times) > self._rows.n_beside:
                found += self._decide(list(self._recent))
        return found

    def finish(self) -> list[Event]:
        """Return the events that are left once there are no more windows."""
        found = self._end_run() if self._recent else []
        for place in sorted(self._waiting):
            found += self._release(place)
        return found

    def _end_run(self) -> list[Event]:
        """Decide on the windows that are left, and end what is open."""
        found = []
        rows = list(self._recent)
        n_beside = self._rows.n_beside
        while self._times:
            # The window that is decided on, and those beside it.
            found += self._decide(rows[-len(self._times) - n_beside :])
        for place in sorted(self._open):
            found += self._close(place, self._last_end)
        self._recent.clear()
        self._before = None
        return found

    def _decide(self, rows: list[np.ndarray]) -> list[Event]:
        """Decide on the oldest window that is waiting."""
        row = self._rows.smooth(rows)
        time = self._times.popleft()
        start, end_before = self._bounds(time)
        self._before = time
        is_off_reached = row >= self._rows.off
        places = {*np.flatnonzero(is_off_reached).tolist(), *self._open, *self._waiting}
        found = []
        for place in sorted(places):
            score = float(row[place])
            if not is_off_reached[place]:
                if place in self._open:
                    found += self._close(place, end_before)
            elif place in self._open:
                self._open[place].score = max(self._open[place].score, score)
            else:
                self._open[place] = _Span(start, start, score)
            found += self._release(place, self._earliest(place, start))
        return found

    def _bounds(self, time: tuple[float, float]) -> tuple[float, float]:
        """Return where a window's own time begins, and where that before it ends."""
        if self._before is None:
            return time[0], time[0]
        if self._rule.extent == "window":
            return time[0], self._before[1]
        between = (sum(time) / 2 + sum(self._before) / 2) / 2
        return between, between

    def _earliest(self, place: int, start: float) -> float:
        """Return when an event that is to come can begin at the earliest."""
        if place in self._open:
            return self._open[place].start_seconds
        # Not with this window; the next one may be the last, which comes early.
        is_centre = self._rule.extent == "centre"
        return start + (self._info.hop_seconds / 2 if is_centre else 0)

    def _close(self, place: int, end: float) -> list[Event]:
        """End a run; return the event before it if the two are apart."""
        run = self._open.pop(place)
        if run.score < self._rows.on[place]:
            return []
        run.end_seconds = end
        found = self._release(place, run.start_seconds)
        before = self._waiting.pop(place, None)
        if before is not None:
            run.start_seconds = before.start_seconds
            run.end_seconds = max(run.end_seconds, before.end_seconds)
            run.score = max(run.score, before.score)
        self._waiting[place] = run
        return found

    def _release(self, place: int, next_start: float = float("inf")) -> list[Event]:
        """Return a waiting event that none can be merged with any more."""
        span = self._waiting.get(place)
        if span is None:
            return []
        if next_start <= span.end_seconds + self._rule.gap_seconds + _ROUNDING_SECONDS:
            return []
        del self._waiting[place]
        duration = span.end_seconds - span.start_seconds
        if duration < self._rule.min_seconds - _ROUNDING_SECONDS:
            return []
        event = Event(
            recording=Path(self._info.recording),
            label=self._rows.labels[place],
            start_seconds=span.start_seconds,
            end_seconds=span.end_seconds,
            score=span.score,
            group=self._info.site,
        )
        return [event]


@dataclass(frozen=True)
class Onset:
    """The window in which a label was first heard.

    Args:
        label: What was heard.
        start_seconds: Where the window begins.
        end_seconds: Where it ends: as much as had been heard then.
        score: The smoothed score.
    """

    label: str
    start_seconds: float
    end_seconds: float
    score: float


class OnsetDetector:
    """Tells that a label is heard as soon as it is, as keyword spotting does.

    A label is told when its smoothed score reaches the threshold of its rule, and then
    not again before the score has been below `off` and the refractory time is over.

    Unlike events, which look ahead, scores are smoothed over the windows before: as
    many as an event's are, so half of the smoothing time later. There is no closing of
    gaps, for that is what the refractory time does, and no shortest length.

    Args:
        info: What the scores are of.
        rule: Thresholds, smoothing and labels; `None` is `EventRule()`.
        refractory_seconds: Least time from the end of one window that is told to that
            of the next with the same label.

    Raises:
        SettingError: If the rule names an unknown label, closes gaps or asks for a
            length, or the time is negative.
    """

    def __init__(
        self,
        info: ScanInfo,
        rule: EventRule | None = None,
        *,
        refractory_seconds: float = 1.0,
    ) -> None:
        rule = EventRule() if rule is None else rule
        if not 0 <= refractory_seconds < float("inf"):
            raise SettingError(
                f"refractory_seconds must be 0 or more, not {refractory_seconds}"
            )
        if rule.gap_seconds or rule.min_seconds:
            raise SettingError(
                "an onset is told before its length is known, so gap_seconds and "
                "min_seconds do not go with it; use the refractory time, or events"
            )
        self._rows = _Rows(info, rule)
        self._refractory_seconds = refractory_seconds
        self._recent: deque[np.ndarray] = deque(maxlen=2 * self._rows.n_beside + 1)
        self._last_end = 0.0
        self._is_armed = np.ones(len(self._rows.labels), bool)
        self._told_seconds = np.full(len(self._rows.labels), -np.inf)

    def push(self, windows: WindowScores) -> list[Onset]:
        """Return what is first heard in these windows.

        Args:
            windows: The next ones, as `Classifier.stream` yields them.
        """
        found = []
        for start, end, row in self._rows.of(windows):
            if start > self._last_end:  # sound was lost
                self._recent.clear()
            self._recent.append(row)
            self._last_end = end
            smooth = self._rows.smooth(list(self._recent))
            is_over = end - self._told_seconds >= (
                self._refractory_seconds - _ROUNDING_SECONDS
            )
            is_told = self._is_armed & is_over & (smooth >= self._rows.on)
            self._told_seconds[is_told] = end
            self._is_armed = (self._is_armed & ~is_told) | (smooth < self._rows.off)
            found += [
                Onset(self._rows.labels[place], start, end, float(smooth[place]))
                for place in np.flatnonzero(is_told).tolist()
            ]
        return found


def live_info(
    classifier: "Classifier", name: str, *, hop_seconds: float | None = None
) -> ScanInfo:
    """Return what the scores of sound that is no file will be of.

    Args:
        classifier: What will score it.
        name: What to call it; events have it as their recording.
        hop_seconds: As of `Classifier.stream`.

    Raises:
        SettingError: If the hop is longer than a window.
    """
    return ScanInfo.of(
        classifier, name, hop_seconds=hop_seconds, n_bytes=0, modified_ns=0
    )
