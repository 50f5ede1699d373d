import csv
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonotype.clips import Clip, Clips, Rejected
from sonotype.dataset.clip_files import read_clips, write_clips
from sonotype.errors import DataError, SettingError
from sonotype.labels import Labels

FORMATS = (".csv", ".parquet")

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)
awkward = st.text(st.sampled_from(";\\\"', \n\r\tä#="), min_size=1, max_size=6)
names = (text | awkward).map(str.strip).filter(bool)
paths = names.map(lambda name: Path("/") / name.replace("/", "_"))
# What a path may be put together from. The one word in two Unicode forms is two files.
ODD = ["a\nb", "\r", "'a\"", "a b", "caf\xe9", "cafe\u0301", "\\;,"]
segments = st.sampled_from(["", ".", "..", "a", *ODD])
edited = st.lists(segments, min_size=1, max_size=4).map("/".join).filter(bool)
seconds = st.none() | st.floats(0, 1e6)


@st.composite
def tables(draw: st.DrawFn) -> Clips:
    labels = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    some = st.lists(st.sampled_from(labels), unique=True).map(tuple)
    clips = st.builds(
        Clip,
        path=paths,
        labels=some,
        group=text,
        start_seconds=seconds,
        end_seconds=seconds,
        split=st.none() | names,
        absent=st.none() | some,
    )
    return Clips.of(draw(st.lists(clips, max_size=5)), Labels(tuple(labels)))


@pytest.mark.parametrize("suffix", FORMATS)
def test_any_table_reads_back_equal(suffix: str) -> None:
    # Parquet is read by a process of its own, which takes a while to start.
    @settings(max_examples=200 if suffix == ".csv" else 6, deadline=None)
    @given(clips=tables())
    def check(clips: Clips) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"clips{suffix}"
            write_clips(clips, path)
            again = read_clips(path)
        assert again.labels == clips.labels
        assert list(again) == list(clips)

    check()


