import os
from pathlib import Path

import numpy as np
import pytest

from sonotype.dataset.cache.cache_folder import clear_cache, list_cache, remove_strays
from sonotype.dataset.cache.shards import ShardFolder
from sonotype.errors import DataError


def fill(folder: Path, n_clips: int) -> None:
    with ShardFolder(folder) as store:
        for i in range(n_clips):
            store.add(f"{folder.name} {i}", np.full(100, i, np.int16), 1.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    fill(tmp_path / "audio-v1-16000", 3)
    fill(tmp_path / "audio-v1-16000", 4)
    fill(tmp_path / "audio-v1-8000", 2)
    return tmp_path


def total(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_the_list_has_each_rate(root: Path) -> None:
    low, high = list_cache(root)
    assert (low.sample_rate, low.n_clips) == (8_000, 2)
    assert (high.sample_rate, high.n_clips) == (16_000, 4)
    assert low.n_bytes == total(root / "audio-v1-8000")
    assert high.n_bytes == total(root / "audio-v1-16000")


def test_no_cache_is_an_empty_list(tmp_path: Path) -> None:
    assert list_cache(tmp_path / "none") == []
    assert clear_cache(tmp_path / "none") == (0, 0)
    assert remove_strays(tmp_path / "none") == (0, 0)
    assert not (tmp_path / "none").exists()


def test_clearing_deletes_all_of_the_cache_and_nothing_else(root: Path) -> None:
    mine = [
        root / "audio-v1-8000" / "notes.txt",
        root / "audio-v1-8000" / "clips.parquet",
        root / "music" / f"{'0' * 32}.i16",
        root / f"{'0' * 32}.i16",
    ]
    for file in mine:
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
    target = root / "audio-v1-8000" / f"{'1' * 32}.i16"
    target.symlink_to(mine[0])
    n_bytes = total(root / "audio-v1-16000") + sum(
        file.stat().st_size
        for file in (root / "audio-v1-8000").iterdir()
        if file not in mine and not file.is_symlink()
    )
    # Two shards and one, each of two files.
    assert clear_cache(root) == (6, n_bytes)
    assert all(file.read_text() == "mine" for file in mine)
    assert target.is_symlink()
    assert not (root / "audio-v1-16000").exists()


def test_strays_are_deleted_after_a_day(root: Path) -> None:
    folder = root / "audio-v1-16000"
    whole = set(folder.iterdir())
    strays = [
        folder / f"{'0' * 32}.i16",
        folder / f".{'0' * 32}-01234567.parquet.abc123.parquet",
    ]
    for stray in strays:
        stray.write_bytes(bytes(10))
    for file in whole:
        os.utime(file, (1, 1))
    assert remove_strays(root) == (0, 0)
    os.utime(strays[0], (1, 1))
    assert remove_strays(root) == (1, 10)
    os.utime(strays[1], (1, 1))
    assert remove_strays(root) == (1, 10)
    assert set(folder.iterdir()) == whole
    assert len(ShardFolder(folder)) == 4


def test_what_cannot_be_deleted_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(DataError, match=r"cannot be deleted .*: Permission denied"):
        clear_cache(root)
