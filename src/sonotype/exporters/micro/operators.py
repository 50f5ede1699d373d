"""The operators of LiteRT for Microcontrollers, and which of them a graph needs."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sonotype.errors import ExportError

# What the resolver of tflite-micro of 2026-10-23 finds, by the names of the schema.
_NAMES = """
ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL
BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION
CONV_2D COS CUMSUM DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV
DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV
FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF
L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT
LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG
NOT_EQUAL PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX
REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2
ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT
SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH
TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE
ZEROS_LIKE
"""
OPERATORS = frozenset(_NAMES.split())
# Where the resolver's function is not called as the operator, in camel case.
CALLED_OTHERWISE = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}


@dataclass(frozen=True)
class Quantization:
    """How integers stand for numbers: `(integer - zero_point) * scale`."""

    scale: float
    zero_point: int

    def quantize(self, numbers: np.ndarray) -> np.ndarray:
        """Return the nearest int8; what is out of range becomes the end of it.

        Example:
            >>> Quantization(0.5, -3).quantize(np.array([0.0, 0.8, 99.0])).tolist()
            [-3, -1, 127]
        """
        integers = np.round(numbers / self.scale) + self.zero_point
        return np.clip(integers, -128, 127).astype(np.int8)

    def dequantize(self, integers: np.ndarray) -> np.ndarray:
        """Return the numbers, float32."""
        numbers = (integers.astype(np.float32) - self.zero_point) * self.scale
        return numbers.astype(np.float32)


@dataclass(frozen=True)
class IntegerGraph:
    """A LiteRT graph with one int8 input and one int8 output.

    `operators` counts them by name.
    """

    content: bytes
    operators: dict[str, int]
    input_shape: tuple[int, ...]
    features: Quantization
    scores: Quantization
    n_labels: int


def read_graph(content: bytes) -> IntegerGraph:
    """Read what whoever runs a graph has to know of it.

    Args:
        content: A `.tflite` file from int8 features to int8 scores.

    Raises:
        ExportError: If it needs operators that LiteRT for Microcontrollers has not.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = model.subgraphs[0]
    found = Counter(
        flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        for part in model.subgraphs
        for operator in part.operators
    )
    refuse_others(found)
    features, scores = (
        graph.tensors[place[0]] for place in (graph.inputs, graph.outputs)
    )
    return IntegerGraph(
        content=content,
        operators=dict(sorted(found.items())),
        input_shape=tuple(int(side) for side in features.shape),
        features=_quantization(features),
        scores=_quantization(scores),
        n_labels=int(scores.shape[-1]),
    )


def refuse_others(operators: Iterable[str]) -> None:
    """Raise for operators that LiteRT for Microcontrollers has not.

    Raises:
        ExportError: Naming them.

    Example:
        >>> refuse_others(["CONV_2D", "GELU"])
        Traceback (most recent call last):
            ...
        sonotype.errors.ExportError: the network needs GELU, ...
    """
    others = sorted(set(operators) - OPERATORS)
    if others:
        raise ExportError(
            f"the network needs {', '.join(others)}, which LiteRT for Microcontrollers "
            "has not; train another backbone, such as residual or ds_cnn"
        )


def resolver_function(operator: str) -> str:
    """Return the function of `MicroMutableOpResolver` that adds an operator.

    Example:
        >>> resolver_function("DEPTHWISE_CONV_2D"), resolver_function("PADV2")
        ('AddDepthwiseConv2D', 'AddPadV2')
    """
    camel = CALLED_OTHERWISE.get(operator, operator.title().replace("_", ""))
    return f"Add{camel}"


def _quantization(tensor: Any) -> Quantization:
    return Quantization(
        float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
    )
