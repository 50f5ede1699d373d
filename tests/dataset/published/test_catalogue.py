import hashlib
import io
import json
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sonotype.dataset.published import catalogue
from sonotype.dataset.published.catalogue import (
    DataSet,
    FetchedSet,
    fetch_data_set,
    find_data_set,
    read_catalogue,
)
from sonotype.download import Expected
from sonotype.errors import DataError, SettingError


def make_tar(names: list[str], content: bytes = b"sound") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


class Observer:
    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def progress(self, done: int, total: int, detail: str = "") -> None:
        assert 0 <= done <= total


class Publisher:
    """Takes the place of the download, which has tests of its own."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.n_fetched = 0

    def __call__(
        self, address: str, path: Path, expected: Expected, **_: object
    ) -> str:
        self.n_fetched += 1
        path.write_bytes(self.content)
        return hashlib.sha256(self.content).hexdigest()


DIGITS = DataSet(
    name="digits",
    title="Digits",
    address="https://example.org/digits.tar.gz",
    file="digits.tar.gz",
    n_bytes=0,
    sha256="",
    licence="CC BY 4.0",
    citation="A. Nobody, 2020",
)


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    made = Publisher(make_tar(["digits-1.0/0/a.wav", "digits-1.0/1/b.wav"]))
    monkeypatch.setattr(catalogue, "download", made)
    return made


def fetch(folder: Path, *, replace: bool = False) -> FetchedSet:
    return fetch_data_set(DIGITS, folder, replace=replace, observer=Observer())


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_data_set_appears_with_its_source(
    tmp_path: Path, publisher: Publisher
) -> None:
    folder = tmp_path / "new" / "digits"
    fetched = fetch(folder)
    # The one folder of the archive is this one.
    assert names(folder) == {"0/a.wav", "1/b.wav", "source.json"}
    assert fetched.sha256 == hashlib.sha256(publisher.content).hexdigest()
    assert (fetched.is_new, fetched.earlier) == (True, "")
    source = json.loads((folder / "source.json").read_text())
    assert source == {
        "name": "digits",
        "title": "Digits",
        "address": DIGITS.address,
        "sha256": fetched.sha256,
        "licence": "CC BY 4.0",
        "citation": "A. Nobody, 2020",
    }
    # The archive is not kept.
    assert [path.name for path in folder.parent.iterdir()] == ["digits"]


@pytest.mark.parametrize(
    "inside",
    [
        ["0/a.wav", "1/b.wav"],
        ["a.wav"],
        ["x/a.wav", "b.wav"],
        [".hidden/a.wav", "x/b.wav"],
    ],
)
def test_other_archives_are_unpacked_as_they_are(
    tmp_path: Path, publisher: Publisher, inside: list[str]
) -> None:
    publisher.content = make_tar(inside)
    fetch(tmp_path / "digits")
    assert names(tmp_path / "digits") == {*inside, "source.json"}


def test_a_folder_in_the_folder_of_the_same_name(
    tmp_path: Path, publisher: Publisher
) -> None:
    publisher.content = make_tar(["only/only/a.wav", "only/b.wav"])
    fetch(tmp_path / "digits")
    assert names(tmp_path / "digits") == {"only/a.wav", "b.wav", "source.json"}


def test_an_empty_archive_is_an_empty_folder(
    tmp_path: Path, publisher: Publisher
) -> None:
    publisher.content = make_tar([])
    fetch(tmp_path / "digits")
    assert names(tmp_path / "digits") == {"source.json"}


def test_what_is_there_is_not_fetched_again(
    tmp_path: Path, publisher: Publisher
) -> None:
    first = fetch(tmp_path / "digits")
    again = fetch(tmp_path / "digits")
    assert publisher.n_fetched == 1
    assert (again.sha256, again.is_new) == (first.sha256, False)


def test_force_fetches_again_and_tells_what_was_there(
    tmp_path: Path, publisher: Publisher
) -> None:
    first = fetch(tmp_path / "digits")
    publisher.content = make_tar(["2/c.wav", "3/d.wav"])
    again = fetch(tmp_path / "digits", replace=True)
    assert names(tmp_path / "digits") == {"2/c.wav", "3/d.wav", "source.json"}
    assert again.earlier == first.sha256 != again.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]


def test_a_folder_with_something_else_is_left_alone(
    tmp_path: Path, publisher: Publisher
) -> None:
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "source.json").write_text('{"name": "other", "sha256": ""}')
    with pytest.raises(SettingError, match="digits exists already; pass --force"):
        fetch(tmp_path / "digits")
    assert publisher.n_fetched == 0


@pytest.mark.parametrize("source", ["", "[]", "{}", "\x00", '{"name": "digits"}'])
def test_a_source_nobody_can_read_is_something_else(
    tmp_path: Path, publisher: Publisher, source: str
) -> None:
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "source.json").write_text(source)
    with pytest.raises(SettingError, match="exists already"):
        fetch(tmp_path / "digits")


@pytest.mark.usefixtures("publisher")
def test_a_user_s_own_archive_is_not_touched(tmp_path: Path) -> None:
    own = tmp_path / DIGITS.file
    own.write_bytes(b"mine")
    fetch(tmp_path / "digits")
    assert own.read_bytes() == b"mine"


def test_a_damaged_archive_leaves_nothing(tmp_path: Path, publisher: Publisher) -> None:
    publisher.content = publisher.content[:-20]
    with pytest.raises(DataError, match=r"digits\.tar\.gz is damaged"):
        fetch(tmp_path / "digits")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_no_hindrance(
    tmp_path: Path, publisher: Publisher
) -> None:
    left = tmp_path / "digits.download" / "new" / "0"
    left.mkdir(parents=True)
    (left / "a.wav").write_bytes(b"half")
    fetch(tmp_path / "digits")
    assert (tmp_path / "digits" / "0" / "a.wav").read_bytes() == b"sound"
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]


def test_what_was_fetched_so_far_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(address: str, path: Path, *_: object, **__: object) -> str:
        path.with_name(f"{path.name}.part").write_bytes(b"half")
        raise DataError("no connection")

    monkeypatch.setattr(catalogue, "download", broken)
    with pytest.raises(DataError, match="no connection"):
        fetch(tmp_path / "digits")
    assert names(tmp_path) == {"digits.download/digits.tar.gz.part"}


@pytest.mark.usefixtures("publisher")
def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"digits\.download cannot be made: Not a dir"):
        fetch(tmp_path / "file" / "digits")


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(SettingError, match=r"'esc50' is unknown .*mean 'esc-50'"):
        find_data_set("esc50")


def test_every_entry_is_complete() -> None:
    entries = read_catalogue()
    assert {"mini-speech-commands", "speech-commands-v2", "fsdd"} <= set(entries)
    for name, entry in entries.items():
        address = urlsplit(entry.address)
        assert (entry.name, address.scheme) == (name, "https")
        assert "/" not in entry.file
        assert len(entry.sha256) in (0, 64)
        assert bool(entry.sha256) == bool(entry.n_bytes)
        assert entry.licence.startswith("CC BY")
        assert all((entry.title, entry.citation))
