"""OpenVINO (a folder with `.xml` and `.bin`): raw audio in, scores out."""

from pathlib import Path
from typing import Any

import keras

from sonotype.errors import ExportError
from sonotype.exporters.onnx import to_onnx
from sonotype.runtime import import_openvino

GRAPH = "model.xml"


def write_openvino(model: keras.Model, folder: Path) -> None:
    """Write a classifier for OpenVINO, which takes any number of clips at once.

    It goes through ONNX, so that what was found to convert well, and how to compute
    short Fourier transforms, is decided in one place.

    Args:
        model: Samples `(batch, n_samples)` to scores `(batch, n_labels)`.
        folder: The folder to make.

    Raises:
        ExportError: If the model does not convert.
        MissingDependencyError: If OpenVINO, onnx or tf2onnx is not installed.
    """
    openvino = import_openvino()
    content = to_onnx(model)
    try:
        graph = openvino.Core().read_model(content)
        folder.mkdir()
        # Of itself, it rounds the weights to float16.
        openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ExportError(f"the model does not convert to OpenVINO: {reason}") from (
            error
        )


def openvino_facts(folder: Path) -> dict[str, Any]:
    """Return what `model.json` says of such a folder."""
    graph = import_openvino().Core().read_model(folder / GRAPH)
    kinds = [operator.get_type_name() for operator in graph.get_ops()]
    return {"n_operators": sum(kind not in _NO_WORK for kind in kinds)}


_NO_WORK = {"Constant", "Parameter", "Result"}
