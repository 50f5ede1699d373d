"""What every reader promises, whatever the format and whatever the file."""

import codecs
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonotype.dataset.annotations.formats import (
    ANNOTATION_FORMATS,
    read_annotations,
    recognise_format,
)
from sonotype.errors import DataError, SettingError
from sonotype.events import Events

# One event of 0.5 to 1.5 s each, and what the file is called.
EXAMPLES: dict[str, tuple[str, str]] = {
    "raven": (
        "a.txt",
        "Selection\tBegin Time (s)\tEnd Time (s)\tSpecies\n1\t0.5\t1.5\twren\n",
    ),
    "textgrid": (
        "a.TextGrid",
        'File type = "ooTextFile"\n"TextGrid"\n0\n2\n<exists>\n1\n'
        '"IntervalTier"\n"birds"\n0\n2\n1\n0.5\n1.5\n"wren"\n',
    ),
    "svl": (
        "a.svl",
        '<?xml version="1.0" encoding="UTF-8"?>\n<sv><model sampleRate="8000" '
        'type="sparse"/><point frame="4000" duration="8000" label="wren"/></sv>\n',
    ),
    "rainforest": (
        "train_tp.csv",
        "recording_id,species_id,songtype_id,t_min,f_min,t_max,f_max\n"
        "a,wren,1,0.5,1,1.5,2\n",
    ),
    "table": ("events.csv", "path,start,end,label\na.wav,0.5,1.5,wren\n"),
    "svl-csv": ("a.csv", "0.5,3,1.0,wren\n"),
    "audacity": ("a.txt", "0.5\t1.5\twren\n"),
}
FORMATS = pytest.mark.parametrize("name", ANNOTATION_FORMATS)
FUZZ = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_every_format_has_an_example() -> None:
    assert set(EXAMPLES) == set(ANNOTATION_FORMATS)


@FORMATS
def test_a_format_is_recognised_and_read(name: str, tmp_path: Path) -> None:
    file, text = EXAMPLES[name]
    (tmp_path / "a.wav").touch()
    path = tmp_path / file
    path.write_text(text)
    assert recognise_format(path) == name
    (event,) = read_annotations(path)
    assert event.recording == tmp_path / "a.wav"
    assert (event.label, event.start_seconds, event.end_seconds) == ("wren", 0.5, 1.5)
    (other,) = read_annotations(path, recording=Path("b.wav"), annotation_format=name)
    assert other.recording == Path("b.wav")


@FORMATS
def test_a_byte_order_mark_makes_no_difference(name: str, tmp_path: Path) -> None:
    file, text = EXAMPLES[name]
    path = tmp_path / file
    path.write_bytes(codecs.BOM_UTF8 + text.encode())
    assert recognise_format(path) == name
    assert len(read_annotations(path, recording=Path("a.wav"))) == 1


@FORMATS
def test_only_its_own_files_are_recognised(name: str) -> None:
    # A selection table is a table of events too, so `table` comes after it.
    also = {"raven"} if name == "table" else set()
    recognises = ANNOTATION_FORMATS[name].recognises
    found = {other for other, (_, text) in EXAMPLES.items() if recognises(text)}
    assert found == {name} | also


def test_names_say_whether_files_name_recordings() -> None:
    naming = {
        name
        for name, known in ANNOTATION_FORMATS.items()
        if known.names_recordings(EXAMPLES[name][1])
    }
    assert naming == {"table", "rainforest"}
    text = EXAMPLES["raven"][1].replace("Selection", "Begin File")
    assert ANNOTATION_FORMATS["raven"].names_recordings(text)


def test_what_is_no_annotation_file(tmp_path: Path) -> None:
    for name in ("notes.txt", "a.csv", "a.wav", "a.TextGrid"):
        path = tmp_path / name
        path.write_text("dear diary")
        assert recognise_format(path) is None
    with pytest.raises(DataError, match=r"is in no known format .* raven, textgrid,"):
        read_annotations(tmp_path / "notes.txt")
    with pytest.raises(SettingError, match=r"format 'ravn' is unknown .*'raven'\?"):
        read_annotations(tmp_path / "notes.txt", annotation_format="ravn")


def read_or_refuse(name: str, content: bytes, folder: Path) -> None:
    """Read anything: a table of events or one sentence, never anything else."""
    path = folder / EXAMPLES[name][0]
    path.write_bytes(content)
    recognise_format(path)
    events = Events.of([])
    refused = f"{path}: "
    try:
        events = ANNOTATION_FORMATS[name].read(path, recording=Path("a.wav"))
    except DataError as error:
        refused = str(error)
    assert refused.startswith(f"{path}: ")
    assert len(refused) < 1_000
    for event in events:
        assert 0 <= event.start_seconds <= event.end_seconds
        assert event.label.strip() == event.label != ""
    for item in events.rejected:
        assert item.path == path
        assert item.reason.startswith(("line ", "row "))


@FORMATS
@FUZZ
@given(content=st.binary(max_size=300))
def test_any_bytes(name: str, content: bytes, tmp_path: Path) -> None:
    read_or_refuse(name, content, tmp_path)


@FORMATS
@FUZZ
@given(data=st.data())
def test_a_file_with_anything_in_its_midst(
    name: str, data: st.DataObject, tmp_path: Path
) -> None:
    text = EXAMPLES[name][1]
    start = data.draw(st.integers(0, len(text)), "start")
    end = data.draw(st.integers(start, min(start + 20, len(text))), "end")
    pieces = [
        "\t",
        "\n",
        ",",
        '"',
        "-1",
        "1e999",
        "nan",
        "\\",
        "<",
        "&",
        "[",
        "9" * 400,
    ]
    anything = st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.lists(st.sampled_from(pieces), max_size=6).map("".join),
    )
    changed = text[:start] + data.draw(anything, "put in") + text[end:]
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), "encoding")
    read_or_refuse(name, changed.encode(encoding), tmp_path)


@FORMATS
def test_a_cut_file(name: str, tmp_path: Path) -> None:
    content = EXAMPLES[name][1].encode()
    for end in range(len(content)):
        read_or_refuse(name, content[:end], tmp_path)


@FORMATS
def test_a_long_file_takes_no_long_time(name: str, tmp_path: Path) -> None:
    for piece in ('"', "\n", "\t", "<", "a ", "1 ", '""', '"a" ', "\\\t\n"):
        for start in ("", EXAMPLES[name][1]):
            read_or_refuse(name, (start + piece * 50_000).encode(), tmp_path)
