"""From scores to events: the rules, and what holds whatever the scores."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inference.made_scores import one_label, recording_scores, windows

from sonotype.errors import SettingError
from sonotype.events import Event, Events
from sonotype.inference.event_detection import (
    EventRule,
    RecordingEvents,
    detect_events,
    merge_events,
)
from sonotype.inference.score_file import RecordingScores


def spans(events: Events) -> list[tuple[float, float]]:
    return [(event.start_seconds, event.end_seconds) for event in events]


def found(scores: Any, **rule: Any) -> list[tuple[float, float]]:
    """Return the events in one label's scores of 1 s windows, 0.5 s apart."""
    return spans(detect_events(one_label(scores), EventRule(**rule)))


def test_a_window_stands_for_the_time_round_its_centre() -> None:
    # Centres at 0.5, 1.0, 1.5, 2.0 s; the recording lasts 2.5 s.
    assert found([0, 0, 1, 0]) == [(1.25, 1.75)]
    assert found([0, 1, 1, 0]) == [(0.75, 1.75)]


def test_the_first_and_the_last_window_reach_the_ends() -> None:
    assert found([1, 0, 0, 0]) == [(0.0, 0.75)]
    assert found([0, 0, 0, 1]) == [(1.75, 2.5)]
    assert found([1, 1, 1, 1]) == [(0.0, 2.5)]
    assert found([1]) == [(0.0, 1.0)]


def test_without_overlap_that_is_the_window() -> None:
    events = detect_events(one_label([0, 1, 0, 1], hop=1.0))
    assert spans(events) == [(1.0, 2.0), (3.0, 4.0)]


def test_the_last_window_may_come_early() -> None:
    # It starts at 1.25 s, so the recording ends at 2.25 s; its centre is at 1.75 s.
    scores = one_label([0, 0, 0, 1], extra=0.25)
    assert spans(detect_events(scores)) == [(1.625, 2.25)]


def test_an_event_may_be_all_that_its_windows_have_heard() -> None:
    assert found([0, 1, 1, 0, 0], extent="window") == [(0.5, 2.0)]
    # Two runs whose windows overlap are one event then.
    assert found([0, 1, 0, 1, 0], extent="window") == [(0.5, 2.5)]
    assert len(found([0, 1, 0, 1, 0])) == 2


def test_the_threshold_is_reached_by_an_equal_score() -> None:
    assert found([0, 0.5, 0], threshold=0.5)
    assert not found([0, 0.5, 0], threshold=0.501)


def test_an_event_lasts_down_to_the_lower_threshold() -> None:
    scores = [0, 0.3, 0.8, 0.3, 0.6, 0.1, 0.3, 0]
    assert found(scores, threshold=0.7) == [(1.25, 1.75)]
    assert found(scores, threshold=0.7, off=0.25) == [(0.75, 2.75)]
    # The last 0.3 reaches the lower threshold only: no event.
    assert len(found(scores, threshold=0.5, off=0.25)) == 1


def test_gaps_are_closed_and_short_events_left_out_afterwards() -> None:
    scores = [0, 1, 0, 1, 0, 0, 0, 1, 0]
    apart = [(0.75, 1.25), (1.75, 2.25), (3.75, 4.25)]
    assert found(scores) == apart
    assert found(scores, gap_seconds=0.49) == apart
    assert found(scores, gap_seconds=0.5) == [(0.75, 2.25), (3.75, 4.25)]
    assert found(scores, gap_seconds=0.5, min_seconds=0.6) == [(0.75, 2.25)]
    assert found(scores, min_seconds=0.5) == apart
    assert found(scores, min_seconds=0.51) == []


def test_the_score_is_the_highest_in_it() -> None:
    scores = one_label([0, 0.5, 0.75, 0.5, 0, 0.625])
    events = detect_events(scores, EventRule(threshold=0.5))
    assert [event.score for event in events] == [0.75, 0.625]


@pytest.mark.parametrize(
    ("how", "expected"), [("mean", [2 / 3, 2 / 3]), ("median", [1.0, 1.0])]
)
def test_smoothing_is_over_windows_beside(how: Any, expected: list[float]) -> None:
    scores = one_label([0, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0])
    rule = EventRule(threshold=0.6, smooth_seconds=1.0, smooth_by=how)
    # Of each three: only 1 0 1 1 keeps two, at 6, 7, 8.
    events = detect_events(scores, rule)
    assert spans(events) == [(3.25, 4.75)]
    assert events[0].score == pytest.approx(expected[0])


def test_at_the_ends_fewer_windows_are_smoothed() -> None:
    scores = one_label([1, 0, 0, 0, 0, 0, 1])
    rule = EventRule(threshold=0.5, smooth_seconds=1.0)
    assert [e.score for e in detect_events(scores, rule)] == [0.5, 0.5]


