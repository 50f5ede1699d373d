from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sonotype.clips import Clip, Clips
from sonotype.dataset.event_clips import (
    clips_from_events,
    event_centred_clips,
    negative_clips,
    window_starts,
)
from sonotype.dataset.overlap import OverlapRule
from sonotype.errors import DataError, SettingError
from sonotype.events import Event, Events
from sonotype.labels import Labels

RATE = 1_000
# The rounding of a sum of times, far below one sample.
CLOSE = 1e-6
LENGTHS = (0.4, 1.0, 5.0, 7.3)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """Return a maker of silent recordings of some length, each made once."""
    folder = tmp_path_factory.mktemp("recordings")

    def make(seconds: float) -> Path:
        path = folder / f"{seconds}.wav"
        if not path.exists():
            soundfile.write(path, np.zeros(round(seconds * RATE)), RATE)
        return path

    return make


def times(clip: Clip) -> tuple[float, float]:
    assert clip.start_seconds is not None
    assert clip.end_seconds is not None
    return clip.start_seconds, clip.end_seconds


def intervals(clips: Clips) -> list[tuple[float, float]]:
    return [times(clip) for clip in clips]


def test_windows_side_by_side(recording: Callable[[float], Path]) -> None:
    path = recording(7.3)
    events = Events.of([Event(path, "wren", 2.5, 3.1), Event(path, "robin", 6.0, 6.2)])
    clips = clips_from_events(events, clip_seconds=3.0)
    # The last window ends with the recording: 7.3 - 3.
    assert intervals(clips) == [(0.0, 3.0), (3.0, 6.0), (7.3 - 3.0, 7.3)]
    # Wren: 0.5 of 0.6, 0.1 of 0.6, 0. Robin: 0, 0, all.
    assert [clip.labels for clip in clips] == [("wren",), (), ("robin",)]
    assert [clip.absent for clip in clips] == [(), (), ()]
    assert clips.labels.names == ("robin", "wren")
    assert set(clips.groups()) == {path.as_posix()}
    assert clips.rejected == ()


def test_a_complete_table_says_what_is_absent(
    recording: Callable[[float], Path],
) -> None:
    path = recording(7.3)
    events = Events.of([Event(path, "wren", 2.5, 3.1), Event(path, "robin", 6.0, 6.2)])
    clips = clips_from_events(events, clip_seconds=3.0, complete=True)
    # In the second window there is some of a wren: neither heard nor absent.
    assert [clip.absent for clip in clips] == [("robin",), ("robin",), ("wren",)]


def test_what_was_looked_for_and_not_found_is_absent(
    recording: Callable[[float], Path],
) -> None:
    path = recording(5.0)
    events = Events.of(
        [
            Event(path, "3", 0.2, 0.8, is_present=False),
            Event(path, "5", 1.2, 1.8),
            Event(path, "3", 1.3, 1.7, is_present=False),
        ]
    )
    clips = clips_from_events(events, clip_seconds=1.0)
    assert [clip.labels for clip in clips] == [(), ("5",), (), (), ()]
    assert [clip.absent for clip in clips] == [("3",), ("3",), (), (), ()]


def test_a_recording_without_events_is_cut_too(
    recording: Callable[[float], Path],
) -> None:
    loud, quiet = recording(1.0), recording(5.0)
    events = Events.of([Event(loud, "wren", 0.0, 1.0)])
    clips = clips_from_events(
        events, clip_seconds=2.5, complete=True, recordings=[quiet, loud]
    )
    assert clips.paths() == [loud, quiet, quiet]
    # A recording shorter than a window is one window.
    assert intervals(clips) == [(0.0, 1.0), (0.0, 2.5), (2.5, 5.0)]
    assert [clip.absent for clip in clips] == [(), ("wren",), ("wren",)]


def test_labels_choose_and_order(recording: Callable[[float], Path]) -> None:
    path = recording(1.0)
    events = Events.of([Event(path, "wren", 0, 1), Event(path, "robin", 0, 1)])
    names = Labels(("wren", "owl"))
    clips = clips_from_events(events, clip_seconds=1.0, labels=names, complete=True)
    assert clips.labels == names
    assert clips[0].labels == ("wren",)
    assert clips[0].absent == ("owl",)


