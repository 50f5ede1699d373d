import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.annotations.crowsetta_bridge import (
    CROWSETTA_FORMATS,
    read_with_crowsetta,
)
from sonotype.errors import DataError, MissingDependencyError, SettingError
from sonotype.events import Event

XML = (
    "<Sequences><NumSequence>1</NumSequence><Sequence><WaveFileName>0.wav</WaveFileName>"
    "<Position>1000</Position><Length>4000</Length><NumNote>2</NumNote>"
    "<Note><Position>500</Position><Length>2000</Length><Label>3</Label></Note>"
    "<Note><Position>3000</Position><Length>0</Length><Label>a</Label></Note>"
    "</Sequence></Sequences>"
)


def add_recording(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, np.zeros(8_000), 4_000)
    return path


def test_what_to_do_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "crowsetta", None)
    with pytest.raises(
        MissingDependencyError, match=r"install 'sonotype\[crowsetta\]'"
    ):
        read_with_crowsetta(tmp_path / "a.not.mat", "notmat")


def test_only_formats_that_have_no_reader_here() -> None:
    with pytest.raises(SettingError, match=r"format of crowsetta 'raven' is unknown"):
        read_with_crowsetta("a.txt", "raven")


@pytest.mark.parametrize("folder", ["Wave", "audio"])
def test_samples_become_seconds_by_the_recording(tmp_path: Path, folder: str) -> None:
    pytest.importorskip("crowsetta")
    recording = add_recording(tmp_path / folder / "0.wav")
    path = tmp_path / "Annotation.xml"
    path.write_text(XML)
    events = read_with_crowsetta(path, "birdsong-recognition-dataset")
    # Notes are placed from the start of their sequence, at 4 kHz.
    assert list(events) == [
        Event(recording, "3", 0.375, 0.875),
        Event(recording, "a", 1.0, 1.0),
    ]


def test_a_file_of_evsonganaly(tmp_path: Path) -> None:
    pytest.importorskip("crowsetta")
    scipy_io = pytest.importorskip("scipy.io")
    recording = add_recording(tmp_path / "b.wav")
    path = tmp_path / "b.wav.not.mat"
    times = {"onsets": np.array([100.0, 900.0]), "offsets": np.array([250.0, 800.0])}
    scipy_io.savemat(path, {**times, "labels": "ab"})
    events = read_with_crowsetta(path, "notmat")
    assert list(events) == [Event(recording, "a", 0.1, 0.25)]
    assert [item.reason for item in events.rejected] == [
        "segment 2: its time ends at 0.8 s, before it begins at 0.9 s"
    ]
    other = read_with_crowsetta(path, "notmat", recording=Path("c.wav"))
    assert other[0].recording == Path("c.wav")


@pytest.mark.parametrize("name", CROWSETTA_FORMATS)
def test_a_file_that_it_cannot_read(tmp_path: Path, name: str) -> None:
    pytest.importorskip("crowsetta")
    suffixes = (".xml", ".not.mat", ".phn", ".mat")
    suffix = dict(zip(CROWSETTA_FORMATS, suffixes, strict=True))[name]
    path = tmp_path / f"a{suffix}"
    for content in (b"", b"\xff\0<a", b"0 1 h#\nx"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"crowsetta cannot read it as {name}"):
            read_with_crowsetta(path, name)
