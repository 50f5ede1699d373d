"""EfficientNetB0 to B3: the same networks as Keras builds, from every kind of file."""

from pathlib import Path

import keras
import numpy as np
import pytest
from tests.models.image_backbones import (
    as_keras_builds_it,
    pictures,
    publish,
    write_as_published,
)

from sonotype.errors import SettingError, WeightsError
from sonotype.models import efficientnet
from sonotype.models.efficientnet import (
    IMAGENET,
    NETWORKS,
    efficientnet_b0,
    efficientnet_b1,
    efficientnet_b2,
    efficientnet_b3,
)

pytestmark = [
    # Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    pytest.mark.filterwarnings("ignore:.*HDF5 file.*legacy"),
]
SHAPE = (32, 32, 3)
BUILDERS = {
    "b0": efficientnet_b0,
    "b1": efficientnet_b1,
    "b2": efficientnet_b2,
    "b3": efficientnet_b3,
}


def made_up_file(size: str, folder: Path) -> Path:
    """Write made-up weights in the layout of the published file."""
    keras.utils.set_random_seed(1)
    model = NETWORKS[size](include_top=False, weights=None, input_shape=SHAPE)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt_mean.assign([0.485, 0.456, 0.406])
            layer.adapt_variance.assign([0.229, 0.224, 0.225])
            layer.finalize_state()
    write_as_published(model, folder / "published.h5")
    return folder / "published.h5"


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_file("b0", tmp_path_factory.mktemp("weights"))


def imagenet_of_keras(
    size: str, file: Path, home: Path, patch: pytest.MonkeyPatch
) -> keras.Model:
    """Let Keras itself build the network it calls imagenet, from the made-up file."""
    published, digest = publish(file, IMAGENET[size], home, patch)
    patch.setitem(IMAGENET, size, published)
    module = "keras.src.applications.efficientnet"
    patch.setattr(f"{module}.WEIGHTS_HASHES", {size: (digest, digest)})
    return as_keras_builds_it(NETWORKS[size], SHAPE)


@pytest.mark.parametrize("size", sorted(BUILDERS))
def test_the_published_file_is_the_one_that_keras_knows(size: str) -> None:
    from keras.src.applications import efficientnet as known

    published = IMAGENET[size]
    assert published.digest == f"md5:{known.WEIGHTS_HASHES[size][1]}"
    assert published.address == known.BASE_WEIGHTS_PATH + published.file_name
    assert list(efficientnet.IMAGENET_DEVIATIONS) == pytest.approx(
        known.IMAGENET_STDDEV_RGB
    )


@pytest.mark.slow
def test_published_weights_give_the_network_of_keras(
    made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_keras = imagenet_of_keras("b0", made_up, tmp_path, monkeypatch)
    shown = pictures(SHAPE)
    expected = np.asarray(of_keras(shown))
    # Untrained layers make tiny numbers, so differences are measured against them.
    largest = np.abs(expected).max()
    plain = NETWORKS["b0"](include_top=False, weights=made_up, input_shape=SHAPE)
    assert np.abs(np.asarray(plain(shown)) - expected).max() > 0.1 * largest
    of_keras.save(tmp_path / "whole.keras")
    of_keras.save(tmp_path / "whole.h5")
    of_keras.save_weights(tmp_path / "only.weights.h5")
    for source in (
        "imagenet",
        made_up,
        tmp_path / "whole.keras",
        tmp_path / "whole.h5",
        tmp_path / "only.weights.h5",
    ):
        ours = np.asarray(efficientnet_b0(SHAPE, weights=source)(shown))
        assert np.abs(ours - expected).max() < 1e-3 * largest, source


@pytest.mark.slow
def test_the_larger_ones_divide_like_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = "b1"
    file = made_up_file(size, tmp_path)
    of_keras = imagenet_of_keras(size, file, tmp_path, monkeypatch)
    of_keras.save_weights(tmp_path / "only.weights.h5")
    shown = pictures(SHAPE)
    expected = np.asarray(of_keras(shown))
    largest = np.abs(expected).max()
    plain = NETWORKS[size](include_top=False, weights=file, input_shape=SHAPE)
    assert np.abs(np.asarray(plain(shown)) - expected).max() > 0.1 * largest
    for source in ("imagenet", tmp_path / "only.weights.h5"):
        ours = np.asarray(BUILDERS[size](SHAPE, weights=source)(shown))
        assert np.abs(ours - expected).max() < 1e-3 * largest, source


@pytest.mark.slow
def test_own_weights_come_back_as_they_were_saved(tmp_path: Path) -> None:
    shown = pictures(SHAPE)
    first = efficientnet_b0(SHAPE)
    first.save_weights(tmp_path / "own.weights.h5")
    expected = np.asarray(first(shown))
    again = efficientnet_b0(SHAPE, weights=str(tmp_path / "own.weights.h5"))
    other = np.asarray(efficientnet_b0(SHAPE, weights="none")(shown))
    np.testing.assert_array_equal(again(shown), expected)
    assert np.abs(other - expected).max() > 0.1 * np.abs(expected).max()


@pytest.mark.slow
def test_weights_for_colour_are_refused_for_one_channel(made_up: Path) -> None:
    with pytest.raises(WeightsError, match=r"does not fit .* \(32, 32, 1\)"):
        efficientnet_b0((32, 32, 1), weights=made_up)


@pytest.mark.slow
def test_weights_of_another_size_are_refused(made_up: Path) -> None:
    with pytest.raises(WeightsError, match="does not fit efficientnetb1"):
        efficientnet_b1(SHAPE, weights=made_up)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "n_channels"), [("b2", 1408), ("b3", 1536)])
def test_the_largest_are_wider_at_the_end(size: str, n_channels: int) -> None:
    assert BUILDERS[size]((40, 33, 3)).output_shape == (None, 2, 2, n_channels)


@pytest.mark.parametrize("shape", [(98, 64), (31, 64, 3), (64, 31, 3)])
@pytest.mark.parametrize("size", sorted(BUILDERS))
def test_what_is_no_picture_is_refused(size: str, shape: tuple[int, ...]) -> None:
    message = f"^EfficientNet{size.upper()} needs .*at least 32 x 32, .* put to_image"
    with pytest.raises(SettingError, match=message):
        BUILDERS[size](shape)
