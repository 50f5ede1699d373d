"""EfficientNetV2-B0 and MobileNetV3: the networks of Keras, whole and exportable."""

import importlib
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from tests.models.image_backbones import (
    as_keras_builds_it,
    litert_map,
    pictures,
    publish,
    write_as_published,
)

from sonotype.errors import SettingError, WeightsError
from sonotype.models.applications import (
    IMAGENET,
    NETWORKS,
    efficientnet_v2_b0,
    mobilenet_v3_large,
    mobilenet_v3_small,
)

pytestmark = [
    # Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    pytest.mark.filterwarnings("ignore:.*HDF5 file.*legacy"),
]
SHAPE = (32, 32, 3)
BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "efficientnet_v2_b0": efficientnet_v2_b0,
    "mobilenet_v3_large": mobilenet_v3_large,
    "mobilenet_v3_small": mobilenet_v3_small,
}
# Where Keras keeps the digests, and under what name.
MODULES = {
    "efficientnet_v2_b0": ("efficientnet_v2", "b0"),
    "mobilenet_v3_large": ("mobilenet_v3", "large_224_1.0_float"),
    "mobilenet_v3_small": ("mobilenet_v3", "small_224_1.0_float"),
}


def unlike_the_first(model: keras.Model) -> None:
    """Give normalisations statistics of their own, as training does."""
    rng = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n_channels = layer.moving_mean.shape[0]
            layer.moving_mean.assign(rng.normal(0, 0.1, n_channels))
            layer.moving_variance.assign(rng.uniform(0.5, 1.5, n_channels))


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_the_published_file_is_the_one_that_keras_knows(name: str) -> None:
    module, key = MODULES[name]
    known = importlib.import_module(f"keras.src.applications.{module}")
    folder = vars(known).get("BASE_WEIGHTS_PATH") or vars(known)["BASE_WEIGHT_PATH"]
    assert IMAGENET[name].digest == f"md5:{known.WEIGHTS_HASHES[key][1]}"
    assert IMAGENET[name].address == folder + IMAGENET[name].file_name


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_published_weights_give_the_network_of_keras(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = NETWORKS[name](include_top=False, weights=None, input_shape=SHAPE)
    unlike_the_first(made_up)
    write_as_published(made_up, tmp_path / "published.h5")
    published, digest = publish(
        tmp_path / "published.h5", IMAGENET[name], tmp_path, monkeypatch
    )
    monkeypatch.setitem(IMAGENET, name, published)
    module, key = MODULES[name]
    monkeypatch.setattr(
        f"keras.src.applications.{module}.WEIGHTS_HASHES", {key: (digest, digest)}
    )
    # Keras finds the file by its name and refuses another digest.
    of_keras = as_keras_builds_it(NETWORKS[name], SHAPE)
    shown = pictures(SHAPE)
    expected = np.asarray(of_keras(shown))
    untrained = np.asarray(BUILDERS[name](SHAPE)(shown))
    largest = np.abs(expected).max()
    assert np.abs(untrained - expected).max() > 0.1 * largest
    for source in ("imagenet", tmp_path / "published.h5"):
        ours = np.asarray(BUILDERS[name](SHAPE, weights=source)(shown))
        assert np.abs(ours - expected).max() < 1e-5 * largest, source


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_black_and_white_become_small_numbers_inside(name: str) -> None:
    model = BUILDERS[name](SHAPE)
    stem = next(
        layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)
    )
    scaled = keras.Model(model.input, stem.input)
    extremes = np.stack([np.zeros(SHAPE), np.full(SHAPE, 255.0)])
    found = np.asarray(scaled(extremes.astype(np.float32)))
    # MobileNetV3 wants -1 to 1, EfficientNetV2-B0 standard deviations of ImageNet.
    lowest, highest = {"e": (-2.12, 2.64), "m": (-1.0, 1.0)}[name[0]]
    assert found.min() == pytest.approx(lowest, abs=0.01)
    assert found.max() == pytest.approx(highest, abs=0.01)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_running_statistics_follow_within_hundreds_of_steps(name: str) -> None:
    momenta = {
        layer.momentum
        for layer in BUILDERS[name](SHAPE).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert max(momenta) <= 0.99


@pytest.mark.slow
def test_the_litert_graph_gives_the_same_map() -> None:
    model = mobilenet_v3_small(SHAPE)
    unlike_the_first(model)
    shown = pictures(SHAPE, 1)
    expected = np.asarray(model(shown, training=False))[0]
    difference = np.abs(litert_map(model, shown[0]) - expected).max()
    assert difference < 1e-4
    assert difference < 1e-4 * np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_saved_and_loaded_it_gives_the_same_map(name: str, tmp_path: Path) -> None:
    shape = (40, 33, 3)
    model = BUILDERS[name](shape)
    shown = pictures(shape)
    expected = np.asarray(model(shown))
    assert expected.shape == (2, 2, 2, model.output_shape[-1])
    model.save(tmp_path / "whole.keras")
    again = keras.saving.load_model(tmp_path / "whole.keras")
    np.testing.assert_array_equal(again(shown), expected)
    taken = BUILDERS[name](shape, weights=tmp_path / "whole.keras")
    np.testing.assert_array_equal(taken(shown), expected)


@pytest.mark.parametrize("shape", [(98, 64), (31, 64, 3), (64, 31, 3)])
@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_what_is_no_picture_is_refused(name: str, shape: tuple[int, ...]) -> None:
    message = f"^{NETWORKS[name].__name__} needs .*at least 32 x 32, .* put to_image"
    with pytest.raises(SettingError, match=message):
        BUILDERS[name](shape)


@pytest.mark.slow
def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    mobilenet_v3_small(SHAPE).save_weights(tmp_path / "small.weights.h5")
    with pytest.raises(WeightsError, match="does not fit MobileNetV3Large"):
        mobilenet_v3_large(SHAPE, weights=tmp_path / "small.weights.h5")
