import numpy as np
import pytest

from sonotype.errors import ExportError
from sonotype.exporters.micro.operators import (
    OPERATORS,
    Quantization,
    refuse_others,
    resolver_function,
)


def test_every_operator_is_one_of_the_schema() -> None:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    assert set(vars(BuiltinOperator)) > OPERATORS


def test_transforms_of_fourier_are_not_among_them() -> None:
    with pytest.raises(ExportError, match=r"needs COMPLEX_ABS, RFFT2D, which LiteRT"):
        refuse_others(["RFFT2D", "CONV_2D", "COMPLEX_ABS"])
    refuse_others(["CONV_2D", "MEAN"])


@pytest.mark.parametrize(
    ("operator", "function"),
    [
        ("ADD", "AddAdd"),
        ("ADD_N", "AddAddN"),
        ("AVERAGE_POOL_2D", "AddAveragePool2D"),
        ("BATCH_MATMUL", "AddBatchMatMul"),
        ("CUMSUM", "AddCumSum"),
        ("L2_NORMALIZATION", "AddL2Normalization"),
        ("PADV2", "AddPadV2"),
        ("RELU6", "AddRelu6"),
        ("SELECT_V2", "AddSelectV2"),
        ("SPACE_TO_BATCH_ND", "AddSpaceToBatchNd"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
    ],
)
def test_functions_are_called_as_in_the_resolver(operator: str, function: str) -> None:
    assert resolver_function(operator) == function


def test_integers_are_within_half_a_step_of_the_numbers() -> None:
    quantization = Quantization(0.05, 20)
    numbers = np.random.default_rng(0).uniform(-7.4, 5.35, 500)
    found = quantization.dequantize(quantization.quantize(numbers))
    assert np.abs(found - numbers).max() <= 0.025 + 1e-6
    ends = quantization.quantize(np.array([-1e9, 1e9]))
    assert ends.tolist() == [-128, 127]
