"""LiteRT (`.tflite`): raw audio in, scores out, one clip at a time.

One of the two files that touch `tf.*`: the converter is part of TensorFlow.
"""

import contextlib
import io
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import tensorflow as tf

from sonotype.errors import ExportError
from sonotype.runtime import quiet_stderr
from sonotype.training.load import load_model


def to_litert(model: keras.Model) -> bytes:
    """Convert a classifier to a LiteRT graph with builtin operators only.

    The batch is fixed to one clip: with a free batch size the FFT of the front end
    does not convert (TensorFlow 2.21). Where Keras runs on JAX or PyTorch, another
    process does it on TensorFlow.

    Args:
        model: Samples `(batch, n_samples)` to scores `(batch, n_labels)`.

    Returns:
        The content of a `.tflite` file.

    Raises:
        ExportError: If the model does not convert.
    """
    if keras.backend.backend() != "tensorflow":
        return _in_another_process(model)
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


def _in_another_process(model: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory() as made:
        saved, graph = Path(made) / "model.keras", Path(made) / "model.tflite"
        model.save(saved)
        done = subprocess.run(
            [sys.executable, "-m", "sonotype.exporters.litert", saved, graph],
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = done.stderr.strip().rpartition("\n")[2]
            raise ExportError(f"the model does not convert to LiteRT: {reason}")
        return graph.read_bytes()


def main() -> None:
    """Convert the saved model of the first argument to the file of the second."""
    saved, graph = map(Path, sys.argv[1:])
    graph.write_bytes(to_litert(load_model(saved)))


if __name__ == "__main__":
    main()
