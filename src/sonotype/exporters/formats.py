"""The formats a bundle can carry beside its Keras model, one row each."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from sonotype.bundle import DENSE_GRAPH, Manifest
from sonotype.exporters.dense import dense_examples, write_dense
from sonotype.exporters.litert import to_litert, to_small_litert
from sonotype.exporters.micro.runtime import MicroRuntime
from sonotype.exporters.micro.write import describe_micro, micro_facts, write_micro
from sonotype.exporters.onnx import to_onnx
from sonotype.exporters.openvino import openvino_facts, write_openvino
from sonotype.exporters.saved_model import SavedModel, write_saved_model
from sonotype.exporters.verify import TOLERANCE, Measure
from sonotype.runtime import LiteRT, OnnxRuntime, OpenVino, Runtime

if TYPE_CHECKING:
    from sonotype.exporters.add_format import Examples

# Writes a model to a path; the clips are some that prediction may meet, or none.
Write = Callable[[keras.Model, np.ndarray | None, Path], None]


def _same_examples(_: keras.Model, examples: "Examples") -> "Examples":
    return examples


@dataclass(frozen=True)
class Format:
    """One way to ship a model.

    Formats in `all` give the scores of the model; others are asked for by name. `open`
    loads the file in the runtime it is for; `facts` reads from the file what
    `model.json` should say of it. `tolerance` is for `measure` of its scores.
    `examples` makes what it is compared on of what others are compared on. `label` adds
    what only the bundle knows, where the format has room for it.
    """

    name: str
    file: str
    write: Write
    open: Callable[[Path], Runtime]
    facts: Callable[[Path], dict[str, Any]]
    tolerance: float = TOLERANCE
    measure: Measure = "largest_difference"
    needs_clips: bool = False
    packages: tuple[str, ...] = ()
    extra: str = "train"
    examples: "Callable[[keras.Model, Examples], Examples]" = _same_examples
    is_in_all: bool = True
    label: Callable[[Path, Manifest], None] | None = None

    def missing(self) -> str | None:
        """Return the name of a package it needs that is not installed, if any."""
        return next((name for name in self.packages if find_spec(name) is None), None)


def _onnx(model: keras.Model, _: np.ndarray | None, path: Path) -> None:
    path.write_bytes(to_onnx(model))


def _onnx_facts(path: Path) -> dict[str, Any]:
    import onnx

    graph = onnx.load(path)
    opset = next(entry.version for entry in graph.opset_import if not entry.domain)
    return {"opset": int(opset), "n_operators": len(graph.graph.node)}


def _openvino(model: keras.Model, _: np.ndarray | None, path: Path) -> None:
    write_openvino(model, path)


def _litert(model: keras.Model, _: np.ndarray | None, path: Path) -> None:
    path.write_bytes(to_litert(model))


def _litert_float16(model: keras.Model, _: np.ndarray | None, path: Path) -> None:
    path.write_bytes(to_small_litert(model, "float16"))


def _litert_int8(model: keras.Model, _: np.ndarray | None, path: Path) -> None:
    path.write_bytes(to_small_litert(model, "int8"))


def _litert_full(model: keras.Model, clips: np.ndarray | None, path: Path) -> None:
    path.write_bytes(to_small_litert(model, "int8-full", clips))


def _litert_facts(path: Path) -> dict[str, Any]:
    from ai_edge_litert.tools import flatbuffer_utils

    graph = flatbuffer_utils.read_model(str(path)).subgraphs[0]
    return {"n_operators": len(graph.operators)}


def _saved_model(model: keras.Model, _: np.ndarray | None, path: Path) -> None:
    write_saved_model(model, path)


def _label_micro(folder: Path, manifest: Manifest) -> None:
    describe_micro(folder, manifest.labels)


def _no_facts(_: Path) -> dict[str, Any]:
    return {}


# The tolerances of formats that round are some five times what was measured on models
# of spoken words; a graph whose front end is rounded as well gives 0.3.
_ROWS = (
    Format("litert", "model.tflite", _litert, LiteRT, _litert_facts),
    Format(
        "litert-float16",
        "model-float16.tflite",
        _litert_float16,
        LiteRT,
        _litert_facts,
        tolerance=0.005,
        measure="mean_difference",
    ),
    Format(
        "litert-int8",
        "model-int8.tflite",
        _litert_int8,
        LiteRT,
        _litert_facts,
        tolerance=0.02,
        measure="mean_difference",
    ),
    Format(
        "litert-int8-full",
        "model-int8-full.tflite",
        _litert_full,
        LiteRT,
        _litert_facts,
        tolerance=0.05,
        measure="mean_difference",
        needs_clips=True,
    ),
    Format(
        "onnx",
        "model.onnx",
        _onnx,
        OnnxRuntime,
        _onnx_facts,
        packages=("onnx", "onnxruntime", "tf2onnx"),
        extra="onnx",
    ),
    Format(
        "openvino",
        "openvino",
        _openvino,
        OpenVino,
        openvino_facts,
        packages=("openvino", "onnx", "tf2onnx"),
        extra="openvino",
    ),
    Format("saved-model", "saved_model", _saved_model, SavedModel, _no_facts),
    Format(
        "micro",
        "micro",
        write_micro,
        MicroRuntime,
        micro_facts,
        tolerance=0.05,
        measure="mean_difference",
        needs_clips=True,
        is_in_all=False,
        label=_label_micro,
    ),
    Format(
        "litert-dense",
        DENSE_GRAPH,
        write_dense,
        LiteRT,
        _litert_facts,
        examples=dense_examples,
        is_in_all=False,
    ),
)
FORMATS: dict[str, Format] = {row.name: row for row in _ROWS}
