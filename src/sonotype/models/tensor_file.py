"""Named tensors from a file: a PyTorch checkpoint, or arrays saved by numpy."""

import zipfile
from pathlib import Path

import numpy as np

from sonotype.errors import WeightsError
from sonotype.models.torch_checkpoint import read_torch_checkpoint

TENSOR_SUFFIXES = (".pt", ".pth", ".npz")


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a `.npz`, `.pt` or `.pth` file by their names.

    Nothing in the file is run.

    Raises:
        WeightsError: If it cannot be read or holds something else than arrays.
    """
    if path.suffix != ".npz":
        return read_torch_checkpoint(path)
    try:
        with path.open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("it holds one array without a name")
            return {name: file[name] for name in file.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"{path} cannot be read as arrays saved by numpy: {error}"
        ) from error
