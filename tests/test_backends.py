"""The same numbers on TensorFlow, JAX and PyTorch, and training on each.

TensorFlow runs here; the others in processes of their own where they are installed
(`make test-backends` installs them). Their random numbers differ, so augmentation is
compared by what was drawn here and applied there.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tests.augment import test_contract as augment_contract
from tests.conftest import TINY
from tests.frontend import test_contract as frontend_contract
from tests.other_backend import Arrays, flat, save_arrays

from sonotype.augment.table import AUGMENTATIONS
from sonotype.frontend.normalize import Normalize
from sonotype.frontend.table import FRONTENDS
from sonotype.settings import read_settings

ROOT = Path(__file__).parents[1]
TOLERANCE = 1e-4
OTHERS = ("jax", "torch")
# They round to steps, and a rounding error may choose the next one.
STEPWISE = {"telephone"}
STEPWISE_SHARE = 1e-3

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow",
        reason="the other backends are compared with TensorFlow",
    ),
    pytest.mark.skipif(
        not any(importlib.util.find_spec(name) for name in OTHERS),
        reason="neither jax nor torch is installed; make test-backends does it",
    ),
    # Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of, in every save.
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]


@pytest.fixture(scope="module", params=OTHERS)
def other(request: pytest.FixtureRequest) -> str:
    """Return the name of another backend that is installed."""
    name = str(request.param)
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed; make test-backends installs it")
    return name


def run_there(backend: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.other_backend", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{backend} failed:\n{done.stderr[-3_000:]}"


@pytest.fixture(scope="module")
def expected(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, Arrays]]:
    """Return a folder of saved layers with their inputs, and their outputs here."""
    folder = tmp_path_factory.mktemp("layers")
    outputs = {name: save_frontend(folder, name) for name in FRONTENDS}
    outputs["adapted"] = save_adapted(folder)
    outputs |= {name: save_augmentation(folder, name) for name in AUGMENTATIONS}
    return folder, outputs


def save_frontend(folder: Path, name: str) -> Arrays:
    rng = np.random.default_rng(11)
    levels = np.array([[1e-4], [1.0], [0.1]])
    audio = levels * rng.standard_normal((3, frontend_contract.N_SAMPLES))
    clips = frontend_contract.as_input(name, audio)
    return save(folder, name, frontend_contract.make(name), clips)


def save_adapted(folder: Path) -> Arrays:
    rng = np.random.default_rng(12)
    features = rng.normal(-6.0, 4.0, (5, 30, 8)).astype(np.float32)
    layer = Normalize("data")
    layer.adapt(features)
    return save(folder, "adapted", layer, features)


def save_augmentation(folder: Path, name: str) -> Arrays:
    rng = np.random.default_rng(13)
    shape = (augment_contract.N_CLIPS, augment_contract.N_SAMPLES)
    inputs = augment_contract.as_input(name, rng.standard_normal(shape))
    layer = augment_contract.make(name)
    drawn = layer.draw(inputs)
    outputs = save(folder, name, layer, inputs, drawn)
    return outputs | flat({"applied": layer.apply(inputs, drawn)})


def save(
    folder: Path,
    name: str,
    layer: keras.layers.Layer,
    inputs: Any,
    drawn: dict[str, Any] | None = None,
) -> Arrays:
    """Save a layer as a model, with what it is given; return what it makes of it."""
    symbols = keras.tree.map_structure(
        lambda value: keras.Input(value.shape[1:]), inputs
    )
    model = keras.Model(symbols, layer(symbols))
    model.save(folder / f"{name}.keras")
    arrays = {str(at): value for at, value in enumerate(keras.tree.flatten(inputs))}
    for key, value in (drawn or {}).items():
        arrays[key] = np.asarray(value)
    save_arrays(folder / name, arrays)
    return flat({"output": model(inputs)})


@pytest.fixture(scope="module")
def there(other: str, expected: tuple[Path, dict[str, Arrays]]) -> dict[str, Arrays]:
    """Return the outputs of the other backend."""
    folder, outputs = expected
    run_there(other, "layers", folder)
    return {name: dict(np.load(folder / f"{name}.{other}.npz")) for name in outputs}


def differences(
    here: dict[str, Arrays], there: dict[str, Arrays], names: set[str], kind: str
) -> dict[str, float]:
    """Return by how much the outputs differ where they differ by too much."""
    found = {}
    for name in sorted(names):
        for key in (key for key in here[name] if key.startswith(f"{kind}.")):
            ours, theirs = here[name][key], there[name][key]
            assert ours.shape == theirs.shape, name
            apart = np.abs(ours - theirs) / np.maximum(1.0, np.abs(ours))
            share = STEPWISE_SHARE if name in STEPWISE else 0.0
            worst = float(np.quantile(apart, 1.0 - share))
            if not worst <= TOLERANCE:
                found[name] = worst
    return found


def test_front_ends_agree(
    expected: tuple[Path, dict[str, Arrays]], there: dict[str, Arrays]
) -> None:
    names = {*FRONTENDS, "adapted"}
    assert differences(expected[1], there, names, "output") == {}


def test_augmentation_leaves_prediction_alone(
    expected: tuple[Path, dict[str, Arrays]], there: dict[str, Arrays]
) -> None:
    names = set(AUGMENTATIONS)
    assert differences(expected[1], there, names, "output") == {}


def test_augmentation_does_the_same_with_what_was_drawn(
    expected: tuple[Path, dict[str, Arrays]], there: dict[str, Arrays]
) -> None:
    names = set(AUGMENTATIONS)
    assert differences(expected[1], there, names, "applied") == {}


def test_augmentation_draws_on_its_own(
    expected: tuple[Path, dict[str, Arrays]], there: dict[str, Arrays]
) -> None:
    for name in AUGMENTATIONS:
        for at, key in enumerate(k for k in there[name] if k.startswith("varied.")):
            varied, before = there[name][key], there[name][f"output.{at}"]
            assert varied.shape == before.shape, name
            assert np.isfinite(varied).all(), name
            assert at or not np.array_equal(varied, before), name


def test_a_model_trained_there_scores_the_same_here(
    other: str, tone_folder: Path, tmp_path: Path
) -> None:
    augment = read_settings("default").augment.model_dump(mode="json")
    for layer in augment["waveform"]:
        if layer["layer"] == "background_noise":
            layer["snr_db"] = [20.0, 40.0]  # or so short a run learns little
    overrides = {**TINY, "augment": augment, "training.epochs": 15, "seed": 3}
    (tmp_path / "overrides.json").write_text(json.dumps(overrides), encoding="utf-8")
    clips = 0.1 * np.random.default_rng(1).standard_normal((4, 2_000))
    np.save(tmp_path / "clips.npy", clips.astype(np.float32))
    run_there(other, "train", tmp_path, tone_folder)
    trained = dict(np.load(tmp_path / "trained.npz"))
    assert np.isfinite(trained["losses"]).all()
    right = trained["heard"].argmax(axis=1) == trained["targets"].argmax(axis=1)
    assert right.mean() > 0.6  # of three classes, after a few dozen steps
    model = keras.saving.load_model(tmp_path / "model.keras")
    scores = model(np.load(tmp_path / "clips.npy"), training=False)
    np.testing.assert_allclose(scores, trained["scores"], atol=TOLERANCE)
