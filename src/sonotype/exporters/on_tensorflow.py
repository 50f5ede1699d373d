"""Convert in a process of its own where Keras runs on JAX or PyTorch.

The converters to LiteRT and to ONNX read TensorFlow's graphs.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras

from sonotype.errors import ExportError
from sonotype.training.load import load_model

Convert = Callable[[keras.Model], bytes]


def convert_elsewhere(module: str, model: keras.Model, kind: str) -> bytes:
    """Convert a model in another process, whose Keras runs on TensorFlow.

    Args:
        module: The module that converts; its `main` is `convert_file` of its function.
        model: The model; it is saved for the other process to load.
        kind: What it becomes, for the message.

    Raises:
        ExportError: If the other process fails.
    """
    with tempfile.TemporaryDirectory() as made:
        saved, graph = Path(made) / "model.keras", Path(made) / "graph"
        model.save(saved)
        done = subprocess.run(
            [sys.executable, "-m", module, saved, graph],
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = done.stderr.strip().rpartition("\n")[2]
            raise ExportError(f"the model does not convert to {kind}: {reason}")
        return graph.read_bytes()


def convert_file(convert: Convert) -> None:
    """Convert the saved model of the first argument to the file of the second."""
    saved, graph = map(Path, sys.argv[1:])
    graph.write_bytes(convert(load_model(saved)))
