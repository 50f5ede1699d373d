"""Embeddings as files: read back by polars and numpy, whole or not there."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sonotype.errors import AudioError, SettingError
from sonotype.inference import embedding_file
from sonotype.inference.embedding import Embeddings
from sonotype.inference.embedding_file import write_embeddings

N_CHANNELS = 5


def some(n_windows: int, path: Path | None, seed: int = 0) -> Embeddings:
    starts = np.arange(n_windows) / 3
    vectors = np.random.default_rng(seed).standard_normal((n_windows, N_CHANNELS))
    return Embeddings(starts, starts + 0.5, vectors.astype(np.float32), path)


FOUND = [some(3, Path("a.wav")), some(1, None, 1), some(4, Path("b,\n\udcff.wav"), 2)]
PATHS = [*["a.wav"] * 3, None, *["b,\n\\udcff.wav"] * 4]
VECTORS = np.concatenate([each.vectors for each in FOUND])
STARTS = np.concatenate([each.start_seconds for each in FOUND])


def failing() -> Iterator[Embeddings]:
    yield FOUND[0]
    raise AudioError("b.wav: cannot be decoded")


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_file, "_GROUP_WINDOWS", 3)


def test_parquet_holds_a_row_a_window(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "e.parquet"
    assert write_embeddings(path, iter(FOUND)) == len(VECTORS)
    table = pl.read_parquet(path)
    assert table.columns == ["path", "start_seconds", "end_seconds", "embedding"]
    assert table.schema["embedding"] == pl.Array(pl.Float32, N_CHANNELS)
    np.testing.assert_array_equal(table["embedding"].to_numpy(), VECTORS)
    assert table["path"].to_list() == PATHS
    np.testing.assert_array_equal(table["start_seconds"], STARTS)
    np.testing.assert_array_equal(table["end_seconds"], STARTS + 0.5)
    assert [file.name for file in path.parent.iterdir()] == ["e.parquet"]


def test_npy_holds_the_vectors_and_csv_what_they_are_of(tmp_path: Path) -> None:
    path = tmp_path / "e.npy"
    assert write_embeddings(path, FOUND) == len(VECTORS)
    vectors = np.load(path)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, VECTORS)
    np.testing.assert_array_equal(np.load(path, mmap_mode="r")[3], VECTORS[3])
    table = pl.read_csv(tmp_path / "e.csv")
    assert table.columns == ["path", "start_seconds", "end_seconds"]
    assert table["path"].to_list() == PATHS
    np.testing.assert_array_equal(table["start_seconds"], STARTS)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["e.csv", "e.npy"]


@pytest.mark.parametrize("name", ["e.parquet", "e.npy"])
def test_a_run_that_fails_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    write_embeddings(tmp_path / name, FOUND)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(AudioError):
        write_embeddings(tmp_path / name, failing())
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert write_embeddings(tmp_path / name, []) == 0
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert write_embeddings(tmp_path / name, FOUND[:1]) == 3
    assert {file for file in tmp_path.iterdir()} == set(before)


def test_what_cannot_be_written_is_a_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"ending '\.npz' is unknown .*\.npy"):
        write_embeddings(tmp_path / "e.npz", FOUND)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match=r"e\.npy cannot be written"):
        write_embeddings(tmp_path / "file" / "e.npy", FOUND)
