"""Two LiteRT graphs as one: the output of the first is the input of the second."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def join_litert(first: bytes, second: bytes) -> bytes:
    """Put one graph behind another, each as it is.

    A converter quantises all of a graph or nothing. Joined, the front end stays in
    floating point: the powers of a spectrum span more than eight bits can tell apart.

    Args:
        first: A `.tflite` file with one output.
        second: A `.tflite` file whose one input has the shape of that output.

    Returns:
        The content of a `.tflite` file from the first's input to the second's output.

    Raises:
        ValueError: If the shapes differ.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    joined, added = map(flatbuffer_utils.read_model_from_bytearray, (first, second))
    graph, rest = joined.subgraphs[0], added.subgraphs[0]
    bridge, entry = int(graph.outputs[0]), int(rest.inputs[0])
    shapes = [list(graph.tensors[bridge].shape), list(rest.tensors[entry].shape)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"a graph gives {shapes[0]}, but the next takes {shapes[1]}")

    _renumber(added, joined)
    joined.buffers += added.buffers
    joined.operatorCodes += added.operatorCodes
    joined.subgraphs += added.subgraphs[1:]  # the bodies of loops
    tensors = {old: len(graph.tensors) + old for old in range(len(rest.tensors))}
    tensors[entry] = bridge
    graph.tensors += rest.tensors
    for operator in rest.operators:
        operator.inputs = _places(operator.inputs, tensors)
        operator.outputs = _places(operator.outputs, tensors)
        operator.intermediates = _places(operator.intermediates, tensors)
    graph.operators += rest.operators
    graph.outputs = _places(rest.outputs, tensors)
    for signature, other in zip(
        joined.signatureDefs or (), added.signatureDefs or (), strict=True
    ):
        signature.outputs = other.outputs
        for output in signature.outputs:
            output.tensorIndex = tensors[output.tensorIndex]
    # They describe how each of the two was made.
    joined.metadata = None
    content: bytes = bytes(flatbuffer_utils.convert_object_to_bytearray(joined))
    return content


def _renumber(model: Any, before: Any) -> None:
    """Let a model refer to its buffers, operators and loops behind those of another."""
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer += len(before.buffers)
        for operator in graph.operators:
            operator.opcodeIndex += len(before.operatorCodes)
            options = vars(operator.builtinOptions) if operator.builtinOptions else {}
            for name in options:
                if name.endswith("SubgraphIndex"):
                    # The first graph of the model becomes part of that before it.
                    options[name] += len(before.subgraphs) - 1


def _places(numbers: Iterable[int] | None, places: dict[int, int]) -> np.ndarray | None:
    """Return numbers of tensors in the joined graph; -1 is none, and stays."""
    if numbers is None:
        return None
    return np.array([places.get(int(number), -1) for number in numbers], np.int32)
