"""What `test_backends.py` runs in a process of its own: KERAS_BACKEND says on what.

    python -m tests.other_backend layers FOLDER
    python -m tests.other_backend train FOLDER TONES

It imports nothing of the tests and no TensorFlow but where that is the backend.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sonotype.augment.table import AUGMENTATIONS
from sonotype.frontend.table import FRONTENDS

Arrays = dict[str, np.ndarray]


def main() -> None:
    """Do what the arguments name."""
    task, folder = sys.argv[1], Path(sys.argv[2])
    if task == "layers":
        run_layers(folder)
    else:
        run_training(folder, Path(sys.argv[3]))


def run_layers(folder: Path) -> None:
    """Run the layer of every saved model on the inputs saved beside it."""
    assert FRONTENDS  # imported so that their classes are known
    for path in sorted(folder.glob("*.keras")):
        model = keras.saving.load_model(path)
        given = dict(np.load(path.with_suffix(".npz")))
        outputs = {"output": model(inputs_of(given))}
        if path.stem in AUGMENTATIONS:
            layer = model.layers[-1]
            drawn = {name: given[name] for name in given if not name.isdigit()}
            drawn = {name: keras.ops.convert_to_tensor(drawn[name]) for name in drawn}
            outputs["applied"] = layer.apply(tensors(inputs_of(given)), drawn)
            outputs["varied"] = varied(layer, inputs_of(given))
        save_arrays(folder / f"{path.stem}.{keras.backend.backend()}", flat(outputs))


def varied(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Return a training call, compiled where the backend compiles its steps."""
    if keras.backend.backend() != "jax":
        return layer(inputs, training=True)
    jax = importlib.import_module("jax")  # without it mypy passes too

    def run(values: Any) -> Any:
        return layer.stateless_call(
            layer.trainable_variables,
            layer.non_trainable_variables,
            values,
            training=True,
        )[0]

    return jax.jit(run)(inputs)


def run_training(folder: Path, tones: Path) -> None:
    """Train, and save the model, its losses, and its scores of made-up clips."""
    from sonotype.dataset.cache.audio_cache import AudioCache
    from sonotype.dataset.readers.folder import read_folder
    from sonotype.dataset.split import split
    from sonotype.settings import read_settings
    from sonotype.training.train import train

    overrides = json.loads((folder / "overrides.json").read_text(encoding="utf-8"))
    settings = read_settings("default", overrides=overrides)
    parts = split(read_folder(tones), validation=0.2, test=0.2, seed=0)
    losses: list[float] = []
    trained = train(
        parts.train,
        parts.validation,
        settings=settings,
        cache=AudioCache(folder, sample_rate=settings.audio.sample_rate),
        on_progress=lambda now: losses.append(now.loss),
    )
    trained.model.save(folder / "model.keras")
    clips = np.load(folder / "clips.npy")
    found = {
        "losses": np.array(losses),
        "scores": keras.ops.convert_to_numpy(trained.model(clips, training=False)),
        "heard": trained.scores(parts.test),
        "targets": parts.test.targets(),
    }
    save_arrays(folder / "trained", found)


def save_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Save named arrays as `path` with the suffix `.npz`."""
    np.savez(path.with_name(f"{path.name}.npz"), allow_pickle=False, **arrays)


def inputs_of(given: Arrays) -> Any:
    """Return one array, or as a tuple those that travel together."""
    arrays = tuple(given[name] for name in sorted(given) if name.isdigit())
    return arrays if len(arrays) > 1 else arrays[0]


def tensors(values: Any) -> Any:
    """Return arrays as tensors of the backend."""
    return keras.tree.map_structure(keras.ops.convert_to_tensor, values)


def flat(outputs: dict[str, Any]) -> Arrays:
    """Return every tensor as an array, numbered within its name."""
    return {
        f"{name}.{number}": keras.ops.convert_to_numpy(value)
        for name, values in outputs.items()
        for number, value in enumerate(keras.tree.flatten(values))
    }


if __name__ == "__main__":
    main()
