"""Names and arguments of augmentation in a recipe: right, and wrong."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sonotype.augment.table import AUGMENTATIONS
from sonotype.errors import SettingError
from sonotype.frontend.presets import PRESETS, preset_layers
from sonotype.settings import LayerSettings, Settings, read_settings
from sonotype.training.build import build_frontend, build_layer

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


def with_frontend(*layers: dict[str, Any], sample_rate: int) -> Settings:
    audio = {"sample_rate": sample_rate, "clip_seconds": 1.0}
    overrides = {"frontend": list(layers), "audio": audio}
    return read_settings("default", overrides=overrides)


@pytest.mark.parametrize("name", PRESETS)
def test_a_published_front_end_is_one_word_in_a_recipe(name: str) -> None:
    rate = PRESETS[name].sample_rate
    built = build_frontend(with_frontend({"layer": name}, sample_rate=rate))
    expected = preset_layers(name, sample_rate=rate)
    assert [type(layer) for layer in built] == [type(layer) for layer in expected]


def test_a_published_front_end_has_nothing_to_set() -> None:
    settings = with_frontend({"layer": "yamnet", "n_mels": 40}, sample_rate=16_000)
    with pytest.raises(SettingError, match="yamnet has nothing to set, but n_mels"):
        build_frontend(settings)


def test_an_unknown_front_end_names_the_nearest() -> None:
    settings = with_frontend({"layer": "yamnett"}, sample_rate=16_000)
    with pytest.raises(SettingError, match=r"'yamnett' is unknown .*'yamnet'"):
        build_frontend(settings)