def test_what_cannot_be_used_is_listed(
    recording: Callable[[float], Path], tmp_path: Path
) -> None:
    path, missing = recording(5.0), tmp_path / "missing.wav"
    events = Events.of(
        [
            Event(path, "wren", 5.0, 6.0),
            Event(path, "wren", 4.9, 6.0),
            Event(path, "wren", 1.1, 1.2),
            Event(missing, "wren", 0.0, 1.0),
        ]
    )
    rule = OverlapRule(min_seconds=0.1)
    found = clips_from_events(events, clip_seconds=1.0, rule=rule)
    assert {(item.path, item.reason) for item in found.rejected} == {
        (missing, "there is no such file"),
        (path, "the event 'wren' from 5 s to 6 s begins after its end at 5 s"),
    }
    rule = OverlapRule(min_seconds=0.11)
    found = clips_from_events(events, clip_seconds=1.0, rule=rule)
    assert (
        "the event 'wren' from 1.1 s to 1.2 s is in no clip to the extent asked for; "
        "ask for less overlap or for shorter clips"
    ) in [item.reason for item in found.rejected]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip_seconds": 0.0}, r"clip_seconds must be positive, but it is 0\.0"),
        ({"clip_seconds": float("nan")}, "clip_seconds must be positive"),
        ({"clip_seconds": float("inf")}, "clip_seconds must be positive"),
        ({"clip_seconds": 1.0, "hop_seconds": 1.5}, "or sound would be left out"),
        ({"clip_seconds": 1.0, "hop_seconds": 0.0}, "hop_seconds must be above 0"),
    ],
)
def test_lengths_out_of_range(options: dict[str, float], message: str) -> None:
    events = Events.of([Event(Path("a.wav"), "wren", 0.0, 1.0)])
    with pytest.raises(SettingError, match=message):
        clips_from_events(events, **options)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match=message):
        negative_clips(events, **options)  # type: ignore[arg-type]


def test_no_event_and_no_label(recording: Callable[[float], Path]) -> None:
    with pytest.raises(DataError, match="there are no labels"):
        clips_from_events(Events.of([]), clip_seconds=1.0)


@pytest.mark.parametrize(
    ("seconds", "clip", "hop", "expected"),
    [
        (10.0, 3.0, 3.0, [0, 3, 6, 7]),
        (9.0, 3.0, 3.0, [0, 3, 6]),
        (9.0, 3.0, 2.0, [0, 2, 4, 6]),
        (3.0, 3.0, 1.0, [0]),
        (2.0, 3.0, 1.0, [0]),
        # 0.3 is 3 * 0.1 but for its last bit: no fifth window for that.
        (0.4, 0.1, 0.1, [0, 0.1, 0.2, 0.3]),
    ],
)
def test_window_starts(
    seconds: float, clip: float, hop: float, expected: list[float]
) -> None:
    found = window_starts(seconds, clip_seconds=clip, hop_seconds=hop)
    np.testing.assert_allclose(found, expected, atol=1e-12)


milliseconds = st.integers(0, 9_000).map(lambda value: value / 1_000)
spans = st.tuples(milliseconds, st.integers(1, 4_000)).map(
    lambda pair: (pair[0], pair[0] + pair[1] / 1_000)
)
drawn_events = st.lists(
    st.tuples(st.sampled_from(LENGTHS), st.sampled_from("abc"), spans, st.booleans()),
    min_size=1,
    max_size=8,
)
Drawn = list[tuple[float, str, tuple[float, float], bool]]


def inside(drawn: Drawn, recording: Callable[[float], Path]) -> list[Event]:
    """Return the drawn events that end within their recording."""
    return [
        Event(recording(length), label, *span, is_present=heard)
        for length, label, span, heard in drawn
        if span[1] <= length
    ]


@given(
    drawn=drawn_events,
    clip_seconds=st.sampled_from([0.25, 1.0, 3.0]),
    hop=st.sampled_from([0.1, 0.5, 1.0]),
)
def test_windows_cover_every_sample_and_lose_no_event(
    drawn: Drawn,
    clip_seconds: float,
    hop: float,
    recording: Callable[[float], Path],
) -> None:
    events = inside(drawn, recording)
    if not events:
        return
    clips = clips_from_events(
        Events.of(events), clip_seconds=clip_seconds, hop_seconds=hop * clip_seconds
    )
    assert clips.rejected == ()
    for path in {event.recording for event in events}:
        n_samples = soundfile.info(path).frames
        is_covered = np.zeros(n_samples, bool)
        for clip in clips:
            if clip.path == path:
                start, end = times(clip)
                assert 0 <= start < end <= n_samples / RATE + CLOSE
                is_covered[round(start * RATE) : round(end * RATE)] = True
        assert is_covered.all()
    carried = {(clip.path, label) for clip in clips for label in clip.labels}
    heard = {(event.recording, event.label) for event in events if event.is_present}
    assert carried == heard


@given(drawn=drawn_events, order=st.integers(0, 2**16))
def test_the_order_of_events_does_not_matter(
    drawn: Drawn, order: int, recording: Callable[[float], Path]
) -> None:
    events = inside(drawn, recording)
    if not events:
        return
    places = np.random.default_rng(order).permutation(len(events))
    shuffled = [events[place] for place in places]
    makers: tuple[Callable[[Events], Clips], ...] = (
        lambda table: clips_from_events(table, clip_seconds=1.0, complete=True),
        lambda table: event_centred_clips(
            table, clip_seconds=1.0, rng=np.random.default_rng(7)
        ),
        lambda table: negative_clips(table, clip_seconds=1.0),
    )
    for make in makers:
        assert make(Events.of(events)).frame.equals(make(Events.of(shuffled)).frame)


