"""The working memory of a graph on a microcontroller: its tensor arena."""

import importlib
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from sonotype.errors import ExportError
from sonotype.exporters.micro.operators import IntegerGraph
from sonotype.exporters.verify import compare

PACKAGE = "tflite_micro"
REPORTED = re.compile(r"Arena allocation total (\d+) bytes")
# Two interpreters round alike, but not in every place.
TOLERANCE = 0.02
# Arenas are given out in blocks of this size.
ALIGNMENT = 16
# For an estimate: what an interpreter keeps of every operator, tensor and channel of a
# convolution, and of the graph; what tflite-micro of 2026-10-23 reports on a 64-bit
# computer, rounded up.
OPERATOR_BYTES, TENSOR_BYTES, CHANNEL_BYTES, GRAPH_BYTES = 256, 24, 8, 1024
# Bytes of a number, by its type in the schema: float32, int32; else 1, int8.
SIZES = {0: 4, 2: 4}
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@dataclass(frozen=True)
class Arena:
    """How large an arena must be, and what measured it; `None` is an estimate."""

    n_bytes: int
    measured_by: str | None


def find_arena(graph: IntegerGraph, features: np.ndarray, scores: np.ndarray) -> Arena:
    """Measure the arena in LiteRT for Microcontrollers, else estimate it.

    Where the package `tflite-micro` is installed, the graph runs in it, and has to say
    what LiteRT says. That happens in another process: the interpreter checks little,
    and in an arena that is too small it may crash (version of 2026-10-23).

    Args:
        graph: The graph.
        features: Features of some clips, int8 `(n_clips, time, frequency)`.
        scores: What LiteRT makes of them, `(n_clips, n_labels)`.

    Raises:
        ExportError: If the graph does not run, or says something else.
    """
    estimate = estimate_arena(graph.content)
    if find_spec(PACKAGE) is None:
        return Arena(estimate, None)
    found, report = run_elsewhere(graph.content, features, arena_bytes=4 * estimate)
    compare(
        graph.scores.dequantize(found),
        scores,
        tolerance=TOLERANCE,
        measure="mean_difference",
    )
    total = REPORTED.search(report)
    if total is None:
        return Arena(estimate, None)
    return Arena(int(total[1]), f"tflite-micro {version('tflite-micro')}")


def run_elsewhere(
    content: bytes, features: np.ndarray, *, arena_bytes: int
) -> tuple[np.ndarray, str]:
    """Run a graph in LiteRT for Microcontrollers, in another process.

    Args:
        content: A `.tflite` file from int8 features to int8 scores.
        features: Features, int8 `(n_clips, time, frequency)`.
        arena_bytes: Size of the arena.

    Returns:
        The scores, int8 `(n_clips, n_labels)`, and what the interpreter says of memory.

    Raises:
        ExportError: If it does not run.
    """
    with tempfile.TemporaryDirectory() as made:
        inputs, outputs = Path(made) / "features.npy", Path(made) / "scores.npy"
        graph = Path(made) / "model.tflite"
        graph.write_bytes(content)
        np.save(inputs, features)
        files = [str(path) for path in (graph, inputs, outputs)]
        done = subprocess.run(
            [sys.executable, "-m", __name__, *files, str(arena_bytes)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it crashed"]
            raise ExportError(
                f"the graph does not run in LiteRT for Microcontrollers: {said[0]}"
            )
        return np.load(outputs), done.stderr


def _run(graph: str, inputs: str, outputs: str, arena_bytes: str) -> None:
    runtime = importlib.import_module(PACKAGE).runtime
    interpreter = runtime.Interpreter.from_file(graph, arena_size=int(arena_bytes))
    scores = []
    for clip in np.load(inputs):
        interpreter.set_input(clip[None, ..., None], 0)
        interpreter.invoke()
        scores.append(interpreter.get_output(0)[0].copy())
    np.save(outputs, np.stack(scores))
    interpreter.print_allocations()


def estimate_arena(content: bytes) -> int:
    """Return about how large an arena must be.

    The most memory that activations take at the same time, and what an interpreter
    keeps of every operator and tensor.

    Args:
        content: A `.tflite` file.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = model.subgraphs[0]
    n_channels = sum(
        int(graph.tensors[operator.outputs[0]].shape[-1])
        for operator in graph.operators
        if flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) in CONVOLUTIONS
    )
    kept = (
        GRAPH_BYTES
        + OPERATOR_BYTES * len(graph.operators)
        + TENSOR_BYTES * len(graph.tensors)
        + CHANNEL_BYTES * n_channels
    )
    return kept + _most_at_once(model, graph)


def _most_at_once(model: Any, graph: Any) -> int:
    """Return the most bytes of activations that are needed at the same time."""
    steps = [
        [int(place) for place in (*op.inputs, *op.outputs)] for op in graph.operators
    ]
    ends = [[int(graph.inputs[0])], *steps, [int(graph.outputs[0])]]
    uses: dict[int, list[int]] = {}
    for time, places in enumerate(ends):
        for place in places:
            if place >= 0 and model.buffers[graph.tensors[place].buffer].data is None:
                uses.setdefault(place, []).append(time)
    return max(
        sum(
            _n_bytes(graph.tensors[place])
            for place, times in uses.items()
            if times[0] <= now <= times[-1]
        )
        for now in range(len(ends))
    )


def _n_bytes(tensor: Any) -> int:
    n_numbers = int(np.prod(tensor.shape))
    size = n_numbers * SIZES.get(int(tensor.type), 1)
    return -(-size // ALIGNMENT) * ALIGNMENT


if __name__ == "__main__":
    _run(*sys.argv[1:])
