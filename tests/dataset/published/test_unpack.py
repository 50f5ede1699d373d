import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonotype.dataset.published import unpack as unpack_module
from sonotype.dataset.published.unpack import unpack
from sonotype.errors import DataError

FILES = {"a/1.wav": b"one", "a/b/2.wav": b"two" * 1_000, "c.txt": b""}
Make = Callable[..., bytes]


def make_zip(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def make_tar(
    files: dict[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = ""
) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, link
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


BOTH = pytest.mark.parametrize("make", [make_zip, make_tar])


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in" / "side"
    folder.mkdir(parents=True)
    return folder


def run(archive: Path, folder: Path, content: bytes) -> int:
    archive.write_bytes(content)
    return unpack(archive, folder)


def found(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@BOTH
def test_files_come_out_as_they_went_in(
    archive: Path, folder: Path, make: Make
) -> None:
    assert run(archive, folder, make(FILES)) == 3
    assert found(folder) == FILES


def test_what_tar_itself_makes_is_unpacked(tmp_path: Path, folder: Path) -> None:
    data = tmp_path / "data"
    for name, content in FILES.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    (data / "a" / "1.wav").chmod(0o4777)
    archive = tmp_path / "archive"
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.add(data, arcname="./")
    assert unpack(archive, folder) == 3
    assert found(folder) == FILES
    assert (folder / "a" / "1.wav").stat().st_mode & 0o7111 == 0


@BOTH
def test_what_macos_adds_is_left_out(archive: Path, folder: Path, make: Make) -> None:
    extra = {"__MACOSX/a/._1.wav": b"?", "a/._1.wav": b"?", "a/.DS_Store": b"?"}
    assert run(archive, folder, make({**FILES, **extra})) == 3
    assert found(folder) == FILES


@BOTH
def test_progress_ends_at_the_end(archive: Path, folder: Path, make: Make) -> None:
    archive.write_bytes(make(FILES))
    told: list[tuple[int, int]] = []
    unpack(archive, folder, on_progress=lambda *pair: told.append(pair))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > 0


@BOTH
@pytest.mark.parametrize(
    "name",
    [
        *("../x", "a/../../x", "/tmp/x", "//x", "..", "C:/x", "C:x", "a\\..\\..\\x"),
        *("\\x", "a/../../../../../../../../../../tmp/x"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(
    archive: Path, folder: Path, tmp_path: Path, make: Make, name: str
) -> None:
    before = set(tmp_path.rglob("*")) | {archive}
    with pytest.raises(DataError, match=r"leads elsewhere|not safe to unpack"):
        run(archive, folder, make({name: b"gotcha"}))
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "kind",
    [
        *(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE),
        *(tarfile.CHRTYPE, tarfile.BLKTYPE),
    ],
)
@pytest.mark.parametrize("link", ["/etc/passwd", "a", "../../x"])
def test_links_and_devices_in_a_tar_are_refused(
    archive: Path, folder: Path, kind: bytes, link: str
) -> None:
    with pytest.raises(DataError, match="'x', which is neither a file nor a folder"):
        run(archive, folder, make_tar({"x": b""}, kind, link))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip_are_refused(
    archive: Path, folder: Path, kind: int
) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        member = zipfile.ZipInfo("x")
        member.external_attr = (kind | 0o777) << 16
        made.writestr(member, "/etc/passwd")
    with pytest.raises(DataError, match="'x', which is neither a file nor a folder"):
        run(archive, folder, stream.getvalue())
    assert list(folder.iterdir()) == []


def test_an_encrypted_member_is_refused(archive: Path, folder: Path) -> None:
    content = bytearray(make_zip({"x": b"secret"}, zipfile.ZIP_STORED))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + at] |= 1
    with pytest.raises(DataError, match="'x', which is neither"):
        run(archive, folder, bytes(content))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@BOTH
def test_one_name_twice_is_refused(archive: Path, folder: Path, make: Make) -> None:
    with pytest.raises(DataError, match="cannot be unpacked: File exists"):
        run(archive, folder, make({"x": b"1", "./x": b"2"}))
    assert found(folder) == {"x": b"1"}


@BOTH
def test_a_file_is_no_folder(archive: Path, folder: Path, make: Make) -> None:
    with pytest.raises(DataError, match="cannot be unpacked: "):
        run(archive, folder, make({"x": b"1", "x/y": b"2"}))


@BOTH
def test_a_bomb_is_not_unpacked(
    archive: Path, folder: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack_module, "_HARMLESS_BYTES", 10_000)
    with pytest.raises(DataError, match="holds far more than its"):
        run(archive, folder, make({"x": bytes(10_000_000)}))
    n_bytes = sum(len(content) for content in found(folder).values())
    assert n_bytes <= unpack_module._CHUNK_BYTES


def test_a_zip_that_lies_about_its_size_is_damaged(archive: Path, folder: Path) -> None:
    content = bytearray(make_zip({"x": bytes(10_000)}))
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = (100).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"is damaged: .*; fetch it again"):
        run(archive, folder, bytes(content))
    assert all(len(content) <= 100 for content in found(folder).values())


def test_a_long_name_is_a_bomb_too(
    archive: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack_module, "_HARMLESS_BYTES", 10_000)
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 10_000_000
    plain = member.tobuf(tarfile.GNU_FORMAT) + b"a" * 10_000_000
    with pytest.raises(DataError, match="holds far more"):
        run(archive, folder, gzip.compress(plain))


@BOTH
def test_too_many_files_are_refused(
    archive: Path, folder: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack_module, "_MAX_FILES", 3)
    with pytest.raises(DataError, match="holds more than 3 files"):
        run(archive, folder, make({str(i): b"" for i in range(6)}))


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"RIFF", b"\x1f", b"PK\x05\x06" + bytes(18)]
)
def test_something_else_is_no_archive(
    archive: Path, folder: Path, content: bytes
) -> None:
    with pytest.raises(DataError, match=r"neither a zip nor a tar\.gz archive"):
        run(archive, folder, content)


@BOTH
def test_every_cut_is_noticed(archive: Path, folder: Path, make: Make) -> None:
    noise = np.random.default_rng(0).bytes(30_000)
    content = make({"x": noise})
    for n_bytes in range(4, len(content), 997):
        with pytest.raises(DataError, match=r"damaged|neither"):
            run(archive, folder, content[:n_bytes])
        (folder / "x").unlink(missing_ok=True)
    with pytest.raises(DataError, match="is damaged"):
        run(archive, folder, content[:-1])


@BOTH
def test_a_changed_bit_in_the_sound_is_noticed(
    archive: Path, folder: Path, make: Make
) -> None:
    content = bytearray(make({"x": np.random.default_rng(0).bytes(30_000)}))
    content[15_000] ^= 1
    with pytest.raises(DataError, match="is damaged"):
        run(archive, folder, bytes(content))


def test_names_nobody_can_read_are_damage(archive: Path, folder: Path) -> None:
    named = make_zip({"\xe9": b"sound"})
    assert named.count("\xe9".encode()) == 2
    with pytest.raises(DataError, match="is damaged"):
        run(archive, folder, named.replace("\xe9".encode(), b"\xff\xff"))
    unnamed = bytearray(make_zip({"x": b"sound"}))
    entry = unnamed.index(b"PK\x01\x02")
    # The name becomes the extra field.
    unnamed[entry + 28], unnamed[entry + 30] = 0, 1
    with pytest.raises(DataError, match="is damaged"):
        run(archive, folder, bytes(unnamed))


@BOTH
@settings(max_examples=150)
@given(changes=st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255))))
def test_damage_is_an_error_of_the_data_or_none(
    make: Make,
    changes: list[tuple[int, int]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    content = make({"a/x": b"some sound", "b": b"more"})
    if make is make_tar:
        content = gzip.decompress(content)
    damaged = bytearray(content)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    made = gzip.compress(bytes(damaged)) if make is make_tar else bytes(damaged)
    (root / "in").mkdir()
    with suppress(DataError):
        run(root / "archive", root / "in", made)
    assert {path.name for path in root.iterdir()} == {"archive", "in"}
