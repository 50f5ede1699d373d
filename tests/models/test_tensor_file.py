from pathlib import Path

import numpy as np
import pytest

from sonotype.errors import WeightsError
from sonotype.models.tensor_file import read_tensors


def test_arrays_saved_by_numpy_are_read(tmp_path: Path) -> None:
    arrays = {"a.weight": np.arange(6.0).reshape(2, 3), "n": np.array(3)}
    np.savez(tmp_path / "a.npz", allow_pickle=False, **arrays)
    found = read_tensors(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(WeightsError, match=r"a\.npz cannot be read as arrays .*pickle"):
        read_tensors(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text", b"\x93NUMPY"])
def test_other_files_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.npz cannot be read as arrays saved by"):
        read_tensors(tmp_path / "a.npz")


def test_one_bare_array_has_no_names(tmp_path: Path) -> None:
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, np.arange(3))
    with pytest.raises(WeightsError, match=r"a\.npz cannot be read as arrays saved by"):
        read_tensors(tmp_path / "a.npz")


def test_checkpoints_have_a_reader_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"text")
    with pytest.raises(WeightsError, match=r"a\.pth cannot be read as a PyTorch"):
        read_tensors(tmp_path / "a.pth")