@pytest.mark.parametrize("suffix", FORMATS)
def test_any_path_starts_from_the_folder_of_the_table(
    tmp_path: Path, suffix: str
) -> None:
    table = tmp_path / f"clips{suffix}"

    @settings(max_examples=200 if suffix == ".csv" else 6, deadline=None)
    @given(stored=st.lists(edited, min_size=1, max_size=9))
    def check(stored: list[str]) -> None:
        clip = Clip(Path("/a"), ("x",), "g")
        write_clips(Clips.of([clip] * len(stored)), table)
        if suffix == ".csv":
            with table.open(newline="") as stream:
                header, *rows = csv.reader(stream)
            with table.open("w", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\r\n")
                writer.writerow(header)
                for path, row in zip(stored, rows, strict=True):
                    writer.writerow([path, *row[1:]])
        else:
            frame = pl.read_parquet(table).with_columns(path=pl.Series(stored))
            frame.write_parquet(table)
        found = read_clips(table).frame["path"].to_list()
        assert found == [str(tmp_path / path) for path in stored]

    check()


@pytest.mark.parametrize("suffix", FORMATS)
def test_recordings_with_odd_names_are_found_again(tmp_path: Path, suffix: str) -> None:
    (tmp_path / " odd\nplace ").mkdir()
    files = [tmp_path / " odd\nplace " / name for name in ODD]
    for file in files:
        file.write_bytes(file.name.encode())
    table = tmp_path / f"clips{suffix}"
    write_clips(Clips.of(Clip(file, ("x",), file.name) for file in files), table)
    again = read_clips(table)
    for path, name in zip(again.paths(), ODD, strict=True):
        assert path.read_bytes().decode() == name
    assert again.groups() == ODD


@pytest.mark.skipif(sys.platform != "linux", reason="names elsewhere are text")
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_name_that_is_no_text_is_refused(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    clips = Clips.of([Clip(Path("a.wav"), ("x",), "g")])
    for use in (read_clips, partial(write_clips, clips)):
        with pytest.raises(DataError, match="is not valid UTF-8; rename it"):
            use(folder / f"clips{suffix}")
    # Its name is in no path of a table that lies in the folder where one works.
    monkeypatch.chdir(folder)
    write_clips(clips, f"clips{suffix}")
    assert read_clips(f"clips{suffix}").paths() == [Path("a.wav")]
    with pytest.raises(DataError, match="is not valid UTF-8; rename it"):
        write_clips(clips, tmp_path / f"clips{suffix}")


@pytest.mark.parametrize("suffix", FORMATS)
def test_recordings_move_with_the_table(tmp_path: Path, suffix: str) -> None:
    root = tmp_path / "old"
    root.mkdir()
    below, beside = root / "in" / "a.wav", tmp_path / "b.wav"
    rejected = (Rejected(root / "c.wav", "is empty"),)
    clips = Clips.of([Clip(path, ("x",), "g") for path in (below, beside)])
    clips = Clips(clips.frame, clips.labels, rejected)
    write_clips(clips, root / f"clips{suffix}")
    root.rename(tmp_path / "new")
    again = read_clips(tmp_path / "new" / f"clips{suffix}")
    assert again.paths() == [tmp_path / "new" / "in" / "a.wav", beside]
    assert again.rejected == ()


@pytest.mark.parametrize("suffix", FORMATS)
def test_relative_paths_stay_the_same_files(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    clips = Clips.of([Clip(Path(name), ("x",), "g") for name in ("data/a", "b")])
    write_clips(clips, f"data/clips{suffix}")
    again = read_clips(f"data/clips{suffix}")
    assert again.paths() == [Path("data/a"), tmp_path / "b"]


def test_the_csv_is_for_people(tmp_path: Path) -> None:
    labels = Labels(("wren", "owl; barn", "a\\b"))
    clips = Clips.of(
        [
            Clip(tmp_path / "a.wav", ("a\\b", "owl; barn"), "g", 0.5, 2.0, "train"),
            Clip(tmp_path / "b.wav", (), "h", absent=labels.names),
            Clip(tmp_path / "c.wav", (), "i", absent=()),
        ],
        labels,
    )
    write_clips(clips, tmp_path / "clips.csv")
    with (tmp_path / "clips.csv").open(newline="") as stream:
        header, *rows = csv.reader(stream)
    every = "wren;owl\\; barn;a\\\\b"
    assert header[:4] == ["path", "start_seconds", "end_seconds", "labels"]
    assert header[4:] == ["absent", "group", "split", f"labels={every}"]
    assert rows == [
        ["a.wav", "0.5", "2.0", "a\\\\b;owl\\; barn", "", "g", "train", ""],
        ["b.wav", "", "", "", every, "h", "", ""],
        ["c.wav", "", "", "", ";", "i", "", ""],
    ]


def test_a_table_of_no_clips_keeps_its_labels(tmp_path: Path) -> None:
    nothing = Clips.of([], Labels(("b", "a")))
    for suffix in FORMATS:
        write_clips(nothing, tmp_path / f"clips{suffix}")
        again = read_clips(tmp_path / f"clips{suffix}")
        assert (len(again), again.labels.names) == (0, ("b", "a"))


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    clips = Clips.of([Clip(Path("a.wav"), ("x",), "g")])
    with pytest.raises(
        SettingError, match=r"table of clips '\.json' .*\.csv, \.parquet"
    ):
        write_clips(clips, tmp_path / "clips.json")
    with pytest.raises(
        SettingError, match=r"clips\.csv cannot be written: No such file"
    ):
        write_clips(clips, tmp_path / "none" / "clips.csv")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - hidden files count


HEADER = "path,start_seconds,end_seconds,labels,absent,group,split,labels=x;y\n"


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (
            "path,label\na.wav,x\n",
            r"was not written by write_clips, or a column is",
        ),
        (HEADER + "a.wav,soon,,x,,g,,\n", "column start_seconds: could not convert"),
        (HEADER + "a.wav,,,x\n", "row 2 has 4 cells, but there are 8 columns"),
        (HEADER + '"a"b.wav,,,x,,g,,\n', "is not CSV: "),
        (HEADER + ",,,x,,g,,\n", "a clip has no path or no group"),
        (HEADER + "a.wav,,,z,,g,,\n", r"labels that are not in the list: \['z'\]"),
    ],
)
def test_a_csv_that_is_no_table_of_clips(
    tmp_path: Path, content: str, match: str
) -> None:
    path = tmp_path / "clips.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=match):
        read_clips(path)


def test_a_parquet_file_that_is_no_table_of_clips(tmp_path: Path) -> None:
    path = tmp_path / "clips.parquet"
    pl.DataFrame({"path": ["a.wav"], "labels": [["x"]]}).write_parquet(path)
    with pytest.raises(DataError, match=r"was not written by write_clips"):
        read_clips(path)
    write_clips(Clips.of([Clip(Path("a.wav"), ("x",), "g")]), path)
    frame = pl.read_parquet(path)
    frame.with_columns(group=pl.lit(None, pl.String)).write_parquet(path)
    with pytest.raises(DataError, match="a clip has no path or no group; write the"):
        read_clips(path)
    frame.with_columns(start_seconds=pl.lit("soon")).write_parquet(path)
    with pytest.raises(DataError, match="is no table of clips: "):
        read_clips(path)
    with pytest.raises(DataError, match=r"gone\.csv: there is no such file"):
        read_clips(tmp_path / "gone.csv")
