"""The embedding: what a network makes of a clip, as a second output beside the scores.

It is the vector that the last layer reads, so it costs nothing: the graph computes it
anyway. A file of its own would be a second copy of the network.
"""

from typing import Any

import keras
import numpy as np

from sonotype.exporters.verify import compare_embeddings
from sonotype.models.head import SCORES
from sonotype.runtime import LiteRT, Runtime
from sonotype.training.transfer.frozen import embedder

OUTPUTS = (SCORES, "embedding")
PARTS = ("frontend", "backbone", "head")


def has_embedding(model: keras.Model) -> bool:
    """Return whether a model is made of the three parts of a classifier."""
    names = [layer.name for layer in model.layers]
    return set(PARTS) <= set(names) and SCORES in [
        layer.name for layer in model.get_layer("head").layers
    ]


def with_embedding(model: keras.Model) -> keras.Model:
    """Return a classifier of one clip that gives its embedding too.

    Args:
        model: A classifier as `build_classifier` makes it.

    Returns:
        A model of audio `(1, n_samples)` with the outputs `scores`, `(1, n_labels)`,
        and `embedding`, `(1, n_channels)`.
    """
    frontend, backbone, head = map(model.get_layer, PARTS)
    pooled = embedder(model).get_layer("pooled")
    # One model for both, or what pools would be in the graph twice.
    both = keras.Model(head.input, [head.output, pooled.output])
    audio = keras.Input(batch_shape=(1, model.input_shape[-1]), name="audio")
    features = backbone(frontend(audio, training=False), training=False)
    outputs = both(features, training=False)
    return keras.Model(audio, dict(zip(OUTPUTS, outputs, strict=True)))


def scores_first(graph: bytes) -> bytes:
    """Put the outputs of a LiteRT graph in order: the scores, then the embedding.

    The converter orders them as it likes (TensorFlow 2.21), and whoever runs a bundle
    reads the first one.

    Args:
        graph: The content of a `.tflite` file whose outputs have those names.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    content = flatbuffer_utils.read_model_from_bytearray(bytearray(graph))
    signature = content.signatureDefs[0]
    named = {output.name.decode(): output for output in signature.outputs}
    signature.outputs = [named[name] for name in OUTPUTS]
    places = [output.tensorIndex for output in signature.outputs]
    content.subgraphs[0].outputs = np.array(places, np.int32)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(content))


def embedding_facts(
    runtime: Runtime, model: keras.Model, samples: np.ndarray
) -> dict[str, Any]:
    """Compare the embeddings of an exported file with those of its model.

    Args:
        runtime: The exported file, loaded again.
        model: The model.
        samples: Real clips, float32 `(n_clips, n_samples)`.

    Returns:
        What `model.json` says of them; nothing if the file gives none.

    Raises:
        ExportError: If they differ.
    """
    if not isinstance(runtime, LiteRT) or runtime.n_channels is None:
        return {}
    expected = embedder(model).predict(samples, verbose=0)
    agreement = compare_embeddings(runtime.embeddings(samples), expected)
    return {
        "embedding_channels": runtime.n_channels,
        "embedding_difference": agreement.largest_difference,
    }