def test_every_label_has_its_thresholds() -> None:
    table = [[0.4, 0.4], [0, 0], [0.8, 0.8], [0.4, 0]]
    scores = recording_scores(table, thresholds={"owl": 0.3, "wren": 0.7})

    def labels(**rule: Any) -> list[str]:
        events = detect_events(scores, EventRule(**rule))
        return sorted(event.label for event in events)

    assert labels() == ["owl", "owl", "wren"]
    assert labels(threshold=0.7) == ["owl", "wren"]
    assert labels(threshold={"owl": 0.9}) == ["wren"]
    assert labels(threshold={"wren": 0.1}, off=0.1) == ["owl", "owl", "wren", "wren"]
    assert labels(labels=["wren"]) == ["wren"]
    assert labels(labels=[]) == []


def test_events_know_their_recording_and_its_site() -> None:
    scores = one_label([1, 0], recording="x/b.wav", site="hill")
    event = RecordingEvents.of(scores).events[0]
    assert (event.recording, event.group) == (Path("x/b.wav"), "hill")
    assert (event.label, event.is_present, event.low_hz) == ("wren", True, None)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"threshold": {"wrem": 0.5}}, "label 'wrem' is unknown"),
        ({"off": {"owls": 0.5}}, "label 'owls' is unknown"),
        ({"labels": ["crow"]}, "label 'crow' is unknown"),
        ({"threshold": 0.3, "off": 0.4}, r"begin at a score of 0\.3, .* to 0\.4"),
    ],
)
def test_rules_that_do_not_fit_the_scores(rule: Any, reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        detect_events(recording_scores([[0.0, 0.0]]), EventRule(**rule))


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"gap_seconds": -1}, "gap_seconds must be 0 or more, not -1"),
        ({"min_seconds": float("nan")}, "min_seconds must be"),
        ({"smooth_seconds": float("inf")}, "smooth_seconds must be"),
        ({"smooth_by": "max"}, "way of smoothing 'max' is unknown"),
        ({"extent": "center"}, "extent 'center' is unknown .*'centre'"),
    ],
)
def test_rules_that_cannot_be_meant(rule: Any, reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        EventRule(**rule)


# Whatever the scores -------------------------------------------------------------

LEVELS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
SECONDS = st.sampled_from([0.0, 0.3, 0.5, 1.0, 2.2])


@st.composite
def score_tables(draw: st.DrawFn) -> RecordingScores:
    n_windows = draw(st.integers(1, 30))
    row = st.lists(LEVELS, min_size=2, max_size=2)
    rows = draw(st.lists(row, min_size=n_windows, max_size=n_windows))
    extra = draw(st.sampled_from([0.0, 0.1, 0.49]))
    return recording_scores(rows, hop=draw(st.sampled_from([0.5, 1.0])), extra=extra)


@st.composite
def rules(draw: st.DrawFn) -> EventRule:
    threshold = draw(st.sampled_from([0.25, 0.5, 0.8]))
    return EventRule(
        threshold=threshold,
        off=draw(st.sampled_from([None, 0.2, threshold])),
        smooth_seconds=draw(SECONDS),
        smooth_by=draw(st.sampled_from(["mean", "median"])),
        gap_seconds=draw(SECONDS),
        min_seconds=draw(SECONDS),
        extent=draw(st.sampled_from(["centre", "window"])),
    )


@given(score_tables(), rules())
def test_times_lie_in_the_recording_and_keep_the_rule(
    scores: RecordingScores, rule: EventRule
) -> None:
    events = detect_events(scores, rule)
    for event in events:
        assert 0 <= event.start_seconds < event.end_seconds <= scores.duration_seconds
        assert event.duration_seconds >= rule.min_seconds - 1e-6
        assert event.score is not None
        assert event.score >= rule.threshold  # type: ignore[operator]
    for label in scores.info.labels:
        own = [event for event in events if event.label == label]
        for one, after in pairwise(own):
            assert after.start_seconds - one.end_seconds > rule.gap_seconds


@given(score_tables(), st.sampled_from(["centre", "window"]))
def test_every_moment_of_a_loud_recording_is_in_the_event(
    scores: RecordingScores, extent: Any
) -> None:
    rule = EventRule(threshold=0.0, extent=extent)
    for label in scores.info.labels:
        own = [e for e in detect_events(scores, rule) if e.label == label]
        assert spans(Events.of(own)) == [(0.0, scores.duration_seconds)]


@given(score_tables(), st.sampled_from([0.25, 0.5, 0.8]))
def test_no_window_above_the_threshold_is_lost(
    scores: RecordingScores, threshold: float
) -> None:
    events = detect_events(scores, EventRule(threshold=threshold))
    centres = (scores.start_seconds + scores.end_seconds) / 2
    for label in scores.info.labels:
        own = spans(Events.of(e for e in events if e.label == label))
        for centre, score in zip(centres, scores.scores[label], strict=True):
            is_in = any(start <= centre <= end for start, end in own)
            assert is_in == (score >= threshold)


@given(score_tables(), rules(), st.lists(st.integers(1, 7), max_size=5))
def test_how_the_windows_came_changes_nothing(
    scores: RecordingScores, rule: EventRule, cuts: list[int]
) -> None:
    table = scores.scores.to_numpy().astype(np.float32)
    whole = windows(table, hop=scores.info.hop_seconds)
    whole.start_seconds[:], whole.end_seconds[:] = (
        scores.start_seconds,
        scores.end_seconds,
    )
    bounds = [0, *(cut for cut in np.cumsum(cuts) if cut < len(table)), len(table)]
    parts = [
        type(whole)(whole.start_seconds[a:b], whole.end_seconds[a:b], whole.scores[a:b])
        for a, b in pairwise(bounds)
    ]
    again = RecordingScores.of(scores.info, parts)
    assert detect_events(again, rule).frame.equals(detect_events(scores, rule).frame)


@given(score_tables(), rules())
def test_labels_do_not_touch_each_other(
    scores: RecordingScores, rule: EventRule
) -> None:
    together = detect_events(scores, rule)
    for label in scores.info.labels:
        alone = RecordingScores(
            scores.info.model_copy(update={"labels": (label,)}),
            scores.start_seconds,
            scores.end_seconds,
            scores.scores.select(label),
        )
        own = [event for event in together if event.label == label]
        assert list(detect_events(alone, rule)) == own


@st.composite
def event_lists(draw: st.DrawFn) -> list[Event]:
    def event() -> Event:
        start = draw(st.integers(0, 40)) / 4
        low = draw(st.sampled_from([None, 100.0, 200.0]))
        return Event(
            recording=Path(draw(st.sampled_from(["a.wav", "b.wav"]))),
            label=draw(st.sampled_from(["owl", "wren"])),
            start_seconds=start,
            end_seconds=start + draw(st.integers(0, 12)) / 4,
            low_hz=low,
            high_hz=None if low is None else low + 50,
            score=draw(st.sampled_from([None, 0.25, 0.5])),
            is_present=draw(st.booleans()),
        )

    return [event() for _ in range(draw(st.integers(0, 12)))]


@given(event_lists(), SECONDS, st.randoms(use_true_random=False))
def test_merging_twice_or_in_another_order_is_merging(
    events: list[Event], gap_seconds: float, random: Any
) -> None:
    merged = merge_events(Events.of(events), gap_seconds=gap_seconds)
    again = merge_events(merged, gap_seconds=gap_seconds)
    assert again.frame.equals(merged.frame)
    random.shuffle(events)
    shuffled = merge_events(Events.of(events), gap_seconds=gap_seconds)
    assert shuffled.frame.equals(merged.frame)


@given(event_lists(), SECONDS)
def test_merging_is_what_merging_pair_by_pair_gives(
    events: list[Event], gap_seconds: float
) -> None:
    merged = merge_events(Events.of(events), gap_seconds=gap_seconds)
    expected: dict[Any, list[list[float]]] = {}
    for event in sorted(events, key=lambda e: (e.start_seconds, e.end_seconds)):
        kind = (event.recording, event.label, event.is_present)
        own = expected.setdefault(kind, [])
        if own and event.start_seconds - own[-1][1] <= gap_seconds + 1e-9:
            own[-1][1] = max(own[-1][1], event.end_seconds)
        else:
            own.append([event.start_seconds, event.end_seconds])
    for kind, own in expected.items():
        found = [e for e in merged if (e.recording, e.label, e.is_present) == kind]
        assert [[e.start_seconds, e.end_seconds] for e in found] == own
    assert len(merged) == sum(map(len, expected.values()))


def test_merging_keeps_the_highest_score_and_the_widest_box() -> None:
    path = Path("a.wav")
    events = Events.of(
        [
            Event(path, "owl", 0.0, 2.0, 300.0, 400.0, score=0.5),
            Event(path, "owl", 1.0, 1.5, 200.0, 350.0, score=0.75, group="hill"),
        ]
    )
    assert list(merge_events(events)) == [
        Event(path, "owl", 0.0, 2.0, 200.0, 400.0, score=0.75, group="hill")
    ]


def test_a_gap_before_the_end_is_refused() -> None:
    with pytest.raises(SettingError, match="gap_seconds must be 0 or more, not -1"):
        merge_events(Events.of([]), gap_seconds=-1)
