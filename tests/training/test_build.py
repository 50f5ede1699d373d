"""Names and arguments of augmentation in a recipe: right, and wrong."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sonotype.augment.table import AUGMENTATIONS
from sonotype.errors import SettingError
from sonotype.settings import LayerSettings
from sonotype.training.build import build_layer

CONTEXT = {"sample_rate": 16_000, "seed": 3}
NEEDED: dict[str, dict[str, Any]] = {
    "high_pass": {"cutoff_hz": [100, 500]},
    "low_pass": {"cutoff_hz": [500, 2_000]},
    "shift": {"max_seconds": 0.1},
    "time_mask": {"max_seconds": 0.1},
}


def build(name: str, **arguments: Any) -> Any:
    settings = LayerSettings(layer=name, **arguments)
    return build_layer("augmentation", AUGMENTATIONS, settings, CONTEXT)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_rate_and_seed_come_from_the_run(name: str) -> None:
    layer = build(name, **NEEDED.get(name, {}))
    assert layer.seed == 3
    assert getattr(layer, "sample_rate", 16_000) == 16_000


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_misspelt_layer_names_the_nearest(name: str) -> None:
    with pytest.raises(SettingError, match=f"'{name}s' is unknown .*'{name}'"):
        build(f"{name}s")


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_misspelt_argument_names_the_nearest(name: str) -> None:
    known = set(inspect.signature(AUGMENTATIONS[name]).parameters) - {"layer_options"}
    for argument in known:
        expected = f"augmentation {name}: argument '{argument}x' .*'{argument}'"
        with pytest.raises(SettingError, match=expected):
            build(name, **{f"{argument}x": 1})


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("value", ["much", [1.0, 2.0, 3.0], ["low", "high"], None])
def test_a_value_of_the_wrong_type_is_an_error_of_one_sentence(
    name: str, value: Any
) -> None:
    ranges = {"snr_db", "cutoff_hz", "limit_db", "speed", "semitones", "decay_seconds"}
    known = ranges & set(inspect.signature(AUGMENTATIONS[name]).parameters)
    argument = min(known, default="probability")
    with pytest.raises(SettingError):
        build(name, **NEEDED.get(name, {}) | {argument: value})


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(SettingError, match=r"low_pass: .*'cutoff_hz'"):
        build("low_pass")


def test_a_recipe_names_the_folder_of_the_recorded_rooms(tmp_path: Path) -> None:
    for name, n_samples in (("a", 100), ("b", 300)):
        soundfile.write(tmp_path / f"{name}.wav", np.ones(n_samples), 16_000)
    layer = build("reverb", responses=str(tmp_path))
    assert tuple(layer.responses.shape) == (2, 300)
