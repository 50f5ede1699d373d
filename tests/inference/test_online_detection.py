"""Events found window by window are those found in all windows at once."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.inference.made_scores import info, one_label, recording_scores, windows

from sonotype.errors import SettingError
from sonotype.events import Event
from sonotype.inference.event_detection import EventRule, detect_events
from sonotype.inference.online_detection import OnlineDetector, OnsetDetector
from sonotype.inference.scan import WindowScores
from sonotype.inference.score_file import RecordingScores

SECONDS = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.6, 1.0, 3.0])


@st.composite
def score_tables(draw: st.DrawFn) -> RecordingScores:
    n_windows = draw(st.integers(1, 24))
    cells = st.integers(0, 8).map(lambda eighth: eighth / 8) | st.floats(0, 1)
    table = draw(
        st.lists(
            st.lists(cells, min_size=2, max_size=2),
            min_size=n_windows,
            max_size=n_windows,
        )
    )
    hop = draw(st.sampled_from([0.1, 0.25, 0.5, 1.0]))
    extra = draw(st.sampled_from([0.0, 0.3, 0.99])) * hop
    return recording_scores(table, hop=hop, extra=extra, site="hill")


@st.composite
def rules(draw: st.DrawFn) -> EventRule:
    threshold = draw(st.sampled_from([0.0, 0.25, 0.5, 0.7]))
    return EventRule(
        threshold=threshold,
        off=threshold * draw(st.sampled_from([0.0, 0.5, 1.0])),
        smooth_seconds=draw(SECONDS),
        smooth_by=draw(st.sampled_from(["mean", "median"])),
        gap_seconds=draw(SECONDS),
        min_seconds=draw(SECONDS),
        extent=draw(st.sampled_from(["centre", "window"])),
        labels=draw(st.sampled_from([None, ("wren",), ()])),
    )


def parts_of(scores: RecordingScores, size: int) -> list[WindowScores]:
    table = scores.scores.to_numpy().astype(np.float32)
    return [
        WindowScores(
            scores.start_seconds[a : a + size],
            scores.end_seconds[a : a + size],
            table[a : a + size],
        )
        for a in range(0, len(table), size)
    ]


def order(event: Event) -> tuple[float, float, str]:
    return event.start_seconds, event.end_seconds, event.label


@settings(max_examples=400)
@given(score_tables(), rules(), st.integers(1, 5))
def test_events_are_those_of_the_whole_recording(
    scores: RecordingScores, rule: EventRule, size: int
) -> None:
    detector = OnlineDetector(scores.info, rule)
    found = [event for part in parts_of(scores, size) for event in detector.push(part)]
    found += detector.finish()
    assert sorted(found, key=order) == sorted(detect_events(scores, rule), key=order)


@given(score_tables(), rules())
def test_no_event_is_told_before_it_is_over_or_long_after(
    scores: RecordingScores, rule: EventRule
) -> None:
    # Else one below the threshold, which may last, is waited for.
    rule = replace(rule, off=None)
    detector = OnlineDetector(scores.info, rule)
    # Smoothing looks ahead, a gap is waited for, and a window stands for its middle.
    hop = scores.info.hop_seconds
    late = rule.smooth_seconds / 2 + rule.gap_seconds + 1.0 + 2 * hop
    for part in parts_of(scores, 1):
        now = part.end_seconds[-1]
        for event in detector.push(part):
            assert now - late <= event.end_seconds <= now


def push_all(detector: Any, *parts: WindowScores) -> list[tuple[float, float, float]]:
    found = [event for part in parts for event in detector.push(part)]
    if isinstance(detector, OnlineDetector):
        found += detector.finish()
    return [(each.start_seconds, each.end_seconds, each.score) for each in found]


def later(part: WindowScores, seconds: float) -> WindowScores:
    return WindowScores(
        part.start_seconds + seconds, part.end_seconds + seconds, part.scores
    )


def column(*scores: float) -> WindowScores:
    return windows(np.array(scores)[:, None])


ONE = one_label([0]).info


def test_a_last_window_that_comes_early_may_still_close_a_gap() -> None:
    # The first event ends at 0.75 s, the second begins at 1.175 s.
    scores = one_label([1, 0, 1], extra=0.15)
    for gap_seconds, n_events in ((0.4, 2), (0.45, 1)):
        rule = EventRule(gap_seconds=gap_seconds)
        parts = parts_of(scores, 1)
        found = push_all(OnlineDetector(scores.info, rule), *parts)
        assert len(found) == len(detect_events(scores, rule)) == n_events


def test_scores_are_rounded_as_in_a_file() -> None:
    # To float16, which has no number between these.
    assert push_all(OnlineDetector(ONE), column(0, 0.49999)) == [(0.75, 1.5, 0.5)]
    assert push_all(OnsetDetector(ONE), column(0, 0.49999)) == [(0.5, 1.5, 0.5)]


def test_an_event_ends_where_sound_was_lost() -> None:
    loud = column(1, 1, 1)  # 0 to 2 s
    found = push_all(OnlineDetector(ONE), loud, later(loud, 5.0))
    assert found == [(0.0, 2.0, 1.0), (5.0, 7.0, 1.0)]
    rule = EventRule(gap_seconds=3.0)
    assert push_all(OnlineDetector(ONE, rule), loud, later(loud, 5.0)) == [
        (0.0, 7.0, 1.0)
    ]


def test_smoothing_does_not_reach_across_lost_sound() -> None:
    rule = EventRule(threshold=0.5, smooth_seconds=1.0)
    parts = [column(0, 0, 0, 0), later(column(1, 0, 0, 0), 10.0)]
    # Mean of 1 and 0; together with the 0 before, it would be a third.
    assert push_all(OnlineDetector(ONE, rule), *parts) == [(10.0, 10.75, 0.5)]


def test_nothing_is_left_behind_in_a_long_time() -> None:
    detector = OnlineDetector(ONE, EventRule(smooth_seconds=2.0, gap_seconds=1.0))
    for part in range(300):
        detector.push(later(column(0, 1, 0, 0), 2.0 * part))
    state = vars(detector)
    sizes = [len(value) for value in state.values() if hasattr(value, "__len__")]
    assert max(sizes) <= 5


def test_an_onset_is_told_in_its_window() -> None:
    detector = OnsetDetector(ONE, EventRule(threshold=0.75), refractory_seconds=0)
    assert detector.push(column(0, 0.5)) == []
    (onset,) = detector.push(later(column(0.875), 1.0))
    assert (onset.label, onset.start_seconds, onset.end_seconds) == ("wren", 1.0, 2.0)
    assert onset.score == 0.875


def test_a_sound_that_lasts_is_told_once() -> None:
    scores = [0, 1, 1, 1, 0, 1, 0.6, 1, 0]
    rule = EventRule(threshold=0.75)
    found = push_all(OnsetDetector(ONE, rule, refractory_seconds=0), column(*scores))
    assert [start for start, _, _ in found] == [0.5, 2.5, 3.5]
    # Down to `off` it is the same sound.
    rule = EventRule(threshold=0.75, off=0.5)
    found = push_all(OnsetDetector(ONE, rule, refractory_seconds=0), column(*scores))
    assert [start for start, _, _ in found] == [0.5, 2.5]


@pytest.mark.parametrize(("seconds", "n_told"), [(0.0, 4), (1.0, 4), (1.5, 2)])
def test_none_is_told_in_the_refractory_time(seconds: float, n_told: int) -> None:
    scores = column(1, 0, 1, 0, 1, 0, 1, 0)
    detector = OnsetDetector(ONE, refractory_seconds=seconds)
    assert len(push_all(detector, scores)) == n_told


def test_labels_have_refractory_times_of_their_own() -> None:
    detector = OnsetDetector(info(), refractory_seconds=5)
    found = detector.push(windows([[1, 0], [0, 1], [1, 0], [0, 1]]))
    assert [(onset.label, onset.start_seconds) for onset in found] == [
        ("owl", 0.0),
        ("wren", 0.5),
    ]


def test_onsets_are_smoothed_over_the_windows_before() -> None:
    rule = EventRule(threshold=0.5, smooth_seconds=1.0)
    found = push_all(OnsetDetector(ONE, rule), column(0, 0, 0, 1, 1, 0, 0))
    np.testing.assert_allclose(found, [(2.0, 3.0, 2 / 3)])
    # And not across lost sound.
    parts = column(0, 0, 0), later(column(1, 0), 10.0)
    assert push_all(OnsetDetector(ONE, rule), *parts) == [(10.0, 11.0, 1.0)]


@pytest.mark.parametrize("name", ["gap_seconds", "min_seconds"])
def test_onsets_have_no_length(name: str) -> None:
    with pytest.raises(SettingError, match="before its length is known"):
        OnsetDetector(ONE, EventRule(**{name: 0.5}))  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_a_refractory_time_is_a_time(seconds: float) -> None:
    with pytest.raises(SettingError, match="refractory_seconds must be 0 or more"):
        OnsetDetector(ONE, refractory_seconds=seconds)
