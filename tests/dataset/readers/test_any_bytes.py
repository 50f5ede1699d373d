"""Whatever a file of a data set holds: clips, or one sentence that says why not."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sonotype.clips import Clips
from sonotype.dataset.readers.layout import read_dataset, recognise
from sonotype.errors import DataError

# The file of a layout that is text, with a row that can be used, and the recording.
FILES: dict[str, tuple[str, str, bytes]] = {
    "table": ("birds.csv", "a.wav", b"path,label,absent,low_hz\na.wav,x,y,7\n"),
    "audiofolder": ("metadata.csv", "a.wav", b"file_name,label\na.wav,x\n"),
    "esc": (
        "meta/esc50.csv",
        "audio/1-1-A-0.wav",
        b"filename,fold,category,src_file\n1-1-A-0.wav,1,dog,1\n",
    ),
    "urbansound": (
        "metadata/UrbanSound8K.csv",
        "audio/fold1/a.wav",
        b"slice_file_name,fsID,fold,class\na.wav,1,1,siren\n",
    ),
    "speech_commands": (
        "testing_list.txt",
        "yes/0a7c2a8d_nohash_0.wav",
        b"yes/0a7c2a8d_nohash_0.wav\n",
    ),
    "annotated": ("a.txt", "a.wav", b"0.1\t0.2\twren\n"),
    "annotated jsonl": (
        "events.jsonl",
        "a.wav",
        b'{"path": "a.wav", "start": 0.1, "end": 0.2, "label": "wren", "low_hz": 1}\n',
    ),
}
PIECES = (b",", b";", b"\t", b"\n", b"\r", b'"', b"\0", b"..", b"/", b"-1", b"1e999")


def read_or_refuse(layout: str, content: bytes) -> Clips | str:
    name, recording, _ = FILES[layout]
    with tempfile.TemporaryDirectory() as folder:
        audio, file = Path(folder, recording), Path(folder, name)
        for path in (audio, file):
            path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(audio, np.zeros(800), 800)
        file.write_bytes(content)
        recognise(folder)
        try:
            return read_dataset(folder, layout=layout.split()[0], clip_seconds=0.5)
        except DataError as error:
            return str(error)


@pytest.mark.parametrize("layout", FILES)
def test_the_examples_are_read(layout: str) -> None:
    clips = read_or_refuse(layout, FILES[layout][2])
    assert isinstance(clips, Clips)
    assert len(clips) > 0


@pytest.mark.parametrize("layout", FILES)
@settings(max_examples=40)
@given(data=st.data())
def test_any_bytes_are_clips_or_one_sentence(layout: str, data: st.DataObject) -> None:
    text = FILES[layout][2]
    start = data.draw(st.integers(0, len(text)), "start")
    end = data.draw(st.integers(start, len(text)), "end")
    pieces = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)
    put_in = data.draw(st.binary(max_size=40) | pieces, "put in")
    found = read_or_refuse(layout, text[:start] + put_in + text[end:])
    if isinstance(found, str):
        assert "\n" not in found.replace("\\n", "")
        assert 0 < len(found) < 1_000
    else:
        assert len(found) > 0
