from pathlib import Path

import pytest

from sonotype.dataset.annotations.audacity import is_audacity, read_audacity
from sonotype.errors import DataError
from sonotype.events import Event

AUDIO = Path("a.wav")


def write(folder: Path, text: str) -> Path:
    path = folder / "a.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_with_and_without_frequencies(tmp_path: Path) -> None:
    # The frequencies are those of the Audacity manual's example.
    path = write(
        tmp_path,
        "1.000000\t1.000000\tpoint\n\\\t6928.456055\t6928.456055\n"
        "2.000000\t2.500000\tonly high\n\\\t-1.000000\t6334.588867\n"
        "3.000000\t3.500000\tonly low\r\n\\\t8908.015625\t-1.000000\r\n"
        "\n4.000000\t4.500000\twith\ttab\n5\t6\tplain",
    )
    events = read_audacity(path, recording=AUDIO)
    assert list(events) == [
        Event(AUDIO, "point", 1, 1, 6928.456055, 6928.456055),
        Event(AUDIO, "only high", 2, 2.5, None, 6334.588867),
        Event(AUDIO, "only low", 3, 3.5, 8908.015625, None),
        Event(AUDIO, "with\ttab", 4, 4.5),
        Event(AUDIO, "plain", 5, 6),
    ]
    assert events.rejected == ()


def test_wrong_lines_are_set_aside(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "0\t1\twren\n\\\t1\t2\n\\\t1\t2\n1\t2\n2\t1\twren\nhello\n3\t4\tx\n\\\tlow\n",
    )
    events = read_audacity(path, recording=AUDIO)
    assert [event.label for event in events] == ["wren"]
    assert sorted(item.reason for item in events.rejected) == [
        "line 3: these frequencies belong to no label",
        "line 4: it has no label",
        "line 5: its time ends at 1 s, before it begins at 2 s",
        "line 6: its start 'hello' is not a number",
        "line 7: its frequency 'low' is not a number",
    ]


def test_a_label_may_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, "0\t1\n1\t2\tx\n")
    events = read_audacity(path, recording=AUDIO, label="wren")
    assert [event.label for event in events] == ["wren", "wren"]


def test_the_recording_is_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    assert read_audacity(write(tmp_path, "0\t1\tx"))[0].recording == tmp_path / "a.wav"


def test_an_empty_track_is_a_track(tmp_path: Path) -> None:
    assert len(read_audacity(write(tmp_path, "\n"), recording=AUDIO)) == 0


@pytest.mark.parametrize("text", ["hello", "0 1 wren", "wren\t0\t1", "0\twren"])
def test_another_file(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not an Audacity label track"):
        read_audacity(write(tmp_path, text), recording=AUDIO)
    assert not is_audacity(text)
