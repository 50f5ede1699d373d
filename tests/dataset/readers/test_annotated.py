from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.overlap import OverlapRule
from sonotype.dataset.readers.annotated import read_annotated
from sonotype.dataset.readers.annotation_files import find_annotated
from sonotype.errors import DataError, SettingError

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
        classes=["wren", "robin"],
    )
    assert clips.labels.names == ("wren", "robin")
    assert [clip.labels for clip in clips] == [("robin",), ("robin",), ("robin",)]
    assert [clip.absent for clip in clips] == [("wren",), ("wren",), ()]
    named = {"min_seconds": 0.2}
    again = read_annotated(
        tmp_path, clip_seconds=1.0, hop_seconds=0.5, rule=named, complete=True
    )
    assert [clip.labels for clip in again] == [clip.labels for clip in clips]
    with pytest.raises(SettingError, match=r"class 'wrn' is unknown .*'wren'"):
        read_annotated(tmp_path, clip_seconds=1.0, classes=["wrn"])
    with pytest.raises(
        SettingError, match=r"overlap rule 'min_second' .*'min_seconds'"
    ):
        read_annotated(tmp_path, clip_seconds=1.0, rule={"min_second": 1})


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


def test_answers_are_no_annotations(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    add(tmp_path / "a.txt", "0\t1\twren\n")
    text = "path,start,end,label,score\na.wav,1,2,owl,0.9\n"
    answers = add(tmp_path / "told.csv", text)
    clips = read_annotated(tmp_path, clip_seconds=1.0)
    assert clips.labels.names == ("wren",)
    (item,) = clips.rejected
    assert item.path == answers
    assert item.reason.startswith("tells scores, so it holds a model's answers and no ")
    assert read_annotated(answers, clip_seconds=1.0).labels.names == ("owl",)


def test_one_format_may_be_chosen(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    add(tmp_path / "a.raven.txt", RAVEN + "0\t1\twren\n")
    add(tmp_path / "a.txt", "0\t1\trobin\n")
    found = find_annotated(tmp_path, annotation_format="audacity")
    assert found.events.label_names() == ["robin"]
    with pytest.raises(SettingError, match=r"format 'audcity' is unknown .*'audacity'"):
        find_annotated(tmp_path, annotation_format="audcity")


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


def test_without_a_length_each_event_is_a_clip(tmp_path: Path) -> None:
    a = add(tmp_path / "a.wav")
    text = RAVEN + "1\t1.5\twren\n0\t1\towl\n1\t1.5\tcrow\n1\t1\twren\n1.5\t3\twren\n"
    add(tmp_path / "a.txt", text)
    # The same events again, their times rounded otherwise.
    add(tmp_path / "a.csv", "start,end,label\n1.0004,1.4996,wren\n0,1,owl\n")
    clips = read_annotated(tmp_path)
    assert [(clip.path, clip.start_seconds, clip.labels) for clip in clips] == [
        (a, 0.0, ("owl",)),
        (a, 1.0, ("crow", "wren")),
    ]
    assert clips.groups() == ["a.wav"] * 2
    assert sorted(item.reason for item in clips.rejected) == [
        "the event wren at 1.0 s has no length; give clip_seconds to cut a window",
        "the interval from 1.5 s to 3.0 s is not inside the recording, which lasts "
        "2.0 s",
    ]
    assert read_annotated(tmp_path, classes=["owl"]).labels.names == ("owl",)
    for option in (
        {"complete": True},
        {"hop_seconds": 1.0},
        {"rule": {"min_seconds": 1}},
    ):
        with pytest.raises(SettingError, match="are about windows, and without clip"):
            read_annotated(tmp_path, **option)


def test_events_that_are_absent_are_clips_too(tmp_path: Path) -> None:
    add(tmp_path / "a.wav")
    text = "recording_id,species_id,t_min,f_min,t_max,f_max\na,7,0,1,1,2\n"
    add(tmp_path / "train_tp.csv", text)
    add(tmp_path / "train_fp.csv", text.replace("a,7,0,1,1,2", "a,9,1,1,2,2"))
    found = {
        clip.start_seconds: (clip.labels, clip.absent)
        for clip in read_annotated(tmp_path)
    }
    assert found == {0.0: (("7",), None), 1.0: ((), ("9",))}
    windows = read_annotated(tmp_path, clip_seconds=1.0)
    assert [(clip.labels, clip.absent) for clip in windows] == [
        (("7",), ()),
        ((), ("9",)),
    ]


def test_one_file_may_be_read(tmp_path: Path) -> None:
    a = add(tmp_path / "a.wav")
    add(tmp_path / "b.wav")
    add(tmp_path / "b.txt", "0\t1\trobin\n")
    file = add(tmp_path / "a.txt", "0\t1\twren\n")
    clips = read_annotated(file, clip_seconds=2.0)
    assert (clips.paths(), clips.groups(), clips.rejected) == ([a], ["a.wav"], ())
    with pytest.raises(DataError, match="there is no such folder or file"):
        read_annotated(tmp_path / "gone.txt")


def test_groups_and_parts_that_a_table_tells(tmp_path: Path) -> None:
    for name in ("s1/a.wav", "s2/b.wav", "s2/c.wav"):
        add(tmp_path / name)
    header = "path,start,end,label,speaker,split\n"
    rows = ["s1/a.wav,0,1,x,ann,train", "s1/a.wav,1,2,x,,", "s2/b.wav,0,1,y,,test"]
    both = ["s2/c.wav,0,1,x,ann,", "s2/c.wav,1,2,x,bob,"]
    add(tmp_path / "events.csv", header + "\n".join(rows + both))
    clips = read_annotated(tmp_path, clip_seconds=1.0)
    assert [(clip.group, clip.split) for clip in clips] == [
        *[("ann", "train")] * 2,
        *[("s2/b.wav", "test")] * 2,
    ]
    assert [item.reason for item in clips.rejected] == [
        "its events name more than one group (ann, bob), and a window may hold several "
        "of them; give it one"
    ]
    by_site = read_annotated(tmp_path, clip_seconds=2.0, group_by="part:1")
    assert by_site.groups() == ["s1", "s2"]
    by_split = read_annotated(tmp_path, clip_seconds=2.0, group_by="column:split")
    assert by_split.groups() == ["train", "test", "s2/c.wav"]
    # Events that are clips have a group each.
    assert read_annotated(tmp_path).groups() == [
        "ann",
        "s1/a.wav",
        "s2/b.wav",
        "ann",
        "bob",
    ]


def test_annotated_recordings_that_cannot_be_used(tmp_path: Path) -> None:
    add(tmp_path / "events.csv", "path,start,end,label\nb.wav,0,1,wren\n")
    for clip_seconds in (1.0, None):
        with pytest.raises(DataError, match=r"can be used; .*b\.wav: there is no such"):
            read_annotated(tmp_path, clip_seconds=clip_seconds)


@NEEDS_DATA
def test_the_piha() -> None:
    root = DATA / "screaming_piha"
    # The calls of `labels.csv` and of the selection tables are the same 96.
    assert read_annotated(root).counts() == {"bird": 96}
    rule = {"min_seconds": 0.2}
    windows = read_annotated(root, clip_seconds=1.0, hop_seconds=0.5, rule=rule)
    # Two calls are shorter than 0.2 s, and each is told once.
    assert len(windows.rejected) == 2
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
