from pathlib import Path

import pytest

from sonotype.dataset.annotations.event_table import read_event_table
from sonotype.dataset.annotations.raven import is_raven, read_raven
from sonotype.errors import DataError
from sonotype.events import Event

PIHA = Path(__file__).parents[3].parent / "shared" / "data" / "screaming_piha"
HEADER = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t"
    "High Freq (Hz)\tSpecies\n"
)
AUDIO = Path("a.wav")


def write(folder: Path, text: str, name: str = "a.Table.1.selections.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_views_of_a_selection_are_one_event(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEADER
        + "1\tWaveform 1\t1\t0.5\t1.25\t\t\t\n"
        + "1\tSpectrogram 1\t1\t0.5\t1.25\t2000\t7500\twren\n"
        + "2\tSpectrogram 1\t1\t2\t3\t100\t200\trobin\r\n"
        + "\n"
        + "2\tWaveform 1\t1\t2\t3\t\t\trobin\n",
    )
    events = read_raven(path, recording=AUDIO)
    assert list(events) == [
        Event(AUDIO, "wren", 0.5, 1.25, 2_000, 7_500),
        Event(AUDIO, "robin", 2, 3, 100, 200),
    ]
    assert events.rejected == ()


def test_selections_of_one_number_may_differ(tmp_path: Path) -> None:
    # As in tables that were put together, or have no numbers.
    rows = "1\tW\t1\t0\t1\t\t\twren\n1\tW\t1\t1\t2\t\t\twren\n" + (
        "\tW\t1\t3\t4\t\t\twren\n" * 2
    )
    assert len(read_raven(write(tmp_path, HEADER + rows), recording=AUDIO)) == 4


def test_wrong_rows_are_set_aside(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEADER
        + "1\tS\t1\tx\t1\t\t\twren\n"
        + "2\tS\t1\t2\t1\t\t\twren\n"
        + "3\tS\t1\t-1\t1\t\t\twren\n"
        + "4\tS\t1\t0\t1\t\t\t \n"
        + "5\tS\t1\t0\t1\t9\t8\twren\n"
        + "6\tS\t1\t0\n"
        + "7\tS\t1\t0\t1\t\t\twren\n",
    )
    events = read_raven(path, recording=AUDIO)
    assert len(events) == 1
    assert [item.reason for item in events.rejected] == [
        "line 2: its start 'x' is not a number",
        "line 3: its time ends at 1 s, before it begins at 2 s",
        "line 4: its time -1 s is negative",
        "line 5: it has no label",
        "line 6: its frequency ends at 8 Hz, before it begins at 9 Hz",
        "line 7: its end '' is not a number",
    ]


def test_the_label_may_be_named_or_given(tmp_path: Path) -> None:
    text = "Begin Time (s)\tEnd Time (s)\tWhat\n0\t1\tsong\n"
    path = write(tmp_path, text)
    assert read_raven(path, recording=AUDIO, label_column="What")[0].label == "song"
    assert read_raven(path, recording=AUDIO, label="wren")[0].label == "wren"
    with pytest.raises(DataError, match="no column is known to tell the labels"):
        read_raven(path, recording=AUDIO)


def test_the_recording_is_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.flac").touch()
    path = write(tmp_path, HEADER + "1\tS\t1\t0\t1\t\t\twren\n")
    assert read_raven(path)[0].recording == tmp_path / "a.flac"
    with pytest.raises(DataError, match="no recording has its name"):
        read_raven(path.rename(tmp_path / "b.txt"))


def test_a_table_of_several_recordings_is_placed_by_offset(tmp_path: Path) -> None:
    (tmp_path / "b.wav").touch()
    text = (
        "Begin Time (s)\tEnd Time (s)\tBegin Path\tFile Offset (s)\tSpecies\n"
        "10\t11.5\tD:\\field\\b.wav\t10\twren\n"
        "70\t71\tD:\\field\\c.wav\t8.5\twren\n"
        "70\t71\tD:\\field\\c.wav\tx\twren\n"
    )
    events = read_raven(write(tmp_path, text))
    assert [(event.start_seconds, event.end_seconds) for event in events] == [
        (10, 11.5),
        (8.5, 9.5),
    ]
    assert events[0].recording == tmp_path / "b.wav"
    assert events[1].recording.name == "c.wav"
    assert events.rejected[0].reason == "line 4: its file offset 'x' is not a number"
    without = text.replace("File Offset (s)", "Notes")
    with pytest.raises(DataError, match=r"about 2 recordings .*'File Offset \(s\)'"):
        read_raven(write(tmp_path, without))


def test_one_recording_needs_no_offset(tmp_path: Path) -> None:
    text = "Begin Time (s)\tEnd Time (s)\tBegin File\tSpecies\n1\t2\ta.wav\twren\n"
    event = read_raven(write(tmp_path, text))[0]
    assert event == Event(tmp_path / "a.wav", "wren", 1, 2)


def test_an_empty_table_is_a_table(tmp_path: Path) -> None:
    assert len(read_raven(write(tmp_path, HEADER), recording=AUDIO)) == 0


@pytest.mark.parametrize("text", ["", "0\t1\twren\n", "Begin Time,End Time\n"])
def test_another_file(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a Raven selection table"):
        read_raven(write(tmp_path, text), recording=AUDIO)
    assert not is_raven(text)


@pytest.mark.skipif(not PIHA.is_dir(), reason="needs the recordings beside the project")
def test_the_published_times_are_those_of_the_tables() -> None:
    tables = sorted((PIHA / "raven").glob("*.txt"))
    found = [event for table in tables for event in read_raven(table)]
    published = read_event_table(PIHA / "labels.csv")
    assert published.rejected == ()
    assert len(found) == len(published) == 96

    def rows(events: list[Event]) -> list[tuple[Path, str, float, float]]:
        return sorted(
            (event.recording, event.label, event.start_seconds, event.end_seconds)
            for event in events
        )

    for one, other in zip(rows(found), rows(list(published)), strict=True):
        assert one[:2] == other[:2]
        assert one[2:] == pytest.approx(other[2:], abs=1e-4)
    assert {event.recording.parent for event in found} == {PIHA / "audio"}
