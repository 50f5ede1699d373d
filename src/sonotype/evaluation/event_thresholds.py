"""From which score an event begins: what finds the events that are annotated."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonotype.evaluation.event_matching import Agreement
from sonotype.evaluation.event_report import event_report
from sonotype.events import Events

# To the hundredth: recordings that one can annotate tell thresholds no better.
CANDIDATES = tuple(round(0.01 * hundredth, 2) for hundredth in range(1, 100))


@dataclass(frozen=True)
class EventThreshold:
    """The threshold that suits a label best.

    Args:
        label: The label.
        threshold: The score that begins an event.
        f1: The event F1 that it gives on the recordings it was chosen on.
        n_annotated: Number of events it was chosen by.
    """

    label: str
    threshold: float
    f1: float
    n_annotated: int


def best_event_thresholds(
    find: Callable[[float], Events],
    annotated: Events,
    labels: Sequence[str],
    *,
    agreement: Agreement | None = None,
    recordings: Iterable[Path] | None = None,
    candidates: Sequence[float] = CANDIDATES,
) -> tuple[EventThreshold, ...]:
    """Choose each label's threshold: the one of highest event F1.

    Of neighbours that are equally good, the middle one: it is least likely to be at the
    edge of what works. Choose on recordings that the model was not fitted to and that
    it is not tested on: chosen on the test, F1 is the highest of many and too high.

    Args:
        find: Returns the events of all labels that a threshold gives.
        annotated: What is there.
        labels: The labels. Those without an annotated event are left out.
        agreement: What makes two events a pair, as of `event_report`.
        recordings: Those to compare, as of `event_report`.
        candidates: What to try, in order.

    Returns:
        One entry for each label that is annotated.

    Example:
        >>> from sonotype.events import Event
        >>> def calls(*starts):
        ...     return Events.of(Event(Path("a.wav"), "wren", s, s + 1) for s in starts)
        >>> def find(threshold):
        ...     return calls(1.0, 5.0, 9.0) if threshold < 0.4 else calls(1.0)
        >>> (best,) = best_event_thresholds(find, calls(1.0, 5.0), ["wren"])
        >>> best.threshold, round(best.f1, 3)
        (0.2, 0.8)
    """
    places = None if recordings is None else list(recordings)
    reports = [
        event_report(
            annotated,
            find(value),
            agreement=agreement,
            recordings=places,
            labels=labels,
        )
        for value in candidates
    ]
    chosen = []
    for place, label in enumerate(labels):
        scores = [report.classes[place] for report in reports]
        if scores[0].n_annotated:
            best = _middle_of_best(np.array([score.f1 for score in scores]))
            score = scores[best]
            chosen.append(
                EventThreshold(label, candidates[best], score.f1, score.n_annotated)
            )
    return tuple(chosen)


def _middle_of_best(values: np.ndarray) -> int:
    """Return the middle of the longest run of the highest value."""
    edges = np.diff((values == values.max()).astype(np.int8), prepend=0, append=0)
    first, after = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    longest = int(np.argmax(after - first))
    return int(first[longest] + after[longest] - 1) // 2
