"""EfficientNetB0: the same network as Keras builds, from every kind of file."""

import hashlib
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np
import pytest

from sonotype.errors import SettingError, WeightsError
from sonotype.models import efficientnet
from sonotype.models.efficientnet import IMAGENET, efficientnet_b0
from sonotype.models.weights import PublishedWeights

pytestmark = [
    # Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    pytest.mark.filterwarnings("ignore:.*HDF5 file.*legacy"),
]
SHAPE = (32, 32, 3)


@pytest.fixture
def pictures() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (255 * rng.random((2, *SHAPE))).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write made-up weights in the layout of the published file."""
    folder = tmp_path_factory.mktemp("weights")
    keras.utils.set_random_seed(1)
    model = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=SHAPE
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt_mean.assign([0.485, 0.456, 0.406])
            layer.adapt_variance.assign([0.229, 0.224, 0.225])
            layer.finalize_state()
    model.save(folder / "whole.h5")
    with (
        h5py.File(folder / "whole.h5") as whole,
        h5py.File(folder / "published.h5", "w") as published,
    ):
        for name in whole["model_weights"]:
            whole["model_weights"].copy(name, published)
        published.attrs.update(whole["model_weights"].attrs)
    return folder


@pytest.fixture
def keras_imagenet(files: Path, monkeypatch: pytest.MonkeyPatch) -> keras.Model:
    """Let Keras itself build the network it calls imagenet, from the made-up file."""
    published = keras.utils.get_file(
        IMAGENET.file_name,
        (files / "published.h5").as_uri(),
        cache_dir=str(files),
        cache_subdir="models",
    )
    content = Path(published).read_bytes()
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    module = "keras.src.applications.efficientnet"
    monkeypatch.setattr(f"{module}.WEIGHTS_HASHES", {"b0": (digest, digest)})
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(files))
    monkeypatch.setenv("KERAS_HOME", str(files))
    monkeypatch.setattr(
        efficientnet,
        "IMAGENET",
        PublishedWeights(IMAGENET.file_name, "http://127.0.0.1:9/", digest),
    )
    return keras.applications.EfficientNetB0(
        include_top=False, weights="imagenet", input_shape=SHAPE
    )


def test_the_published_file_is_the_one_that_keras_knows() -> None:
    from keras.src.applications import efficientnet as known

    assert IMAGENET.md5 == known.WEIGHTS_HASHES["b0"][1]
    assert IMAGENET.address == known.BASE_WEIGHTS_PATH
    assert list(efficientnet.IMAGENET_DEVIATIONS) == pytest.approx(
        known.IMAGENET_STDDEV_RGB
    )


@pytest.mark.slow
def test_published_weights_give_the_network_of_keras(
    keras_imagenet: keras.Model, pictures: np.ndarray, tmp_path: Path, files: Path
) -> None:
    expected = np.asarray(keras_imagenet(pictures))
    # Untrained layers make tiny numbers, so differences are measured against them.
    largest = np.abs(expected).max()
    plain = keras.applications.EfficientNetB0(
        include_top=False, weights=files / "published.h5", input_shape=SHAPE
    )
    assert np.abs(np.asarray(plain(pictures)) - expected).max() > 0.1 * largest
    keras_imagenet.save(tmp_path / "whole.keras")
    keras_imagenet.save(tmp_path / "whole.h5")
    keras_imagenet.save_weights(tmp_path / "only.weights.h5")
    for source in (
        "imagenet",
        files / "published.h5",
        tmp_path / "whole.keras",
        tmp_path / "whole.h5",
        tmp_path / "only.weights.h5",
    ):
        ours = np.asarray(efficientnet_b0(SHAPE, weights=source)(pictures))
        assert np.abs(ours - expected).max() < 1e-3 * largest, source


@pytest.mark.slow
def test_own_weights_come_back_as_they_were_saved(
    pictures: np.ndarray, tmp_path: Path
) -> None:
    first = efficientnet_b0(SHAPE)
    first.save_weights(tmp_path / "own.weights.h5")
    expected = np.asarray(first(pictures))
    again = efficientnet_b0(SHAPE, weights=str(tmp_path / "own.weights.h5"))
    other = np.asarray(efficientnet_b0(SHAPE, weights="none")(pictures))
    np.testing.assert_array_equal(again(pictures), expected)
    assert np.abs(other - expected).max() > 0.1 * np.abs(expected).max()


@pytest.mark.slow
def test_weights_for_colour_are_refused_for_one_channel(files: Path) -> None:
    with pytest.raises(WeightsError, match=r"does not fit .* \(32, 32, 1\)"):
        efficientnet_b0((32, 32, 1), weights=files / "published.h5")


@pytest.mark.parametrize("shape", [(98, 64), (31, 64, 3), (64, 31, 3)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match=r"at least 32 x 32, .* put to_image"):
        efficientnet_b0(shape)
