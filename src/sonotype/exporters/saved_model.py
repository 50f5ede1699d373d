"""TensorFlow SavedModel: the folder that TensorFlow Serving runs.

One of the files that touch `tf.*`: only TensorFlow runs what is in it.
"""

import contextlib
import io
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from sonotype.errors import BundleError, ExportError
from sonotype.runtime import CLIPS_AT_ONCE, quiet_stderr

ENDPOINT = "serving_default"


def write_saved_model(model: keras.Model, folder: Path) -> None:
    """Write a classifier as a SavedModel, which takes any number of clips at once.

    Args:
        model: Samples `(batch, n_samples)` to scores `(batch, n_labels)`.
        folder: The folder to make.

    Raises:
        ExportError: If the model does not convert, or Keras does not run on
            TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            "a SavedModel is made where Keras runs on TensorFlow, not on "
            f"{keras.backend.backend()}; set KERAS_BACKEND=tensorflow"
        )
    silent = contextlib.redirect_stdout(io.StringIO())
    try:
        with warnings.catch_warnings(), silent, quiet_stderr():
            warnings.simplefilter("ignore")
            model.export(folder, format="tf_saved_model", verbose=False)
    except Exception as error:  # the exporter raises whatever it likes
        raise ExportError(f"the model does not become a SavedModel: {error}") from error


class SavedModel:
    """A SavedModel in TensorFlow.

    Args:
        folder: What `write_saved_model` made.

    Raises:
        BundleError: If the folder is no such model.
    """

    def __init__(self, folder: Path) -> None:
        try:
            with quiet_stderr():
                self._score = tf.saved_model.load(str(folder)).signatures[ENDPOINT]
        except (OSError, KeyError, ValueError) as error:
            raise BundleError(f"{folder} does not load in TensorFlow: {error}") from (
                error
            )
        ((self._input, spec),) = self._score.structured_input_signature[1].items()
        ((self._output, scores),) = self._score.structured_outputs.items()
        self.n_samples = int(spec.shape[1])
        self.n_labels = int(scores.shape[1])

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Score `(n_clips, n_samples)`, several clips at once."""
        result = np.empty((len(samples), self.n_labels), dtype=np.float32)
        for first in range(0, len(samples), CLIPS_AT_ONCE):
            some = slice(first, first + CLIPS_AT_ONCE)
            batch = tf.constant(samples[some])
            result[some] = self._score(**{self._input: batch})[self._output].numpy()
        return result
