"""A folder for microcontrollers: graph, constants, C files, and how to use them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sonotype.errors import ExportError
from sonotype.exporters.litert import to_integer_litert
from sonotype.exporters.micro import c_source
from sonotype.exporters.micro.arena import Arena, find_arena
from sonotype.exporters.micro.frontend_constants import read_frontend
from sonotype.exporters.micro.operators import Quantization, read_graph
from sonotype.exporters.micro.runtime import (
    CONSTANTS,
    GRAPH,
    IntegerRuntime,
    read_constants,
    write_constants,
)

# Clips that are run in the interpreter for microcontrollers, which takes its time.
N_TRIED = 16
# Of the features of a clip, the share that must be the model's to one step of int8.
LEAST_SHARE = 0.99


def write_micro(model: keras.Model, clips: np.ndarray | None, folder: Path) -> None:
    """Write graph and constants of a classifier for microcontrollers.

    `describe_micro` adds the C files.

    Args:
        model: A classifier as `build_classifier` makes it.
        clips: Some hundred clips as prediction will meet them, float32
            `(n_clips, n_samples)`; they tell the range of every activation.
        folder: The folder to make.

    Raises:
        ExportError: If there are no clips, the front end or an operator is none that
            microcontrollers have, the model does not convert, or the files say
            something else than the model.
    """
    if clips is None or not len(clips):
        raise ExportError(
            "a graph of integers needs clips that tell the range of every activation; "
            "give recordings as prediction will meet them"
        )
    frontend = model.get_layer("frontend")
    constants = read_frontend(frontend)
    features = frontend.predict(clips, verbose=0)
    graph = read_graph(to_integer_litert(model, features))
    quantized = graph.features.quantize(features)
    _compare_features(graph.features, constants.features(clips), quantized)
    tried = quantized[:N_TRIED]
    arena = find_arena(graph, tried, IntegerRuntime(graph.content).run(tried))
    folder.mkdir(parents=True)
    (folder / GRAPH).write_bytes(graph.content)
    write_constants(
        folder / CONSTANTS,
        constants,
        arena_bytes=arena.n_bytes,
        arena_measured_by=arena.measured_by,
    )


def describe_micro(folder: Path, labels: Sequence[str]) -> None:
    """Write the C files of a folder, and how to use them.

    Args:
        folder: What `write_micro` made.
        labels: Names, in the order of the scores.
    """
    constants, about = read_constants(folder / CONSTANTS)
    graph = read_graph((folder / GRAPH).read_bytes())
    arena = Arena(about["arena_bytes"], about["arena_measured_by"])
    files = {
        "model.h": c_source.model_header(graph, arena),
        "model.c": c_source.model_source(graph, labels),
        "frontend.h": c_source.frontend_header(constants),
        "frontend.c": c_source.frontend_source(),
        "frontend_tables.h": c_source.frontend_tables(constants),
        "README.md": c_source.usage(graph, constants, labels),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def micro_facts(folder: Path) -> dict[str, Any]:
    """Return what `model.json` says of a folder that `write_micro` made."""
    _, about = read_constants(folder / CONSTANTS)
    graph = read_graph((folder / GRAPH).read_bytes())
    return {
        "n_operators": sum(graph.operators.values()),
        "operators": graph.operators,
        "graph_bytes": len(graph.content),
        **about,
    }


def _compare_features(
    quantization: Quantization, found: np.ndarray, expected: np.ndarray
) -> None:
    """Raise if the constants give other features than the layers, both as integers."""
    steps = quantization.quantize(found).astype(int) - expected
    share = float((np.abs(steps) <= 1).mean())
    if share < LEAST_SHARE:
        raise ExportError(
            "the constants of the front end give other features than its layers: "
            f"{share:.1%} are equal to one step of int8, {LEAST_SHARE:.0%} is needed"
        )
