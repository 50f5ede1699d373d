from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.inference.made_scores import recording_scores

from sonotype.errors import DataError, SettingError
from sonotype.inference.event_counts import count_events, plot_events
from sonotype.inference.event_detection import RecordingEvents

ZONE = timezone(timedelta(hours=1))


def found_in(
    heard: dict[str, list[float]], seconds: int, began: datetime | None, site: str
) -> RecordingEvents:
    """Return a recording in which labels are heard for a second at some times."""
    scores = np.zeros((seconds, 2))
    for label, starts in heard.items():
        scores[np.array(starts, int), ("owl", "wren").index(label)] = 1
    made = recording_scores(scores, hop=1.0, recorded_at=began, site=site)
    return RecordingEvents.of(made)


@pytest.fixture
def found() -> list[RecordingEvents]:
    # Two hours and ten seconds from half past 22, and ten seconds the next evening.
    first = found_in(
        {"owl": [0, 2, 5_400], "wren": [1_799, 1_801]},
        7_210,
        datetime(2024, 1, 31, 22, 30, tzinfo=ZONE),
        "hill",
    )
    second = found_in({"owl": [4]}, 10, datetime(2024, 2, 1, 22, 0), "lake")
    return [first, second]


def rows(table: pl.DataFrame) -> list[tuple[Any, ...]]:
    return table.rows()


def test_by_hour_of_the_recorders_clock(found: list[RecordingEvents]) -> None:
    table = count_events(found, ["hour"])
    assert table.columns == [
        *("hour", "label", "n_events", "event_seconds", "recorded_seconds")
    ]
    assert rows(table) == [
        (0, "owl", 1, 1.0, 1_810.0),
        (0, "wren", 0, 0.0, 1_810.0),
        (22, "owl", 3, 3.0, 1_810.0),
        (22, "wren", 1, 1.0, 1_810.0),
        (23, "owl", 0, 0.0, 3_600.0),
        (23, "wren", 1, 1.0, 3_600.0),
    ]


def test_by_site_and_day(found: list[RecordingEvents]) -> None:
    first, second = date(2024, 1, 31), date(2024, 2, 1)
    assert rows(count_events(found, ["site", "day"]).drop("event_seconds")) == [
        ("hill", first, "owl", 2, 5_400.0),
        ("hill", first, "wren", 2, 5_400.0),
        ("hill", second, "owl", 1, 1_810.0),
        ("hill", second, "wren", 0, 1_810.0),
        ("lake", second, "owl", 1, 10.0),
        ("lake", second, "wren", 0, 10.0),
    ]


def test_all_together(found: list[RecordingEvents]) -> None:
    assert rows(count_events(found, [])) == [
        ("owl", 4, 4.0, 7_220.0),
        ("wren", 2, 2.0, 7_220.0),
    ]


def test_a_recording_without_a_time_counts_apart(found: list[RecordingEvents]) -> None:
    unknown = found_in({"owl": [1]}, 5, None, "hill")
    table = count_events([unknown, found[1]], ["hour"])
    assert rows(table) == [(22, "owl", 1, 1.0, 10.0), (None, "owl", 1, 1.0, 5.0)]


@pytest.mark.parametrize("by", [[], ["hour"], ["site", "day", "hour"]])
def test_nothing_is_no_error(by: list[str]) -> None:
    assert count_events([], by).is_empty()
    silent = found_in({}, 10, None, "hill")
    assert count_events([silent], by).is_empty()


def test_an_unknown_key_is_refused(found: list[RecordingEvents]) -> None:
    with pytest.raises(SettingError, match="key 'hours' is unknown"):
        count_events(found, ["hours"])


def test_no_second_is_lost_or_counted_twice(rng: np.random.Generator) -> None:
    for _ in range(20):
        began = datetime(2024, 3, 1) + timedelta(seconds=float(rng.integers(0, 90_000)))
        seconds = int(rng.integers(1, 20_000))
        heard = sorted({float(at) for at in rng.integers(0, seconds, 30)})
        table = count_events(
            [found_in({"wren": heard}, seconds, began, "x")], ["day", "hour"]
        )
        assert table["recorded_seconds"].sum() == pytest.approx(seconds)
        assert (table["recorded_seconds"] <= 3_600).all()
        assert table["event_seconds"].sum() == len(heard)


def test_the_picture_has_a_cell_for_every_hour(
    found: list[RecordingEvents], tmp_path: Path
) -> None:
    figure = plot_events(found)
    axes, bar = figure.axes
    mesh: Any = np.ma.asarray(axes.collections[0].get_array()).reshape(2, 24)
    # Events in an hour of recording: three owls in half an hour and ten seconds.
    assert mesh[0, 22] == pytest.approx(3 / 1_810 * 3_600)
    assert mesh[1, 23] == 1
    assert mesh.mask[:, 1:22].all()
    assert [text.get_text() for text in axes.get_yticklabels()] == ["owl", "wren"]
    assert bar.get_ylabel() == "events per recorded hour"
    figure.savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1_000


def test_the_picture_has_a_cell_for_every_day(found: list[RecordingEvents]) -> None:
    later = found_in({"owl": [4]}, 10, datetime(2024, 2, 4, 22, 0), "lake")
    axes = plot_events([*found, later], "day").axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == [
        *("2024-01-31", "2024-02-01", "2024-02-02", "2024-02-03", "2024-02-04")
    ]


def test_of_many_labels_those_heard_most_are_drawn() -> None:
    labels = tuple(f"${number:02d}" for number in range(70))
    # Each in fewer windows than the one before; apart, or they would be one event.
    scores = np.zeros((140, 70))
    scores[1::2] = np.tri(70)
    made = recording_scores(
        scores, hop=1.0, labels=labels, recorded_at=datetime(2024, 2, 4)
    )
    axes = plot_events([RecordingEvents.of(made)]).axes[0]
    assert axes.get_title() == "the 60 of 70 labels with most events"
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names[0] == "$00"
    assert len(names) == 60


def test_without_times_there_is_no_picture() -> None:
    with pytest.raises(DataError, match=r"no event has a time; .* SITE_20240131"):
        plot_events([found_in({"owl": [1]}, 5, None, "hill")])
    with pytest.raises(SettingError, match="time 'week' is unknown"):
        plot_events([], "week")
