"""What a network costs: its parameters, and the multiplications of one pass."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import layers

from sonotype.errors import SettingError

Shape = tuple[int, ...]

FRONTEND_MODULES = "sonotype.frontend."
# Gates of a recurrent layer: each is a product with the input and one with the state.
GATES = {layers.LSTM: 4, layers.GRU: 3, layers.SimpleRNN: 1}
# Their tables of numbers are looked up, or go once over the values, as a bias does.
WITHOUT_PRODUCTS = (
    layers.BatchNormalization,
    layers.Embedding,
    layers.GroupNormalization,
    layers.LayerNormalization,
    layers.Normalization,
    layers.PReLU,
)
# Operations outside of layers that are products of matrices.
UNCOUNTED_OPERATIONS = {"Conv", "DepthwiseConv", "Dot", "Einsum", "Matmul", "Tensordot"}


def count_parameters(model: keras.Model) -> int:
    """Return how many numbers a network holds.

    The running statistics of its normalisations count too. Tables that a front end
    computes from its settings, such as mel filters, do not.

    Args:
        model: A model that has been built.

    Example:
        >>> from sonotype.models.residual import residual_network
        >>> count_parameters(residual_network((98, 64), channels=[8], strides=[2]))
        232
    """
    tables = {
        id(weight)
        for layer in _leaves(model)
        if _is_front_end(layer)
        for weight in layer.non_trainable_weights
    }
    kept = [weight for weight in model.weights if id(weight) not in tables]
    return sum(math.prod(weight.shape) for weight in kept)


def count_macs(model: keras.Model) -> int:
    """Return the multiply-adds of one pass over one clip.

    Counted are the products of convolutions, dense and recurrent layers and attention,
    as papers count them. Left out is what costs a few operations a value (biases,
    activations, normalisation, pooling), and the whole front end, whose FFT is not
    made of such products.

    Args:
        model: A functional or sequential model, or one made of such models. A layer of
            one's own that multiplies matrices needs a method `count_macs`, from the
            shape of its input for one clip to their number.

    Raises:
        SettingError: If a shape is not known beforehand, or nobody knows what one of
            the layers costs.

    Example:
        >>> picture = keras.Input((8, 8, 3))  # 6 x 6 places of 3 x 3 x 3 x 4 products
        >>> count_macs(keras.Model(picture, layers.Conv2D(4, 3)(picture)))
        3888
    """
    if isinstance(model, keras.Sequential):
        return _count_chain(model)
    operations = {operation.name: operation for operation in model.operations}
    return sum(
        _count(operations[node["name"]], _shapes(call))
        for node in model.get_config()["layers"]
        for call in node["inbound_nodes"]
    )


def _count_chain(model: keras.Sequential) -> int:
    total = 0
    shape = _of_one_clip(model.input_shape)
    for layer in model.layers:
        total += _count(layer, [shape])
        shape = layer.compute_output_shape(shape)
    return total


def _count(operation: Any, shapes: list[Shape]) -> int:
    """Return the multiply-adds of one call of a layer with inputs of these shapes."""
    if isinstance(operation, keras.Model):
        return count_macs(operation)
    if _is_front_end(operation):
        return 0
    for kind, count in COUNTERS.items():
        if isinstance(operation, kind):
            return count(operation, shapes)
    if hasattr(operation, "count_macs"):
        return int(operation.count_macs(shapes[0]))
    if not _is_free(operation):
        raise SettingError(
            f"what {type(operation).__name__} {operation.name!r} multiplies cannot be "
            "counted; use layers from Keras, or give it a method count_macs"
        )
    return 0


def _convolution(layer: Any, shapes: list[Shape]) -> int:
    # The kernel is a place's products: its axis of channels is that of one group.
    return _places(layer, layer.compute_output_shape(shapes[0])) * _size(layer.kernel)


def _transposed(layer: Any, shapes: list[Shape]) -> int:
    return _places(layer, shapes[0]) * _size(layer.kernel)


def _separable(layer: Any, shapes: list[Shape]) -> int:
    products = _size(layer.depthwise_kernel) + _size(layer.pointwise_kernel)
    return _places(layer, layer.compute_output_shape(shapes[0])) * products


def _dense(layer: Any, shapes: list[Shape]) -> int:
    return math.prod(shapes[0][:-1]) * _size(layer.kernel)


def _einsum_dense(layer: Any, shapes: list[Shape]) -> int:
    inputs, _, result = layer.equation.partition("->")
    letters = inputs.rpartition(",")[2]
    summed = [
        size
        for letter, size in zip(letters, layer.kernel.shape, strict=True)
        if letter not in result
    ]
    return math.prod(layer.compute_output_shape(shapes[0])) * math.prod(summed)


def _recurrent(layer: Any, shapes: list[Shape]) -> int:
    n_steps, n_inputs = shapes[0][-2:]
    gates = next(gates for kind, gates in GATES.items() if isinstance(layer, kind))
    return n_steps * gates * layer.units * (n_inputs + layer.units)


def _both_directions(layer: Any, shapes: list[Shape]) -> int:
    return _count(layer.forward_layer, shapes) + _count(layer.backward_layer, shapes)


def _every_step(layer: Any, shapes: list[Shape]) -> int:
    n_steps = shapes[0][1]
    return n_steps * _count(layer.layer, [(shapes[0][0], *shapes[0][2:])])


def _attention(layer: Any, shapes: list[Shape]) -> int:
    """Count four projections, the weights of all pairs and the sums under them."""
    query, value = shapes[:2]
    key = shapes[2] if len(shapes) > 2 else value
    n_queries, n_values = math.prod(query[1:-1]), math.prod(value[1:-1])
    width_of_keys = layer.num_heads * layer.key_dim
    width_of_values = layer.num_heads * layer.value_dim
    n_outputs = layer.compute_output_shape(query, value, key)[-1]
    return (
        n_queries * query[-1] * width_of_keys
        + n_values * key[-1] * width_of_keys
        + n_values * value[-1] * width_of_values
        + n_queries * n_values * (width_of_keys + width_of_values)
        + n_queries * width_of_values * n_outputs
    )


COUNTERS: dict[Any, Callable[[Any, list[Shape]], int]] = {
    (layers.SeparableConv1D, layers.SeparableConv2D): _separable,
    (layers.Conv1DTranspose, layers.Conv2DTranspose): _transposed,
    (
        layers.Conv1D,
        layers.Conv2D,
        layers.DepthwiseConv1D,
        layers.DepthwiseConv2D,
    ): _convolution,
    layers.Dense: _dense,
    layers.EinsumDense: _einsum_dense,
    tuple(GATES): _recurrent,
    layers.Bidirectional: _both_directions,
    layers.TimeDistributed: _every_step,
    layers.MultiHeadAttention: _attention,
}


def _is_free(operation: Any) -> bool:
    """Return whether an operation has no products worth counting."""
    if not isinstance(operation, keras.layers.Layer):
        return type(operation).__name__ not in UNCOUNTED_OPERATIONS
    if isinstance(operation, WITHOUT_PRODUCTS):
        return True
    return all(len(weight.shape) < 2 for weight in operation.weights)


def _is_front_end(layer: Any) -> bool:
    return type(layer).__module__.startswith(FRONTEND_MODULES)


def _leaves(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a model and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _places(layer: Any, shape: Shape) -> int:
    """Return in how many places of the map a kernel is applied."""
    return math.prod(
        shape[2:] if layer.data_format == "channels_first" else shape[1:-1]
    )


def _size(weight: Any) -> int:
    return math.prod(weight.shape)


def _shapes(value: Any) -> list[Shape]:
    """Return the shapes of the tensors in the saved arguments of a call, in order."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [_of_one_clip(value["config"]["shape"])]
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [shape for item in value for shape in _shapes(item)]
    return []


def _of_one_clip(shape: Any) -> Shape:
    if any(size is None for size in shape[1:]):
        raise SettingError(
            f"the cost depends on the length of a clip, but a shape is {tuple(shape)}; "
            "build the model for clips of a given length"
        )
    return (1, *shape[1:])
