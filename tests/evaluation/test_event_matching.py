"""Pairs of found and annotated events, against every way there is to pair them."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonotype.errors import SettingError
from sonotype.evaluation.event_matching import (
    Agreement,
    Collar,
    Overlap,
    match_events,
    maximum_matching,
)
from sonotype.events import Event, Events

Times = tuple[float, float]
TENTHS = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(
    lambda pair: (min(pair) / 10, max(pair) / 10)
)
FEW = st.lists(TENTHS, max_size=4)


def events(*times: Times, label: str = "wren", recording: str = "a.wav") -> Events:
    return Events.of(Event(Path(recording), label, *pair) for pair in times)


def most_pairs(n_events: int, n_others: int, agrees: set[tuple[int, int]]) -> int:
    """Return the most pairs of any assignment, by trying all of them."""
    # Those beyond the others stand for having none.
    return max(
        sum((place, other) in agrees for place, other in enumerate(order[:n_events]))
        for order in permutations(range(n_events + n_others), n_events)
    )


def agrees_by_hand(annotated: Times, found: Times, agreement: Agreement) -> bool:
    start, end = annotated
    if isinstance(agreement, Overlap):
        shared = min(end, found[1]) - max(start, found[0])
        union = max(end, found[1]) - min(start, found[0])
        return shared > 0 and shared / union > agreement.least - 1e-6
    if abs(found[0] - start) > agreement.seconds + 1e-6:
        return False
    if agreement.end_share is None:
        return True
    most = max(agreement.seconds, agreement.end_share * (end - start))
    return abs(found[1] - end) <= most + 1e-6


@pytest.mark.parametrize(
    "agreement", [Collar(), Collar(0.5, end_share=None), Collar(0.1, 0.5), Overlap()]
)
@settings(max_examples=50, deadline=None)
@given(annotated=FEW, found=FEW)
def test_as_many_pairs_as_there_can_be(
    agreement: Agreement, annotated: list[Times], found: list[Times]
) -> None:
    pairs = match_events(events(*annotated), events(*found), agreement=agreement)
    agrees = {
        (place, other)
        for place, mine in enumerate(annotated)
        for other, theirs in enumerate(found)
        if agrees_by_hand(mine, theirs, agreement)
    }
    assert {tuple(pair) for pair in pairs.tolist()} <= agrees
    assert len(pairs) == most_pairs(len(annotated), len(found), agrees)
    for column in pairs.T:
        assert len(set(column.tolist())) == len(pairs)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 4), max_size=5, unique=True), max_size=5),
)
def test_matching_against_every_assignment(choices: list[list[int]]) -> None:
    given_one = maximum_matching(choices, 5)
    taken = [number for number in given_one.tolist() if number >= 0]
    assert len(set(taken)) == len(taken)
    assert all(n < 0 or n in c for n, c in zip(given_one, choices, strict=True))
    agrees = {(place, n) for place, row in enumerate(choices) for n in row}
    assert len(taken) == most_pairs(len(choices), 5, agrees)


def test_a_long_chain_of_changing_hands() -> None:
    # Each takes the first that is free, so the last one sets all others in motion.
    n = 3_000
    choices = [[place, place + 1] for place in range(n - 1)] + [[0]]
    assert sorted(maximum_matching(choices, n).tolist()) == list(range(n))


def test_greedy_pairing_would_lose_one() -> None:
    annotated, found = events((1.0, 2.0), (1.3, 2.0)), events((1.15, 2.0), (0.85, 2.0))
    assert match_events(annotated, found).tolist() == [[0, 1], [1, 0]]


def test_only_the_same_label_and_recording() -> None:
    annotated = events((1.0, 2.0))
    assert len(match_events(annotated, events((1.0, 2.0)))) == 1
    assert len(match_events(annotated, events((1.0, 2.0), label="owl"))) == 0
    assert len(match_events(annotated, events((1.0, 2.0), recording="b"))) == 0
    assert match_events(events(), annotated).shape == (0, 2)


@pytest.mark.parametrize(
    ("found", "collar", "is_hit"),
    [
        ((1.2, 11.0), Collar(0.2), True),
        ((1.201, 11.0), Collar(0.2), False),
        ((1.0, 13.0), Collar(0.2), True),  # 20 % of 10 s
        ((1.0, 13.01), Collar(0.2), False),
        ((1.0, 13.01), Collar(0.2, end_share=None), True),
        ((1.0, 14.0), Collar(3.0), True),
        ((1.0, 14.01), Collar(3.0), False),
        ((4.0, 14.0), Collar(3.0), True),
    ],
)
def test_how_far_times_may_lie_apart(
    found: Times, collar: Collar, is_hit: bool
) -> None:
    n_pairs = len(match_events(events((1.0, 11.0)), events(found), agreement=collar))
    assert n_pairs == is_hit


@pytest.mark.parametrize(
    ("least", "is_hit"), [(0.5, True), (0.51, False), (1.0, False)]
)
def test_shared_time(least: float, is_hit: bool) -> None:
    # 2 s of 4 s.
    mine, theirs = events((1.0, 4.0)), events((2.0, 5.0))
    assert len(match_events(mine, theirs, agreement=Overlap(least))) == is_hit


def test_what_cannot_be_meant() -> None:
    with pytest.raises(SettingError, match="the collar must be 0 s or more, not -1"):
        Collar(-1)
    with pytest.raises(SettingError, match="end_share must be 0 or more, not nan"):
        Collar(1, end_share=float("nan"))
    for value in (0.0, 1.1, float("nan")):
        with pytest.raises(SettingError, match="a share above 0 and up to 1, not"):
            Overlap(value)


def test_a_night_of_events_takes_no_time() -> None:
    rng = np.random.default_rng(0)
    starts = np.sort(rng.uniform(0, 36_000, 5_000)).tolist()
    annotated = events(*((start, start + 1) for start in starts))
    found = events(*((start + 0.1, start + 1.1) for start in starts))
    assert len(match_events(annotated, found)) == 5_000
