"""LiteRT (`.tflite`): raw audio in, scores out, one clip at a time.

One of the files that touch `tf.*`: the converter is part of TensorFlow.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from sonotype.errors import ExportError
from sonotype.exporters.embedding import (
    has_embedding,
    scores_first,
    with_embedding,
)
from sonotype.exporters.join_litert import join_litert
from sonotype.exporters.on_tensorflow import convert_elsewhere, convert_file
from sonotype.runtime import quiet_stderr

Precision = Literal["float16", "int8", "int8-full"]


def to_litert(model: keras.Model) -> bytes:
    """Convert a classifier to a LiteRT graph with builtin operators only.

    The batch is fixed to one clip: with a free batch size the FFT of the front end
    does not convert (TensorFlow 2.21). Where Keras runs on JAX or PyTorch, another
    process does it on TensorFlow.

    Args:
        model: Samples `(batch, n_samples)` to scores `(batch, n_labels)`.

    Returns:
        The content of a `.tflite` file. The second output of a classifier's is its
        embedding, the vector that the last layer reads.

    Raises:
        ExportError: If the model does not convert.
    """
    if keras.backend.backend() != "tensorflow":
        return convert_elsewhere(__name__, model, "LiteRT")
    if has_embedding(model):
        return scores_first(_converted(with_embedding(model)))
    return _converted(_for_one_clip(model))


def to_small_litert(
    model: keras.Model, precision: Precision, clips: np.ndarray | None = None
) -> bytes:
    """Convert a classifier to a LiteRT graph whose weights take less room.

    With int8, the front end stays in float32: rounding the power of a spectrum to
    eight bits took a model of spoken words from 99 % to 73 % of right answers.

    Args:
        model: A classifier as `build_classifier` makes it.
        precision: `float16` and `int8` store the weights so, and compute with them
            as the processor likes; `int8-full` computes backbone and head in integers.
        clips: For `int8-full`: some hundred clips as prediction will meet them,
            float32 `(n_clips, n_samples)`; they tell the range of every activation.

    Returns:
        The content of a `.tflite` file; samples and scores are float32 in all of them.

    Raises:
        ExportError: If the model does not convert, Keras does not run on TensorFlow,
            or for `int8-full` there are no clips or the model has recurrent layers.
    """
    _refuse_other_backends()
    if precision == "float16":
        return _converted(_for_one_clip(model), supported_types=[tf.float16])
    frontend, rest = model.get_layer("frontend"), _behind_frontend(model)
    if precision == "int8":
        small = _converted(rest, optimizations=[tf.lite.Optimize.DEFAULT])
    else:
        if clips is None or not len(clips):
            raise ExportError(
                "int8-full needs clips that tell the range of every activation; "
                "give recordings as prediction will meet them"
            )
        _refuse_loops(model)
        features = frontend.predict(clips, verbose=0)

        def examples() -> Iterator[list[np.ndarray]]:
            return ([clip[None]] for clip in features)

        small = _converted(
            rest,
            optimizations=[tf.lite.Optimize.DEFAULT],
            representative_dataset=examples,
        )
    return join_litert(_converted(_for_one_clip(frontend)), small)


def to_integer_litert(model: keras.Model, features: np.ndarray) -> bytes:
    """Convert backbone and head to a LiteRT graph of nothing but integers.

    Args:
        model: A classifier as `build_classifier` makes it.
        features: Features of some hundred clips as prediction will meet them, float32
            `(n_clips, time, frequency)`; they tell the range of every activation.

    Returns:
        The content of a `.tflite` file from features `(1, time, frequency, 1)` to
        scores `(1, n_labels)`, both int8.

    Raises:
        ExportError: If the model does not convert, Keras does not run on TensorFlow,
            or the model has recurrent layers.
    """
    _refuse_other_backends()
    _refuse_loops(model)
    shape = (1, *features.shape[1:], 1)
    inputs = keras.Input(batch_shape=shape, name="features")
    flow = keras.layers.Reshape(model.get_layer("backbone").input_shape[1:])(inputs)
    rest = keras.Model(inputs, _behind_frontend(model)(flow, training=False))

    def examples() -> Iterator[list[np.ndarray]]:
        return ([clip[None, ..., None]] for clip in features)

    return _converted(
        rest,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=examples,
        inference_input_type=tf.int8,
        inference_output_type=tf.int8,
        supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS_INT8],
    )


def _refuse_other_backends() -> None:
    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            "graphs with small weights are made where Keras runs on TensorFlow, not "
            f"on {keras.backend.backend()}; set KERAS_BACKEND=tensorflow"
        )


def _refuse_loops(model: keras.Model) -> None:
    """Raise for recurrent layers, whose loops crash TensorFlow's calibrator (2.21)."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN) and not layer.unroll:
            raise ExportError(
                f"integers have no way to compute the loop of the layer {layer.name}; "
                "int8 has"
            )


def _for_one_clip(model: keras.Model) -> keras.Model:
    audio = keras.Input(batch_shape=(1, model.input_shape[-1]), name="audio")
    return keras.Model(audio, model(audio, training=False))


def _behind_frontend(model: keras.Model) -> keras.Model:
    """Return backbone and head as one model of the features of one clip."""
    backbone, head = model.get_layer("backbone"), model.get_layer("head")
    shape = (1, *backbone.input_shape[1:])
    features = keras.Input(batch_shape=shape, name="features")
    return keras.Model(features, head(backbone(features, training=False)))


def _converted(
    model: keras.Model,
    *,
    supported_types: list[Any] | None = None,
    supported_ops: list[Any] | None = None,
    **settings: Any,
) -> bytes:
    """Run TensorFlow's converter; `settings` are attributes of it."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    for name, value in settings.items():
        setattr(converter, name, value)
    if supported_types is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = supported_types
    if supported_ops is not None:
        converter.target_spec.supported_ops = supported_ops
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        # It prints what it saves, and warns of its own move to another package.
        silent = contextlib.redirect_stdout(io.StringIO())
        with warnings.catch_warnings(), silent, quiet_stderr():
            warnings.simplefilter("ignore")
            graph: bytes = converter.convert()
    except Exception as error:  # the converter raises whatever it likes
        raise ExportError(f"the model does not convert to LiteRT: {error}") from error
    return graph


if __name__ == "__main__":
    convert_file(to_litert)