@given(drawn=drawn_events, clip_seconds=st.sampled_from([0.25, 1.0, 3.0]))
def test_a_centred_window_holds_its_event_or_lies_in_it(
    drawn: Drawn, clip_seconds: float, recording: Callable[[float], Path]
) -> None:
    events = inside(drawn, recording)
    if not events:
        return
    clips = event_centred_clips(
        Events.of(events), clip_seconds=clip_seconds, rng=np.random.default_rng(0)
    )
    assert len(clips) == len(events)
    for clip in clips:
        length = soundfile.info(clip.path).frames / RATE
        start, end = times(clip)
        assert start > -CLOSE
        assert end < length + CLOSE
        assert end - start == pytest.approx(min(clip_seconds, length))
    for event in events:
        # Some window of it has as much of the event as fits into a window.
        fits = min(event.duration_seconds, clip_seconds)
        overlaps = [
            min(times(clip)[1], event.end_seconds)
            - max(times(clip)[0], event.start_seconds)
            for clip in clips
            if clip.path == event.recording
            and (event.label in clip.labels or not event.is_present)
        ]
        assert max(overlaps) > fits - CLOSE


def test_centred_windows_stand_anywhere_around_their_event(
    recording: Callable[[float], Path],
) -> None:
    path = recording(7.3)
    event = Event(path, "wren", 3.0, 3.4)
    rng = np.random.default_rng(0)
    many = Events.of([event] * 200)
    starts = [
        times(clip)[0] for clip in event_centred_clips(many, clip_seconds=1, rng=rng)
    ]
    # A window of 1 s that holds 3.0 to 3.4 starts from 2.4 to 3.0, anywhere alike.
    assert 2.4 <= min(starts) < 2.45
    assert 2.95 < max(starts) <= 3.0
    assert np.mean(starts) == pytest.approx(2.7, abs=0.03)


def test_a_centred_window_stays_in_its_recording_and_carries_its_neighbours(
    recording: Callable[[float], Path],
) -> None:
    path = recording(5.0)
    events = [
        Event(path, "wren", 0.5, 0.6),
        Event(path, "robin", 4.0, 5.5),
        Event(path, "owl", 4.2, 4.3),
        Event(path, "lark", 4.45, 4.46, is_present=False),
    ]
    rng = np.random.default_rng(0)
    table = Events.of(events)
    clips = event_centred_clips(table, clip_seconds=4.9, rng=rng, complete=True)
    # Each starts from 0 to 0.1 s, so each holds all that lies from 0.1 to 4.9 s.
    assert all(0 <= start <= 0.1 and end <= 5.0 for start, end in intervals(clips))
    assert [clip.labels for clip in clips] == [("owl", "robin", "wren")] * 4
    assert [clip.absent for clip in clips] == [("lark",)] * 4


def test_negatives_lie_between_events(recording: Callable[[float], Path]) -> None:
    path = recording(7.3)
    events = Events.of(
        [
            Event(path, "wren", 1.0, 1.5),
            Event(path, "robin", 1.2, 2.0),
            Event(path, "robin", 2.5, 4.0),
            Event(path, "wren", 5.0, 5.5, is_present=False),
        ]
    )
    clips = negative_clips(events, clip_seconds=1.0)
    # Free: 0 to 1, 2 to 2.5 (too short), 4 to 7.3; nobody heard the wren at 5 s.
    found = np.array(intervals(clips), np.float64)
    expected = [(0, 1), (4, 5), (5, 6), (6, 7), (6.3, 7.3)]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert all(clip.labels == () for clip in clips)
    assert all(clip.absent == ("robin", "wren") for clip in clips)


def test_negatives_may_be_a_class(recording: Callable[[float], Path]) -> None:
    short, long = recording(0.4), recording(1.0)
    events = Events.of([Event(long, "wren", 0.0, 1.0)])
    clips = negative_clips(
        events, clip_seconds=1.0, label="background", recordings=[short, long]
    )
    assert clips.labels.names == ("wren", "background")
    assert clips.paths() == [short]
    assert intervals(clips) == [(0.0, 0.4)]
    assert clips[0].labels == ("background",)
    assert clips[0].absent == ("wren",)
    alone = negative_clips(
        Events.of([]), clip_seconds=1.0, label="background", recordings=[long]
    )
    assert alone.counts() == {"background": 1}


@given(drawn=drawn_events, clip_seconds=st.sampled_from([0.25, 1.0, 3.0]))
def test_no_negative_touches_an_event(
    drawn: Drawn, clip_seconds: float, recording: Callable[[float], Path]
) -> None:
    events = inside(drawn, recording)
    if not events:
        return
    for clip in negative_clips(Events.of(events), clip_seconds=clip_seconds):
        start, end = times(clip)
        for event in events:
            if event.recording == clip.path and event.is_present:
                is_before = end <= event.start_seconds + CLOSE
                assert is_before or event.end_seconds <= start + CLOSE
