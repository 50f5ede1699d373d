"""Which of the events that were found are those that somebody has annotated."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sonotype.errors import SettingError
from sonotype.events import Events

# Far below a sample, far above what adding times costs.
_ROUNDING_SECONDS = 1e-7


@dataclass(frozen=True)
class Collar:
    """How far times may lie apart for two events to be the same.

    Args:
        seconds: Most time between the two beginnings.
        end_share: The ends may lie apart by this share of the annotated event's
            length, or by `seconds` if that is more; `None` does not compare ends.

    Raises:
        SettingError: If a value is out of range.

    References:
        Mesaros, Heittola and Virtanen, Metrics for Polyphonic Sound Event Detection
        (2016), and its software sed_eval.

    Example:
        >>> str(Collar()), str(Collar(0.5, end_share=None))
        ('beginning within 0.2 s, end within 0.2 s or 20 %', 'beginning within 0.5 s')
    """

    seconds: float = 0.2
    end_share: float | None = 0.2

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 <= self.seconds < float("inf"):
            raise SettingError(f"the collar must be 0 s or more, not {self.seconds}")
        if self.end_share is not None and not 0 <= self.end_share < float("inf"):
            raise SettingError(f"end_share must be 0 or more, not {self.end_share}")

    def agree(self, event: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return which of other times, `(n, 2)`, agree with those of an event."""
        apart = np.abs(others - event)
        is_near: np.ndarray = apart[:, 0] <= self.seconds + _ROUNDING_SECONDS
        if self.end_share is None:
            return is_near
        most = max(self.seconds, self.end_share * (event[1] - event[0]))
        is_near &= apart[:, 1] <= most + _ROUNDING_SECONDS
        return is_near

    def __str__(self) -> str:
        beginning = f"beginning within {self.seconds:g} s"
        if self.end_share is None:
            return beginning
        return (
            f"{beginning}, end within {self.seconds:g} s or {100 * self.end_share:g} %"
        )


@dataclass(frozen=True)
class Overlap:
    """How much of their time two events must share to be the same.

    Args:
        least: Time they share, as a share of the time that either takes up, above 0
            and up to 1.

    Raises:
        SettingError: If the share is out of range.

    References:
        Morfi et al., Few-shot Bioacoustic Event Detection (2021), which takes 0.3:
        where a call begins is often a matter of opinion, that there is one is not.

    Example:
        >>> str(Overlap())
        'sharing 30 % of their time'
    """

    least: float = 0.3

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 < self.least <= 1:
            raise SettingError(
                f"the overlap is a share above 0 and up to 1, not {self.least:g}"
            )

    def agree(self, event: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return which of other times, `(n, 2)`, agree with those of an event."""
        shared = np.minimum(others[:, 1], event[1]) - np.maximum(others[:, 0], event[0])
        either = (others[:, 1] - others[:, 0]) + (event[1] - event[0]) - shared
        is_near: np.ndarray = shared + _ROUNDING_SECONDS >= self.least * either
        # Two points share no time, and neither takes up any.
        is_near &= shared > 0
        return is_near

    def __str__(self) -> str:
        return f"sharing {100 * self.least:g} % of their time"


Agreement = Collar | Overlap


def match_events(
    annotated: Events, found: Events, *, agreement: Agreement | None = None
) -> np.ndarray:
    """Pair as many found events with annotated ones as can be, one to one.

    Two are a pair if they are of one recording and one label, and their times agree
    as asked for. There may be several ways to pair as many; which is taken does
    not matter to a count.

    Args:
        annotated: What is there; `is_present` is not looked at.
        found: What was found.
        agreement: When times agree; default: a collar of 0.2 s, and 20 % for ends.

    Returns:
        Positions of the pairs in the two tables, int64 `(n_pairs, 2)`, in the order of
        the first.

    Example:
        >>> from pathlib import Path
        >>> from sonotype.events import Event
        >>> def calls(*starts):
        ...     return Events.of(Event(Path("a.wav"), "wren", s, s + 1) for s in starts)
        >>> match_events(calls(1.0, 5.0), calls(0.9, 1.1, 5.1)).tolist()
        [[0, 0], [1, 2]]
    """
    agreement = Collar() if agreement is None else agreement
    theirs = _by_kind(found)
    pairs = []
    for kind, rows in _by_kind(annotated).items():
        others = theirs.get(kind)
        if others is None:
            continue
        near = _near(_times(annotated)[rows], _times(found)[others], agreement)
        matched = maximum_matching(near, len(others))
        is_hit = matched >= 0
        pairs.append(np.column_stack([rows[is_hit], others[matched[is_hit]]]))
    joined = np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)
    return joined[np.argsort(joined[:, 0], kind="stable")]


def maximum_matching(choices: Sequence[Sequence[int]], n_others: int) -> np.ndarray:
    """Give as many as possible one of their choices, none of which is given twice.

    Args:
        choices: What each could have, numbers below `n_others`.
        n_others: How many things there are to have.

    Returns:
        What each has, int64 `(len(choices),)`; -1 is nothing.

    References:
        Berge, Two Theorems in Graph Theory (1957): as long as more could be matched,
        there is a path that changes hands all along and ends at something free.

    Example:
        >>> maximum_matching([[0, 1], [0]], 2).tolist()
        [1, 0]
    """
    given = np.full(len(choices), -1, np.int64)
    holder = np.full(n_others, -1, np.int64)
    for root in range(len(choices)):
        free, reached_from = _free_one(root, choices, holder)
        while free >= 0:
            taker = reached_from[free]
            holder[free] = taker
            given[taker], free = free, int(given[taker])
    return given


def _free_one(
    root: int, choices: Sequence[Sequence[int]], holder: np.ndarray
) -> tuple[int, dict[int, int]]:
    """Return something free that `root` can get, -1 if nothing, and from whom."""
    reached_from: dict[int, int] = {}
    # It grows while it is gone through.
    askers = [root]
    for asker in askers:
        for choice in choices[asker]:
            if choice in reached_from:
                continue
            reached_from[choice] = asker
            if holder[choice] < 0:
                return choice, reached_from
            askers.append(int(holder[choice]))
    return -1, reached_from


def _near(
    annotated: np.ndarray, found: np.ndarray, agreement: Agreement
) -> list[list[int]]:
    """Return which of the found times agree with each of the annotated ones."""
    order = np.argsort(found[:, 0], kind="stable")
    ordered = found[order]
    # None begins so late or ends so early as to have nothing to do with the event; of
    # those before, the ends are in no order, but their highest so far is.
    latest = np.maximum.accumulate(ordered[:, 1])
    reach = _ROUNDING_SECONDS
    if isinstance(agreement, Collar):
        reach += agreement.seconds
    first = np.searchsorted(latest, annotated[:, 0] - reach, side="left")
    after = np.searchsorted(ordered[:, 0], annotated[:, 1] + reach, side="right")
    return [
        order[low:high][agreement.agree(event, ordered[low:high])].tolist()
        for event, low, high in zip(annotated, first, after, strict=True)
    ]


def _times(events: Events) -> np.ndarray:
    return events.frame.select("start_seconds", "end_seconds").to_numpy()


def _by_kind(events: Events) -> dict[tuple[object, ...], np.ndarray]:
    """Return the positions of the events of each recording and label."""
    kinds = events.frame.select("recording", "label").with_row_index("row")
    parts = kinds.partition_by("recording", "label", as_dict=True, maintain_order=True)
    return {
        kind: part["row"].to_numpy().astype(np.int64) for kind, part in parts.items()
    }
