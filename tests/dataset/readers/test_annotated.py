from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.overlap import OverlapRule
from sonotype.dataset.readers.annotated import find_annotated, read_annotated
from sonotype.errors import DataError, SettingError
from sonotype.labels import Labels

DATA = Path(__file__).parents[3].parent / "shared" / "data"
NEEDS_DATA = pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the recordings beside the project"
)
RAVEN = "Begin Time (s)\tEnd Time (s)\tSpecies\n"


def add(path: Path, text: str | None = None, *, seconds: float = 2.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        soundfile.write(path, np.zeros(round(seconds * 1_000)), 1_000)
    else:
        path.write_text(text, encoding="utf-8")
    return path


def test_annotations_beside_and_elsewhere(tmp_path: Path) -> None:
    a = add(tmp_path / "audio" / "site" / "a.wav")
    b = add(tmp_path / "b.wav")
    add(
        tmp_path / "raven" / "site" / "a.Table.1.selections.txt", RAVEN + "0\t1\twren\n"
    )
    add(tmp_path / "b.txt", "1\t1.5\trobin\n")
    clips = read_annotated(tmp_path, clip_seconds=1.0)
    assert clips.paths() == [a, a, b, b]
    assert [clip.labels for clip in clips] == [("wren",), (), (), ("robin",)]
    assert clips.groups() == ["audio/site/a.wav"] * 2 + ["b.wav"] * 2
    assert clips.rejected == ()
    assert find_annotated(tmp_path).formats == {"audacity": 1, "raven": 1}


def test_settings_are_passed_on(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    add(tmp_path / "a.txt", "0.5\t1.2\trobin\n1.9\t2\twren\n")
    clips = read_annotated(
        str(tmp_path),
        clip_seconds=1.0,
        hop_seconds=0.5,
        rule=OverlapRule(min_seconds=0.2),
        complete=True,
        labels=Labels(("robin", "owl")),
    )
    assert [clip.labels for clip in clips] == [("robin",)] * 3
    assert [clip.absent for clip in clips] == [("owl",)] * 3


def test_an_empty_annotation_file_says_that_nothing_is_there(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    add(tmp_path / "a.txt", RAVEN + "0\t1\twren\n")
    quiet = add(tmp_path / "b.wav", seconds=1.0)
    add(tmp_path / "b.txt", RAVEN)
    nobody = add(tmp_path / "c.wav")
    clips = read_annotated(tmp_path, clip_seconds=1.0, complete=True)
    assert [clip.absent for clip in clips if clip.path == quiet] == [("wren",)]
    assert [(item.path, item.reason) for item in clips.rejected] == [
        (nobody, "has no annotations")
    ]


def test_tables_name_recordings_wherever_they_lie(tmp_path: Path) -> None:
    far = add(tmp_path / "x" / "y" / "z" / "a.wav")
    add(tmp_path / "events.csv", "path,start,end,label\na.wav,0,1,wren\nb.wav,0,1,x\n")
    clips = read_annotated(tmp_path, clip_seconds=2.0)
    assert clips.paths() == [far]
    assert [(item.path.name, item.reason) for item in clips.rejected] == [
        ("b.wav", "there is no such file")
    ]


def test_a_table_named_like_a_recording_may_be_about_others(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    other = add(tmp_path / "b.wav")
    header = "Begin Time (s)\tEnd Time (s)\tBegin File\tSpecies\n"
    add(tmp_path / "a.txt", header + "0\t1\tb.wav\twren\n")
    found = find_annotated(tmp_path)
    assert found.recordings == (other,)


def test_a_site_is_never_taken_for_another(tmp_path: Path) -> None:
    for site in ("s1", "s2"):
        add(tmp_path / "beside" / site / "1.wav")
        add(tmp_path / "audio" / site / "1.wav")
        add(tmp_path / "raven" / site / "1.txt", RAVEN + "0\t1\twren\n")
    add(tmp_path / "beside" / "s1" / "2.txt", RAVEN + "0\t1\twren\n")
    add(tmp_path / "beside" / "s2" / "2.wav")
    add(tmp_path / "raven" / "s1" / "2.txt", RAVEN + "0\t1\twren\n")
    add(tmp_path / "audio" / "s2" / "2.wav")
    # Of `beside/s1/2.txt` there is no recording; the other site's is not it.
    assert find_annotated(tmp_path / "beside").recordings == ()
    # `raven/s1/1.txt` may be about `audio/s1/1.wav` or `beside/s1/1.wav`.
    assert find_annotated(tmp_path).recordings == ()
    for site in ("s1", "s2"):
        (tmp_path / "beside" / site / "1.wav").unlink()
    (tmp_path / "beside" / "s2" / "2.wav").unlink()
    (tmp_path / "beside" / "s1" / "2.txt").unlink()
    found = find_annotated(tmp_path)
    assert [path.parent.name for path in found.recordings] == ["s1", "s2"]
    assert [item.path.name for item in found.events.rejected] == ["2.txt", "2.wav"]


def test_what_cannot_be_used_is_listed(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    add(tmp_path / "a.txt", RAVEN + "0\t1\twren\n5\t6\twren\n1\t0\twren\n")
    orphan = add(tmp_path / "orphan.txt", RAVEN + "0\t1\twren\n")
    broken = add(tmp_path / "broken.svl", "<sv>")
    broken_audio = add(tmp_path / "b.wav", "hello")
    add(tmp_path / "b.txt", RAVEN + "0\t1\twren\n")
    add(tmp_path / "diary.txt", "dear diary")
    add(tmp_path / ".hidden.txt", RAVEN)
    add(tmp_path / ".git" / "x.wav")
    clips = read_annotated(tmp_path, clip_seconds=2.0)
    found = {(item.path.name, item.reason.partition(";")[0]) for item in clips.rejected}
    assert found == {
        ("a.txt", "line 4: its time ends at 0 s, before it begins at 1 s"),
        ("a.wav", "the event 'wren' from 5 s to 6 s begins after its end at 2 s"),
        (orphan.name, "no recording has its name"),
        (broken.name, "no recording has its name"),
        (
            broken_audio.name,
            "cannot be read: it is not audio in a format that can be read here",
        ),
    }


def test_the_same_event_in_two_files_counts_once(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    add(tmp_path / "a.1.txt", RAVEN + "0\t1\twren\n")
    add(tmp_path / "a.2.txt", RAVEN + "0\t1\twren\n1\t2\trobin\n")
    assert len(find_annotated(tmp_path).events) == 2


def test_one_format_may_be_chosen(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    add(tmp_path / "a.raven.txt", RAVEN + "0\t1\twren\n")
    add(tmp_path / "a.txt", "0\t1\trobin\n")
    clips = read_annotated(tmp_path, clip_seconds=2.0, annotation_format="audacity")
    assert clips.labels.names == ("robin",)
    with pytest.raises(SettingError, match=r"format 'audcity' is unknown .*'audacity'"):
        read_annotated(tmp_path, clip_seconds=2.0, annotation_format="audcity")


def test_a_folder_without_events(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder"):
        read_annotated(tmp_path / "missing", clip_seconds=1.0)
    with pytest.raises(
        DataError, match=r"no annotated event in any known .*csv\)$|\)$"
    ):
        read_annotated(tmp_path, clip_seconds=1.0)
    add(tmp_path / "a.txt", RAVEN + "0\t1\twren\n")
    with pytest.raises(DataError, match=r"no annotated event .*a\.txt: no recording"):
        read_annotated(tmp_path, clip_seconds=1.0)


@NEEDS_DATA
def test_the_piha() -> None:
    root = DATA / "screaming_piha"
    found = find_annotated(root, annotation_format="raven")
    assert (len(found.events), len(found.recordings)) == (96, 6)
    clips = read_annotated(root, clip_seconds=1.0, complete=True)
    assert clips.labels.names == ("bird",)
    assert clips.rejected == ()
    # By the published lengths: 32.6, 33.9, 6.8, 13.6, 54.2 and 70.6 s.
    assert len(clips) == 33 + 34 + 7 + 14 + 55 + 71
    assert {clip.absent for clip in clips if clip.labels} == {()}
    assert any(clip.absent == ("bird",) for clip in clips)


@NEEDS_DATA
def test_the_finch() -> None:
    clips = read_annotated(DATA / "koumura_bird0", clip_seconds=0.1)
    assert len(clips.labels) == 9
    assert len(set(clips.groups())) == 11
    assert clips.rejected == ()
