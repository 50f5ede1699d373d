import json
import os
from pathlib import Path

import pytest

from sonotype.errors import SettingError
from sonotype.inference.folder.journal import (
    Entry,
    Journal,
    Shard,
    keep_settings,
    remove_strays,
)


def entry(path: Path, scores: str = "a.parquet") -> Entry:
    status = path.stat()
    return Entry(str(path), status.st_size, status.st_mtime_ns, scores, 3, 1.5)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_what_is_noted_is_done(recording: Path, out: Path) -> None:
    with Journal(out, Shard()) as journal:
        assert not journal.is_done(recording, recording.stat())
        journal.add(entry(recording))
        # The line says so, but there are no scores.
        assert not journal.is_done(recording, recording.stat())
        (out / "a.parquet").touch()
        # Another process sees it at once.
        again = Journal(out, Shard())
        assert again.entries == {str(recording): entry(recording)}
        assert again.is_done(recording, recording.stat())


def test_a_recording_that_has_changed_is_not_done(recording: Path, out: Path) -> None:
    (out / "a.parquet").touch()
    with Journal(out, Shard()) as journal:
        journal.add(entry(recording))
        os.utime(recording, (5, 5))
        assert not journal.is_done(recording, recording.stat())


def test_a_recording_that_was_set_aside_is_not_done(recording: Path, out: Path) -> None:
    with Journal(out, Shard()) as journal:
        journal.add(entry(recording, scores=""))
        assert not journal.is_done(recording, recording.stat())


def test_the_last_line_counts(recording: Path, out: Path) -> None:
    for scores in ("", "a.parquet", "b.parquet"):
        with Journal(out, Shard()) as journal:
            journal.add(entry(recording, scores=scores))
    assert Journal(out, Shard()).entries[str(recording)].scores == "b.parquet"


@pytest.mark.parametrize("rest", [b"", b'{"recording": "/b', b"[]\n", b'{"x": 1}\n'])
def test_a_line_that_was_cut_off_harms_no_other(
    rest: bytes, recording: Path, out: Path
) -> None:
    with Journal(out, Shard()) as journal:
        journal.add(entry(recording))
    with (out / "journal.jsonl").open("ab") as stream:
        stream.write(rest)
    other = entry(recording, "other.parquet")
    with Journal(out, Shard()) as journal:
        journal.add(Entry("/x.wav", 1, 2))
        journal.add(other)
    assert set(Journal(out, Shard()).entries) == {str(recording), "/x.wav"}
    assert Journal(out, Shard()).entries[str(recording)] == other


def test_shards_have_journals_of_their_own_and_read_all(
    recording: Path, out: Path
) -> None:
    with Journal(out, Shard(2, 3)) as journal:
        journal.add(entry(recording))
    assert [path.name for path in out.iterdir()] == ["journal-2-of-3.jsonl"]
    assert str(recording) in Journal(out, Shard(1, 3)).entries


@pytest.mark.parametrize("text", ["", "1", "a/b", "1/2/3", "-1/2", "1.5/2"])
def test_a_shard_is_written_with_a_slash(text: str) -> None:
    with pytest.raises(SettingError, match="a shard is written i/n"):
        Shard.parse(text)


@pytest.mark.parametrize("text", ["0/4", "5/4", "0/0"])
def test_a_shard_is_one_of_those_there_are(text: str) -> None:
    with pytest.raises(SettingError, match="there is no shard"):
        Shard.parse(text)


def test_the_settings_of_a_folder_stay(out: Path) -> None:
    folder = out / "new" / "folder"
    keep_settings(folder, {"hop_seconds": 0.5, "labels": ["a", "b"]})
    keep_settings(folder, {"hop_seconds": 0.5, "labels": ["a", "b"]})
    with pytest.raises(SettingError, match=r"hop_seconds 0\.5, but 0\.25 was asked"):
        keep_settings(folder, {"hop_seconds": 0.25, "labels": ["a", "b"]})
    assert json.loads((folder / "scan.json").read_text())["hop_seconds"] == 0.5


def test_a_folder_that_cannot_be_used(tmp_path: Path, out: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match="file cannot be used: "):
        keep_settings(tmp_path / "file", {})
    (out / "scan.json").write_text("{")
    with pytest.raises(SettingError, match=r"scan\.json is damaged"):
        keep_settings(out, {})


def test_a_journal_that_cannot_be_written(out: Path) -> None:
    (out / "journal.jsonl").mkdir()
    with pytest.raises(SettingError, match=r"journal\.jsonl cannot be written"):
        Journal(out / "x", Shard()).__enter__()
    with pytest.raises(SettingError, match=r"journal\.jsonl cannot be read"):
        Journal(out, Shard())


def test_only_what_nobody_writes_any_more_is_removed(out: Path) -> None:
    (out / "site").mkdir()
    names = [".a.parquet.x1.parquet", ".b.parquet.x2.parquet", "c.parquet", ".d.txt"]
    files = [out / "site" / name for name in names]
    for file in files:
        file.touch()
        if file.name != names[1]:
            os.utime(file, (5, 5))
    remove_strays(out)
    assert [file.exists() for file in files] == [False, True, True, True]
