"""ONNX (`.onnx`): raw audio in, scores out, any number of clips at a time.

One of the files that touch `tf.*`: tf2onnx reads TensorFlow's graphs.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sonotype.errors import ExportError, MissingDependencyError
from sonotype.exporters.on_tensorflow import convert_elsewhere, convert_file
from sonotype.frontend.spectrogram import Spectrogram
from sonotype.runtime import quiet_stderr

# What ONNX Runtime 1.14 (2023) and later read; the DFT operator came with 17.
OPSET = 18
# Up to this FFT length the spectrogram is a convolution, from there on the operator
# DFT. In ONNX Runtime 1.32 the convolution takes a quarter of the time at 256 samples,
# 0.6 of it at 1024, and 1.5 times as long at 2048, where its kernel is 16.8 MB.
LONGEST_KERNEL = 1024


def to_onnx(model: keras.Model) -> bytes:
    """Convert a classifier, or any model of one input and output, to an ONNX graph.

    The graph takes any number of clips at once. Keras's own export writes files that
    do not load: it passes the Fourier transform through as an operator that ONNX does
    not have, and turns constants such as the means of `Normalization` into inputs.

    Args:
        model: Samples `(batch, n_samples)` to scores `(batch, n_labels)`.

    Returns:
        The content of an `.onnx` file of opset 18, with the input `audio` and the
        output `scores`.

    Raises:
        ExportError: If the model does not convert.
        MissingDependencyError: If onnx or tf2onnx is not installed.
    """
    for package in ("onnx", "tf2onnx"):
        if find_spec(package) is None:
            raise MissingDependencyError(package, "onnx")
    if keras.backend.backend() != "tensorflow":
        return convert_elsewhere(__name__, model, "ONNX")
    import onnx

    try:
        with _quiet(), _short_transforms_as_convolutions(model):
            graph = _converted(model)
            onnx.checker.check_model(graph)
    except Exception as error:  # the converters raise whatever they like
        reason = str(error).strip().partition("\n")[0]
        raise ExportError(f"the model does not convert to ONNX: {reason}") from error
    content: bytes = graph.SerializeToString()
    return content


def _converted(model: keras.Model) -> Any:
    """Return the model as an `onnx.ModelProto` with named axes."""
    import tf2onnx

    shape = (None, *model.input_shape[1:])
    signature = [tf.TensorSpec(shape, tf.float32, name="audio")]

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
    def score(audio: Any) -> dict[str, Any]:
        return {"scores": model(audio, training=False)}

    graph, _ = tf2onnx.convert.from_function(
        score,
        input_signature=signature,
        opset=OPSET,
        custom_op_handlers={op: (handler, []) for op, handler in HANDLERS.items()},
    )
    _fill_in_constants(graph.graph, score.get_concrete_function())
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    # It also names the operators of classic machine learning, of which there is none.
    used = {node.domain for node in graph.graph.node}
    for entry in [entry for entry in graph.opset_import if entry.domain not in used]:
        graph.opset_import.remove(entry)
    return graph


def _fill_in_constants(graph: Any, traced: Any) -> None:
    """Give the inputs that are constants of a layer their values.

    A tensor that a layer made outside of `call`, as Keras's `Normalization` does, is
    an input to TensorFlow's function, and tf2onnx leaves it one, used or not.
    """
    from onnx import numpy_helper

    captured = {inner.name: outer for outer, inner in traced.graph.captures}
    used = {name for node in graph.node for name in node.input}
    for value in list(graph.input):
        if value.name not in captured:
            continue
        graph.input.remove(value)
        if value.name in used:
            constant = np.asarray(captured[value.name])
            graph.initializer.append(numpy_helper.from_array(constant, value.name))


def _as_transform(context: Any, node: Any, name: str, _: Any) -> None:
    """Write `RFFT` as DFT, whose output has an axis of real and imaginary part.

    ONNX has no complex numbers; `Real` and `Imag` take one of the two.
    """
    frames, length = node.input
    n_fft = int(context.get_node_by_output(length).get_tensor_value()[0])
    shape = context.get_shape(node.output[0])  # (batch, frames, bins)
    parts = context.make_node("Unsqueeze", [frames, _constant(context, name, [-1])])
    bins = context.make_node(
        "DFT",
        [parts.output[0], _constant(context, name, n_fft)],
        attr={"axis": len(shape) - 1, "onesided": 1},
    )
    # OpenVINO 2026.4 keeps the axis of length one between bins and parts.
    shape = [-1, *shape[1:], 2]
    same = _constant(context, name, shape)
    _replace(context, node, "Reshape", [bins.output[0], same], {}, shape)


def _as_part(context: Any, node: Any, name: str, _: Any) -> None:
    """Write `Real` and `Imag` as taking one of the two from the last axis."""
    which = _constant(context, name, ["Real", "Imag"].index(node.type))
    shape = context.get_shape(node.output[0])
    _replace(context, node, "Gather", [node.input[0], which], {"axis": -1}, shape)


def _as_resize(context: Any, node: Any, name: str, _: Any) -> None:
    """Write `ResizeBilinear` with the sizes of the picture.

    tf2onnx 1.17 writes a factor, 48 / 50 as float32, of which ONNX Runtime makes
    47 columns.
    """
    picture, size = node.input
    height_width = context.get_node_by_output(size).get_tensor_value()
    sizes = _constant(context, name, [int(side) for side in height_width])
    attributes = {
        "mode": "linear",
        "axes": [1, 2],  # (batch, height, width, channel)
        "coordinate_transformation_mode": (
            "half_pixel" if node.get_attr_value("half_pixel_centers") else "asymmetric"
        ),
    }
    shape = context.get_shape(node.output[0])
    _replace(context, node, "Resize", [picture, "", "", sizes], attributes, shape)


def _as_complement(context: Any, node: Any, name: str, _: Any) -> None:
    """Write `Erfc`, in the GELU of transformers, as 1 - Erf, which ONNX has."""
    one = context.make_const(f"{name}/one", np.array(1, np.float32)).name
    error = context.make_node("Erf", [node.input[0]]).output[0]
    _replace(context, node, "Sub", [one, error], {}, context.get_shape(node.output[0]))


HANDLERS = {
    "Erfc": _as_complement,
    "RFFT": _as_transform,
    "Real": _as_part,
    "Imag": _as_part,
    "ResizeBilinear": _as_resize,
}


def _constant(context: Any, name: str, value: int | list[int]) -> str:
    return str(context.make_const(f"{name}/{value}", np.array(value, np.int64)).name)


def _replace(
    context: Any,
    node: Any,
    operator: str,
    inputs: list[str],
    attributes: dict[str, Any],
    shape: list[int],
) -> None:
    """Put an operator of ONNX in the place of a node, under its name."""
    import onnx

    output = node.output[0]
    context.remove_node(node.name)
    context.make_node(
        operator,
        inputs,
        attr=attributes,
        name=node.name,
        outputs=[output],
        shapes=[shape],
        dtypes=[onnx.TensorProto.FLOAT],
    )


@contextlib.contextmanager
def _short_transforms_as_convolutions(model: keras.Model) -> Iterator[None]:
    """Let spectrograms compute as is best for ONNX, for a moment."""
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, Spectrogram) and layer.n_fft <= LONGEST_KERNEL
    ]
    before = [layer.implementation for layer in layers]
    try:
        for layer in layers:
            layer.implementation = "convolution"
        yield
    finally:
        for layer, implementation in zip(layers, before, strict=True):
            layer.implementation = implementation


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the converters tell of themselves from the user."""
    silent = contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), silent, quiet_stderr():
        warnings.simplefilter("ignore")
        yield


if __name__ == "__main__":
    convert_file(to_onnx)
