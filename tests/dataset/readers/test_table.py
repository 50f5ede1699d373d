import json
import os
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonotype.clips import Clip, Clips
from sonotype.dataset.readers.table import read_table
from sonotype.errors import DataError, SettingError, SonotypeError

SAMPLE_RATE = 8_000


def add(path: Path, seconds: float = 2.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.zeros(round(seconds * SAMPLE_RATE))
    soundfile.write(path, samples, SAMPLE_RATE, format="WAV")
    return path


def write(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def reasons(clips: Clips) -> list[str]:
    return [item.reason for item in clips.rejected]


def test_every_column_ends_up_in_its_place(tmp_path: Path) -> None:
    a, b = add(tmp_path / "a.wav"), add(tmp_path / "deep" / "b.wav")
    table = write(
        tmp_path,
        "File Name,Species,Begin Time (s),End Time (s),speaker,subset\n"
        "a.wav,robin; wren,0,1.5,ann,training\n"
        "./deep//b.wav,owl,,,bob,VAL\n"
        "a.wav,owl,0.5,,,Test\n",
    )
    clips = read_table(table)
    assert list(clips) == [
        Clip(a, ("robin", "wren"), "ann", 0.0, 1.5, "train"),
        Clip(b, ("owl",), "bob", None, None, "validation"),
        Clip(a, ("owl",), "a.wav", 0.5, None, "test"),
    ]
    assert clips.labels.names == ("owl", "robin", "wren")
    assert clips.rejected == ()


ROWS = [("a.wav", "x;y", 0.0, 1.0, "1"), ("b.wav", "y", 0.5, 2.0, "2")]
COLUMNS = ["path", "label", "start", "end", "fold"]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.ndjson", "t.parquet"])
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    a, b = add(tmp_path / "a.wav"), add(tmp_path / "b.wav")
    frame = pl.DataFrame(ROWS, schema=COLUMNS, orient="row")
    write_as: dict[str, Callable[[Path], Any]] = {
        ".csv": frame.write_csv,
        ".tsv": lambda path: frame.write_csv(path, separator="\t"),
        ".jsonl": frame.write_ndjson,
        ".ndjson": frame.write_ndjson,
        ".parquet": frame.write_parquet,
    }
    write_as[Path(name).suffix](tmp_path / name)
    assert list(read_table(tmp_path / name)) == [
        Clip(a, ("x", "y"), "a.wav", 0.0, 1.0, "fold1"),
        Clip(b, ("y",), "b.wav", 0.5, 2.0, "fold2"),
    ]


def test_lists_numbers_and_categories_are_labels_too(tmp_path: Path) -> None:
    lines = [
        {"path": "a.wav", "labels": ["x", " y "], "more": {"deep": [1]}},
        {"path": "b.wav", "labels": 7},
        {"path": "c.wav", "labels": None},
        {"path": "d.wav", "labels": {"no": "text"}},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    clips = read_table(write(tmp_path, text, "t.jsonl"), check_files=False)
    odd = ('{"no": "text"}',)
    assert [clip.labels for clip in clips] == [("x", "y"), ("7",), (), odd]
    assert not reasons(clips)

    for labels in (
        pl.Series([["x", None], ["y"]]),
        pl.Series([[1], [2]]),
        pl.Series(["x", "y"], dtype=pl.Categorical),
        pl.Series([1, 2]),
    ):
        frame = pl.DataFrame({"path": ["a.wav", "b.wav"], "label": labels})
        frame.write_parquet(tmp_path / "t.parquet")
        clips = read_table(tmp_path / "t.parquet", check_files=False)
        assert [len(clip.labels) for clip in clips] == [1, 1]


def test_rows_of_one_clip_are_one_clip(tmp_path: Path) -> None:
    table = write(
        tmp_path,
        "path,label,start,end,speaker\n"
        "a.wav,x,0,1,ann\n"
        "a.wav,x,1,2,ann\n"
        "./a.wav,y;x,0,1.0,ann\n"
        "a.wav,z,0,1,bob\n",
    )
    clips = read_table(table, check_files=False)
    assert [(clip.start_seconds, clip.labels) for clip in clips] == [
        (0.0, ("x", "y")),
        (1.0, ("x",)),
    ]
    assert reasons(clips) == [
        "row 5: the same clip has another group or split in row 2"
    ]


def test_a_row_without_a_label_is_a_slip_unless_others_have_several(
    tmp_path: Path,
) -> None:
    one = read_table(
        write(tmp_path, "path,label\na.wav,x\nb.wav,\n"), check_files=False
    )
    assert reasons(one) == ["row 3: the label is empty"]
    text = "path,label\na.wav,x;y\nb.wav,\n"
    several = read_table(write(tmp_path, text), check_files=False)
    assert [clip.labels for clip in several] == [("x", "y"), ()]


def test_labels_that_are_absent(tmp_path: Path) -> None:
    table = write(
        tmp_path,
        "path,label,absent\n"
        "a.wav,x,\n"  # every other label is absent
        "b.wav,x,y\n"  # z is unknown
        "c.wav,,y; z\n"
        "d.wav,x,;\n"  # y and z are unknown
        "e.wav,,\n"
        "f.wav,x,y;x\n"
        "g.wav,x,y\n"
        "g.wav,,z\n",
    )
    clips = read_table(table, check_files=False)
    assert clips.labels.names == ("x", "y", "z")
    assert [(clip.labels, clip.absent) for clip in clips] == [
        (("x",), None),
        (("x",), ("y",)),
        ((), ("y", "z")),
        (("x",), ()),
        ((), None),
        (("x",), ("y", "z")),
    ]
    assert reasons(clips) == [
        "row 7: the label x is said to be both heard and absent",
    ]
    some = read_table(table, classes=["x"], check_files=False)
    assert [(clip.labels, clip.absent) for clip in some] == [
        (("x",), None),
        *[(("x",), ())] * 2,
        ((), None),
        (("x",), ()),
    ]


def test_rows_of_one_clip_that_contradict_each_other(tmp_path: Path) -> None:
    text = "path,label,absent\na.wav,x,\na.wav,y,x\nb.wav,y,\n"
    clips = read_table(write(tmp_path, text), check_files=False)
    assert [clip.path.name for clip in clips] == ["b.wav"]
    assert reasons(clips) == ["row 2: the label x is said to be both heard and absent"]


def test_frequencies_are_not_left_out_in_silence(tmp_path: Path) -> None:
    table = write(tmp_path, "path,label,f_min,High (Hz)\na.wav,x,100,\n")
    (item,) = read_table(table, check_files=False).rejected
    assert item.path == table
    assert item.reason == (
        "what 'f_min' says is left out, for a clip has no frequencies; the layout "
        "annotated reads the rows as events with them"
    )
    told = read_table(table, columns={"low": None, "high": None}, check_files=False)
    assert told.rejected == ()
    (tmp_path / "table.csv").write_text("path,label,f_min\na.wav,x,\n")
    assert read_table(table, check_files=False).rejected == ()


def test_clips_of_one_file_share_a_group(tmp_path: Path) -> None:
    text = (
        "path,label,start\nann_nohash_1.wav,x,0\nann_nohash_2.wav,y,0\nb.wav,x,0\n"
        "b.wav,x,1\n"
    )
    clips = read_table(write(tmp_path, text), check_files=False)
    assert clips.groups() == ["ann", "ann", "b.wav", "b.wav"]


def test_groups_come_from_a_column_or_from_the_paths(tmp_path: Path) -> None:
    text = "path,label,speaker,night\np/a.wav,x,ann,1\nq/b.wav,y,bob,1\n"
    table = write(tmp_path, text)
    groups = {
        group_by: read_table(table, group_by=group_by, check_files=False).groups()
        for group_by in (None, "night", "part:1", "([ab])\\.wav")
    }
    assert groups == {
        None: ["ann", "bob"],
        "night": ["1", "1"],
        "part:1": ["p", "q"],
        "([ab])\\.wav": ["a", "b"],
    }


WRONG = {
    ",x,,,": "the path is empty",
    "a.wav,,,,": "the label is empty",
    "a.wav, ; ,,,": "the label is empty",
    "a.wav,x,soon,2,": "the start soon is not a time in seconds",
    "a.wav,x,nan,2,": "the start nan is not a time in seconds",
    "a.wav,x,0,inf,": "the end inf is not a time in seconds",
    'a.wav,x,0,"1,5",': "the end 1,5 is not a time in seconds",
    "a.wav,x,-1,2,": "the start, -1.0 s, is negative",
    "a.wav,x,,0,": "the end, 0.0 s, is not after the start",
    "a.wav,x,1,1,": "the end, 1.0 s, is not after the start, 1.0 s",
    "a.wav,x,0,1,some": "some is neither train, validation or test nor a fold",
    "a.wav,x": "has 2 cells, but there are 5 columns",
    'a.wav,"x"y,0,1,': "is not CSV: ',' expected after '\"'",
    "gone.wav,x,,,": "there is no such file",
    "bad.wav,x,,,": (
        "cannot be read: it is not audio in a format that can be read here; "
        "convert it to WAV or FLAC"
    ),
    "a.wav,x,0,2.5,": (
        "the interval from 0.0 s to 2.5 s is not inside the recording, "
        "which lasts 2.0 s"
    ),
    "a.wav,x,2,,": (
        "the interval from 2.0 s to the end is not inside the recording, "
        "which lasts 2.0 s"
    ),
    "a.wav,x,1,1.00001,": "the interval is shorter than one sample",
}


@pytest.mark.parametrize("row", WRONG)
def test_a_row_that_cannot_be_used_is_set_aside(tmp_path: Path, row: str) -> None:
    add(tmp_path / "a.wav")
    (tmp_path / "bad.wav").write_text("no sound")
    table = write(
        tmp_path, f"path,label,start,end,split\na.wav,x,0,2,train\n{row}\na.wav,y,,,\n"
    )
    clips = read_table(table)
    assert reasons(clips) == [f"row 3: {WRONG[row]}"]
    assert [clip.labels for clip in clips] == [("x",), ("y",)]


def test_a_zero_byte_in_a_path(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    lines = '{"path": "a.wav", "label": "x"}\n{"path": "\\u0000", "label": "x"}\n'
    clips = read_table(write(tmp_path, lines, "t.jsonl"))
    assert reasons(clips) == ["row 2: is no path: it holds a zero byte"]


def test_lines_that_are_no_row(tmp_path: Path) -> None:
    lines = [
        '{"path": "a.wav", "label": "x"}',
        "",
        "not json",
        "[1]",
        '{"path": "\\ud800", "label": "x"}',
        "[" * 100_000,
    ]
    clips = read_table(write(tmp_path, "\n".join(lines), "t.jsonl"), check_files=False)
    found = reasons(clips)
    assert len(clips) == 1
    assert found[0].startswith("row 3: is not JSON: ")
    assert found[1] == "row 4: is JSON, but no object with names and values: '[1]'"
    assert found[2] == "row 5: holds text that is not valid Unicode"
    assert found[3].startswith("row 6: is not JSON: ")


def test_a_duration_counts_where_there_is_no_end(tmp_path: Path) -> None:
    def times(header: str) -> tuple[float | None, float | None]:
        table = write(tmp_path, f"path,label,{header}\na.wav,x,1,2\n")
        (clip,) = read_table(table, check_files=False)
        return clip.start_seconds, clip.end_seconds

    assert times("start,duration") == (1.0, 3.0)
    assert times("end,duration") == (None, 1.0)
    assert times("duration,other") == (None, None)


def test_folds_are_read_however_they_are_written(tmp_path: Path) -> None:
    folds = ["1", "fold2", "Fold_3", "fold 4", "5.0", "06", ""]
    rows = "".join(f"{i}.wav,x,{fold}\n" for i, fold in enumerate(folds))
    table = write(tmp_path, f"path,label,fold\n{rows}")
    found = read_table(table, check_files=False).frame["split"].to_list()
    assert found == [*(f"fold{i}" for i in range(1, 7)), None]


def test_columns_may_be_named_or_left_unused(tmp_path: Path) -> None:
    text = "song,kind,extra,set,fold\na.wav,x|y,z,unlike,3\n"
    table = write(tmp_path, text)
    named = {"path": "song", "labels": "kind", "split": None}
    (clip,) = read_table(table, columns=named, separator="|", check_files=False)
    assert (clip.labels, clip.split) == (("x", "y"), "fold3")

    with pytest.raises(DataError, match=r"tell the path; .* there are song, kind, ext"):
        read_table(table)
    with pytest.raises(SettingError, match=r"labels column 'knd' .*'kind'.*extra"):
        read_table(table, columns={"path": "song", "labels": "knd"})
    with pytest.raises(SettingError, match=r"role of a column 'label' .*'labels'"):
        read_table(table, columns={"label": "kind"})
    with pytest.raises(SettingError, match="separator of labels is empty"):
        read_table(table, columns=named, separator="")


def test_paths_start_from_the_audio_root(tmp_path: Path) -> None:
    audio = add(tmp_path / "audio" / "a.wav")
    other = add(tmp_path / "b.wav")
    (tmp_path / "tables").mkdir()
    table = write(tmp_path / "tables", f"path,label\na.wav,x\n{other},y\n")
    clips = read_table(str(table), audio_root=tmp_path / "audio")
    assert clips.paths() == [audio, other]
    with pytest.raises(DataError, match="none: there is no such folder of recordings"):
        read_table(table, audio_root=tmp_path / "none")


def test_classes_choose_and_order_the_labels(tmp_path: Path) -> None:
    text = "path,label\na.wav,x;y\nb.wav,z\nc.wav,y\n"
    table = write(tmp_path, text)
    clips = read_table(table, classes=["y", "z"], check_files=False)
    assert clips.labels.names == ("y", "z")
    assert [clip.labels for clip in clips] == [("y",), ("z",), ("y",)]
    with pytest.raises(SettingError, match=r"class 'w' is unknown; .* x, y, z"):
        read_table(table, classes=["w"], check_files=False)


def test_the_only_table_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "path,label\na.wav,x\n")
    assert len(read_table(tmp_path, check_files=False)) == 1
    write(tmp_path, "path,label\na.wav,x\n", "other.csv")
    with pytest.raises(DataError, match=r"there are: other\.csv, table\.csv; name the"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("t.csv", b"", "is empty; its first line must name the columns"),
        ("t.csv", b"path,label,label\n", "several columns are called 'label'; rename"),
        ("t.csv", b"path,label\n", "there is no recording that can be used$"),
        ("t.csv", b"path,label\n\xe4.wav,x\n", r"is not utf-8 text \(byte 11\); save"),
        ("t.jsonl", b"", "no column is known to tell the path"),
        ("t.parquet", b"PAR1", "is no whole Parquet file: it does not begin and end"),
        ("t.parquet", b"PAR1" + b"\xff" * 4 + b"PAR1", "of 4294967295 bytes does not"),
        ("t.parquet", b"PAR1abcd\4\0\0\0PAR1", r"is damaged \(.+\); write it again"),
    ],
)
def test_a_file_that_is_no_such_table(
    tmp_path: Path, name: str, content: bytes, match: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=match):
        read_table(tmp_path / name)


def test_a_file_of_another_format_or_none(tmp_path: Path) -> None:
    with pytest.raises(
        SettingError, match=r"format of a table '\.xlsx' is unknown; .*"
    ):
        read_table(write(tmp_path, "", "t.xlsx"))
    with pytest.raises(DataError, match=r"gone\.csv: there is no such file"):
        read_table(tmp_path / "gone.csv")


@pytest.mark.skipif(os.name != "posix", reason="needs names that are just bytes")
def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    with pytest.raises(DataError, match="its name is not valid UTF-8; rename it"):
        read_table(write(folder, "path,label\na.wav,x\n"))
    table = write(tmp_path, "path,label\na.wav,x\n")
    with pytest.raises(DataError, match="its name is not valid UTF-8; rename it"):
        read_table(table, audio_root=folder)


def test_a_column_of_no_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"path": [{"bytes": b"x"}], "label": ["x"]})
    frame.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"column 'path' holds Struct.* must hold text"):
        read_table(tmp_path / "t.parquet")
    frame = pl.DataFrame({"path": ["a"], "label": [[["x"]]]})
    frame.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="column 'label' holds lists of lists"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_what_spreadsheets_write(tmp_path: Path, encoding: str, mark: str) -> None:
    text = f"path{mark}label{mark}\r\ntäg, 1;2.wav{mark}x{mark}\r\n"
    if mark != "\t":
        text = text.replace("täg, 1;2.wav", '"täg, 1;2.wav"')
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    (clip,) = read_table(tmp_path / "t.csv", check_files=False)
    assert clip.path == tmp_path / "täg, 1;2.wav"


