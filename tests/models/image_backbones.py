"""What the tests of several networks for pictures share."""

import contextlib
import hashlib
import io
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from sonotype.models.weights import PublishedWeights


def pictures(shape: tuple[int, ...], n_pictures: int = 2) -> np.ndarray:
    """Return pictures of noise, from 0 to 255."""
    rng = np.random.default_rng(0)
    return (255 * rng.random((n_pictures, *shape))).astype(np.float32)


def litert_map(model: keras.Model, picture: np.ndarray) -> np.ndarray:
    """Convert a network with builtin operators only and run it on one picture."""
    one = keras.Input(batch_shape=(1, *model.input_shape[1:]))
    single = keras.Model(one, model(one, training=False))
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
    interpreter.invoke()
    found: np.ndarray = interpreter.get_tensor(
        interpreter.get_output_details()[0]["index"]
    )
    return found[0]


def write_as_published(model: keras.Model, path: Path) -> None:
    """Write the weights of a network in the layout of Keras's published files."""
    whole = path.with_name(f"whole_{path.name}")
    model.save(whole)
    with h5py.File(whole) as source, h5py.File(path, "w") as published:
        for name in source["model_weights"]:
            source["model_weights"].copy(name, published)
        published.attrs.update(source["model_weights"].attrs)


def publish(
    path: Path, published: PublishedWeights, home: Path, patch: pytest.MonkeyPatch
) -> tuple[PublishedWeights, str]:
    """Put a file where Keras keeps downloads, under the name of the published one.

    Returns:
        The published file with the digest of this one and no address that answers,
        and that digest.
    """
    content = path.read_bytes()
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    (home / "models").mkdir(parents=True, exist_ok=True)
    (home / "models" / published.file_name).write_bytes(content)
    patch.setattr("keras.src.backend.config._KERAS_DIR", str(home))
    patch.setenv("KERAS_HOME", str(home))
    address = "http://127.0.0.1:9/"
    return replace(published, address=address, digest=f"md5:{digest}"), digest


def as_keras_builds_it(
    network: Callable[..., keras.Model], shape: tuple[int, ...]
) -> keras.Model:
    """Let Keras itself build the network that it calls imagenet."""
    with warnings.catch_warnings():
        # MobileNetV3 says that its weights are those of another size of picture.
        warnings.simplefilter("ignore")
        return network(include_top=False, weights="imagenet", input_shape=shape)
