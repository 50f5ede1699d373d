"""LiteRT (`.tflite`): raw audio in, scores out, one clip at a time.

One of the two files that touch `tf.*`: the converter is part of TensorFlow.
"""

import contextlib
import io
import logging
import warnings

import keras
import tensorflow as tf

from sonotype.errors import ExportError
from sonotype.runtime import quiet_stderr


def to_litert(model: keras.Model) -> bytes:
    """Convert a classifier to a LiteRT graph with builtin operators only.

    The batch is fixed to one clip: with a free batch size the FFT of the front end
    does not convert (TensorFlow 2.21).

    Args:
        model: Samples `(batch, n_samples)` to scores `(batch, n_labels)`.

    Returns:
        The content of a `.tflite` file.

    Raises:
        ExportError: If the backend is not TensorFlow, or the model does not convert.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ExportError(
            f"LiteRT files are made with TensorFlow, but Keras runs on {backend}; "
            "save model.keras and export it where KERAS_BACKEND is tensorflow"
        )
    audio = keras.Input(batch_shape=(1, model.input_shape[-1]), name="audio")
    single = keras.Model(audio, model(audio, training=False))
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
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