def read_bytes(content: bytes, suffix: str) -> None:
    """Read any bytes as a table: clips, or one error of our own."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / f"t{suffix}"
        table.write_bytes(content)
        with suppress(SonotypeError):
            assert len(read_table(table)) > 0


FEW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
cells = st.text(st.characters(), max_size=8) | st.sampled_from(
    ["a.wav", "x;y", "1.5", "-1", "nan", "", "/", "..", "\0", '"', "\r", "fold1"]
)
headers = st.sampled_from(["path,label\n", "path,label,start,end,split\n", ""])


@FEW
@given(header=headers, rows=st.lists(st.lists(cells, max_size=6), max_size=5))
def test_any_text_is_clips_or_one_error(header: str, rows: list[list[str]]) -> None:
    text = header + "\n".join(",".join(row) for row in rows)
    content = text.encode(errors="surrogatepass")
    for suffix in (".csv", ".tsv"):
        read_bytes(content, suffix)


@FEW
@given(st.binary(max_size=60))
def test_any_bytes_are_clips_or_one_error(content: bytes) -> None:
    for suffix in (".csv", ".jsonl"):
        read_bytes(content, suffix)
        read_bytes(b"path,label\n" + content, suffix)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | cells,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(cells, inner, max_size=3)
    ),
    max_leaves=4,
)
json_rows = st.fixed_dictionaries(
    {"path": json_values, "label": json_values},
    optional={"start": json_values, "end": json_values, "split": json_values},
)


@FEW
@given(st.lists(json_rows, max_size=4))
def test_any_json_is_clips_or_one_error(rows: list[dict[str, object]]) -> None:
    text = "\n".join(json.dumps(row) for row in rows)
    read_bytes(text.encode(), ".jsonl")


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4)
)
def test_a_damaged_parquet_file_does_not_end_the_process(
    changes: list[tuple[int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "t.parquet"
        frame = pl.DataFrame(
            {"path": ["a.wav"] * 9, "label": [["x"], ["y", "z"], []] * 3}
        )
        frame.write_parquet(table)
        content = bytearray(table.read_bytes())
    (n_footer,) = struct.unpack("<I", content[-8:-4])
    for place, value in changes:
        content[-9 - place % n_footer] = value
    read_bytes(bytes(content), ".parquet")


def test_a_reader_that_dies_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pl.DataFrame({"path": ["a.wav"], "label": ["x"]}).write_parquet(
        tmp_path / "t.parquet"
    )
    child = "sonotype.dataset.parquet_file._CHILD"
    monkeypatch.setattr(child, "import os; os.abort()")
    with pytest.raises(DataError, match=r"is damaged \(reading it (ended|failed)"):
        read_table(tmp_path / "t.parquet")
    monkeypatch.setattr(child, "import time; time.sleep(60)")
    monkeypatch.setattr("sonotype.dataset.parquet_file._TIMEOUT_SECONDS", 0.2)
    with pytest.raises(DataError, match=r"could not be read in 0\.2 s"):
        read_table(tmp_path / "t.parquet")
