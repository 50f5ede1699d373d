"""Event F1 against arithmetic by hand, and what its interval resamples."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from sonotype.errors import DataError, SettingError
from sonotype.evaluation.event_matching import Collar, Overlap
from sonotype.evaluation.event_report import event_report
from sonotype.evaluation.event_thresholds import best_event_thresholds
from sonotype.events import Event, Events

A, B, C = (Path(f"{name}.wav") for name in "abc")


def events(*rows: tuple[Path, str, float, float], is_present: bool = True) -> Events:
    return Events.of(Event(*row, is_present=is_present) for row in rows)


ANNOTATED = events(
    (A, "wren", 1, 2), (A, "wren", 4, 5), (A, "owl", 1, 3), (B, "wren", 0, 1)
)
FOUND = events(
    (A, "wren", 1.1, 2), (A, "wren", 7, 8), (A, "owl", 1, 3.4), (B, "owl", 0, 1)
)


def test_counts_by_hand() -> None:
    report = event_report(ANNOTATED, FOUND)
    owl, wren = report.classes
    assert (owl.label, wren.label) == ("owl", "wren")
    assert (owl.n_annotated, owl.n_found, owl.n_hits) == (1, 2, 1)
    assert (wren.n_hits, wren.n_misses, wren.n_false_alarms) == (1, 2, 1)
    assert wren.precision == pytest.approx(1 / 2)
    assert wren.recall == pytest.approx(1 / 3)
    assert wren.f1 == pytest.approx(2 / 5)
    assert report.overall.f1 == pytest.approx(4 / 8)
    assert report.macro_f1 == pytest.approx((2 / 3 + 2 / 5) / 2)
    assert report.n_recordings == 2
    # Of 1 s each, wren: 1, 4 and 0 against 1 and 7; owl: 1, 2 against 1, 2, 3 and 0.
    assert report.segment_f1 == pytest.approx(2 * 3 / (5 + 6))


def test_segments_of_another_length() -> None:
    mine = events((A, "wren", 0.0, 0.3), (A, "wren", 0.95, 0.95))
    report = event_report(mine, events((A, "wren", 0.2, 0.31)), segment_seconds=0.1)
    # Tenths 0, 1, 2, 9 against 2 and 3.
    assert report.segment_f1 == pytest.approx(2 * 1 / (4 + 2))
    with pytest.raises(SettingError, match="segment_seconds must be above 0, not 0"):
        event_report(mine, mine, segment_seconds=0)


def test_an_event_that_is_denied_is_not_there() -> None:
    denied = events((A, "wren", 1, 2), is_present=False)
    report = event_report(Events.concatenate([ANNOTATED, denied]), FOUND)
    assert report == event_report(ANNOTATED, FOUND)


def test_only_some_recordings_and_labels() -> None:
    report = event_report(ANNOTATED, FOUND, recordings=[B, C, B], labels=["wren"])
    assert report.n_recordings == 2
    assert (report.overall.n_annotated, report.overall.n_found) == (1, 0)
    assert report.overall.f1 == 0
    assert math.isnan(report.overall.precision)
    with pytest.raises(DataError, match="there are no recordings to compare"):
        event_report(ANNOTATED, FOUND, recordings=[])


def test_nothing_anywhere_is_not_a_number() -> None:
    report = event_report(events(), events(), recordings=[A, B], labels=["wren"])
    assert math.isnan(report.overall.f1)
    assert math.isnan(report.macro_f1)
    assert not report.f1_interval.is_known
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["overall"]["f1"] is None
    assert told["classes"][0]["n_misses"] == 0


def test_the_interval_resamples_recordings() -> None:
    # Half of the recordings are all right and half are all wrong.
    names = [Path(f"{number}.wav") for number in range(8)]
    annotated = events(*((name, "wren", 1, 2) for name in names))
    found = events(*((n, "wren", 1 + 5 * (i % 2), 9) for i, n in enumerate(names)))
    report = event_report(annotated, found, agreement=Collar(0.2, end_share=None))
    assert report.overall.f1 == 0.5
    # A binomial of 8 at one half: 2.5 % and 97.5 % lie at 1 and 7.
    assert (report.f1_interval.low, report.f1_interval.high) == (0.125, 0.875)
    alone = event_report(annotated, found, recordings=names[:1])
    assert not alone.f1_interval.is_known


def test_text_tells_how_it_was_compared() -> None:
    text = str(event_report(ANNOTATED, FOUND, agreement=Overlap(0.3)))
    assert text.startswith("event F1 0.500 (95 % interval ")
    assert "on 4 events of 2 recordings, sharing 30 % of their time; " in text
    text = str(event_report(ANNOTATED, FOUND, agreement=Collar(0.5)))
    assert "beginning within 0.5 s, end within 0.5 s or 20 %" in text


def test_thresholds_are_chosen_for_each_label() -> None:
    scored = [
        *((0.9, Event(A, "wren", start, start + 1)) for start in (0.0, 10.0)),
        (0.42, Event(A, "wren", 20, 21)),  # not there
        (0.3, Event(A, "owl", 5, 6)),
        (0.1, Event(A, "owl", 30, 31)),  # not there
        (0.5, Event(A, "lark", 50, 51)),  # not there
    ]
    annotated = events(
        (A, "wren", 0, 1), (A, "wren", 10, 11), (A, "owl", 5, 6), (B, "owl", 5, 6)
    )

    def find(threshold: float) -> Events:
        return Events.of(event for score, event in scored if score >= threshold)

    owl, wren = best_event_thresholds(find, annotated, ["lark", "owl", "wren"])
    # The middle of 0.11 to 0.3, and of 0.43 to 0.9.
    assert (owl.label, owl.threshold, owl.n_annotated) == ("owl", 0.2, 2)
    assert owl.f1 == pytest.approx(2 / 3)
    assert (wren.threshold, wren.f1) == (0.66, 1.0)
    (only,) = best_event_thresholds(find, annotated, ["owl"], recordings=[A])
    assert (only.f1, only.n_annotated) == (1.0, 1)
    (other,) = best_event_thresholds(find, annotated, ["wren"], candidates=[0.2, 0.95])
    assert other.threshold == 0.2
    assert other.f1 == pytest.approx(0.8)


def test_an_independent_count_on_many_random_tables() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        tables = [
            events(
                *(
                    (A, "wren", start, start + 1)
                    for start in rng.choice(40, size=8, replace=False) / 2
                )
            )
            for _ in range(2)
        ]
        there, given = ({event.start_seconds for event in table} for table in tables)
        # On a grid of 0.5 s, times that agree within 0.2 s are equal.
        report = event_report(*tables)
        assert report.overall.n_hits == len(there & given)
        assert report.overall.f1 == pytest.approx(2 * len(there & given) / 16)
