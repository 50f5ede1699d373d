"""Every layer, preset and network as an ONNX graph: what it says, and how it fails.

Layers are compared as `tests/frontend/test_contract.py` compares their LiteRT graphs,
each value within 1e-4 of 1 or, where it is larger, of its own size. The same lists are
read from there, so that a new layer is covered here as well.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import soundfile

from sonotype.audio.io import read_audio
from sonotype.audio.windows import fit_length
from sonotype.bundle import read_bundle
from sonotype.errors import BundleError, ExportError, MissingDependencyError
from sonotype.exporters import onnx as exporter
from sonotype.exporters.golden import golden_inputs
from sonotype.exporters.onnx import LONGEST_KERNEL, OPSET, to_onnx
from sonotype.exporters.verify import verify
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.presets import PRESETS, preset_layers
from sonotype.frontend.spectrogram import Spectrogram
from sonotype.frontend.standardize import Standardize
from sonotype.frontend.table import FRONTENDS
from sonotype.models.classifier import build_classifier
from sonotype.models.table import BACKBONES
from sonotype.runtime import OnnxRuntime
from sonotype.settings import read_settings
from sonotype.training.build import build_model
from sonotype.training.load import load_trained

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")

# Keras 3.15 reads TensorFlow's variables the way NumPy 2 warns of, in every save.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


def _contract() -> ModuleType:
    """Return the tests of the front ends, for their lists."""
    path = Path(__file__).parents[1] / "frontend" / "test_contract.py"
    spec = importlib.util.spec_from_file_location("frontend_contract", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONTRACT = _contract()
SPEECH = Path(__file__).parents[3] / "shared" / "data" / "speech_commands"


NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "default": ("default", {}),
    "article, small": (
        "article",
        {
            "frontend": [
                {"layer": "spectrogram", "frame_length": 2048, "hop_length": 512},
                {"layer": "to_image", "height": 32, "width": 32},
            ],
            "model.weights": "none",
        },
    ),
}


def session(graph: bytes) -> Any:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def write(path: Path, model: keras.Model) -> Path:
    path.write_bytes(to_onnx(model))
    return path


@pytest.mark.parametrize(
    "name", [*sorted(FRONTENDS), *CONTRACT.VARIANTS, *sorted(PRESETS)]
)
def test_every_front_end_agrees(name: str) -> None:
    rng = np.random.default_rng(11)
    n_samples = CONTRACT.N_SAMPLES
    levels = np.array([[1e-4], [1.0], [0.1], [0.0]])
    noise = CONTRACT.as_input(name, levels * rng.standard_normal((4, n_samples)))
    chirp = golden_inputs(n_samples, 16_000)["chirp"][None] / 32768
    chirp = CONTRACT.as_input(name, chirp)
    inputs = keras.Input(noise.shape[1:])
    model = keras.Model(inputs, CONTRACT.make(name)(inputs))
    loaded = session(to_onnx(model))

    def features(clips: np.ndarray) -> np.ndarray:
        return np.asarray(loaded.run(["scores"], {"audio": clips})[0])

    found = features(noise)
    np.testing.assert_allclose(found, np.asarray(model(noise)), rtol=1e-4, atol=1e-4)
    # A tone leaves other bands 100 dB below it, where float32 itself is not sure and
    # a logarithm makes that visible.
    expected = np.asarray(model(chirp))
    np.testing.assert_allclose(features(chirp), expected, rtol=1e-4, atol=5e-3)
    assert loaded.get_inputs()[0].shape == ["batch", *noise.shape[1:]]


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest) -> keras.Model:
    """Return an untrained classifier whose scores depend on the sound."""
    keras.utils.set_random_seed(5)  # some weights hardly tell one sound from another
    recipe, overrides = NETWORKS[request.param]
    model = build_model(read_settings(recipe, overrides=overrides), n_classes=5)
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in layers:
        layer.momentum = 0.5
    for _ in range(8):  # statistics of activations as they are, not 0 and 1
        model(some_clips(model, 32), training=True)
    sharpen(model)
    return model


def sharpen(model: keras.Model) -> None:
    """Let an untrained classifier be surer of its answers."""
    scores = model.get_layer("head").get_layer("scores")
    scores.kernel.assign(3.0 * scores.kernel)


def some_clips(model: keras.Model, n_clips: int) -> np.ndarray:
    """Return tones in noise, from quiet to loud, of another pitch each."""
    rng = np.random.default_rng(5)
    seconds = np.arange(model.input_shape[1]) / 16_000
    pitches = np.geomspace(100.0, 6000.0, n_clips)[:, None]
    levels = np.geomspace(1e-3, 0.3, n_clips)[:, None]
    tones = np.sin(2 * np.pi * pitches * seconds)
    noise = 0.3 * rng.standard_normal(tones.shape)
    return np.asarray(levels * (tones + noise), np.float32)


@pytest.mark.slow
def test_a_network_agrees_and_so_does_every_batch(
    network: keras.Model, tmp_path: Path
) -> None:
    clips = some_clips(network, 35)
    expected = np.asarray(network(clips))
    assert np.ptp(expected, axis=0).max() > 0.1  # they are not the same for all
    runtime = OnnxRuntime(write(tmp_path / "model.onnx", network))
    assert (runtime.n_samples, runtime.n_labels) == (16_000, 5)
    assert verify(runtime, clips, expected).n_clips == 35
    together = runtime.scores(clips[:5])
    alone = np.concatenate([runtime.scores(clip[None]) for clip in clips[:5]])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert runtime.scores(clips[:0]).shape == (0, 5)
    one = OnnxRuntime(tmp_path / "model.onnx", n_threads=1)
    np.testing.assert_allclose(one.scores(clips[:5]), together, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name, found in BACKBONES.items() if found.frontend is None]
)
def test_every_backbone_for_sound_agrees(name: str, tmp_path: Path) -> None:
    frontend = [LogMel(sample_rate=16_000, n_mels=40), Standardize()]
    model = build_classifier(frontend, n_classes=3, clip_seconds=1.0, backbone=name)
    sharpen(model)
    runtime = OnnxRuntime(write(tmp_path / "model.onnx", model))
    clips = some_clips(model, 5)
    assert verify(runtime, clips, np.asarray(model(clips))).largest_difference < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["speech_embedding", "efficientat_mn04"])
def test_a_backbone_that_knows_sound_agrees(name: str, tmp_path: Path) -> None:
    backbone = BACKBONES[name]
    assert backbone.frontend is not None
    layers = preset_layers(backbone.frontend)
    model = build_classifier(layers, n_classes=3, clip_seconds=1.0, backbone=name)
    sharpen(model)
    runtime = OnnxRuntime(write(tmp_path / "model.onnx", model))
    clips = some_clips(model, 5)
    assert verify(runtime, clips, np.asarray(model(clips))).largest_difference < 1e-5


@pytest.mark.skipif(not SPEECH.is_dir(), reason="the recordings are not here")
def test_recorded_words_get_the_scores_of_the_model(tmp_path: Path) -> None:
    files = sorted(SPEECH.glob("*/*.wav"))[::200]
    clips = np.stack([fit_length(read_audio(file, 16_000), 16_000) for file in files])
    model = build_model(read_settings("default"), n_classes=5)
    runtime = OnnxRuntime(write(tmp_path / "model.onnx", model))
    assert verify(runtime, clips, np.asarray(model(clips))).largest_difference < 1e-5


def test_a_bundle_of_the_past_becomes_a_graph_with_its_golden_scores(
    tmp_path: Path,
) -> None:
    bundle = read_bundle(Path(__file__).parents[1] / "data" / "tones_v1.sonotype")
    runtime = OnnxRuntime(write(tmp_path / "model.onnx", load_trained(bundle).model))
    for golden in bundle.manifest.golden:
        clip, _ = soundfile.read(bundle.file(golden.file), dtype="float32")
        np.testing.assert_allclose(runtime.scores(clip[None])[0], golden.scores, 1e-4)


def test_long_transforms_are_an_operator_and_short_ones_a_convolution() -> None:
    for n_fft, expected in ((LONGEST_KERNEL, "Conv"), (2 * LONGEST_KERNEL, "DFT")):
        layer = Spectrogram(frame_length=n_fft, hop_length=512)
        inputs = keras.Input((8_000,))
        content = to_onnx(keras.Model(inputs, layer(inputs)))
        graph = onnx.load_from_string(content)
        assert expected in {node.op_type for node in graph.graph.node}
        assert [entry.version for entry in graph.opset_import] == [OPSET]
        # The kernel alone would be four bytes for each sample, bin and part.
        assert len(content) < 4 * n_fft * (n_fft + 2) + 20_000
        if expected == "DFT":
            assert len(content) < 4 * n_fft + 20_000
        assert layer.implementation == "auto"  # as it was


class NotANumber(keras.layers.Layer):
    """A layer that no converter knows."""

    def call(self, audio: Any) -> Any:
        import tensorflow as tf

        copied = tf.numpy_function(np.copy, [audio], tf.float32)
        return tf.ensure_shape(copied, audio.shape)


def test_a_model_that_does_not_convert_is_a_sentence() -> None:
    audio = keras.Input((10,))
    layer = LogMel(sample_rate=16_000)
    model = keras.Model(audio, NotANumber()(audio))
    with pytest.raises(ExportError, match="does not convert to ONNX"):
        to_onnx(model)
    assert layer.power_spectrogram.implementation == "auto"


def graph_of(*shapes: list[int | str], n_inputs: int = 1) -> bytes:
    """Return a graph that adds its inputs, with shapes as declared."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info(f"in{i}", kind, shapes[0])
        for i in range(n_inputs)
    ]
    node = helper.make_node("Sum", [value.name for value in inputs], ["out"])
    output = helper.make_tensor_value_info("out", kind, shapes[1])
    graph = helper.make_graph([node], "sum", inputs, [output])
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not load in ONNX Runtime"),
        (b"not a graph at all", "does not load in ONNX Runtime"),
        (graph_of(["n", 4], ["n", 4])[:-9], "does not load in ONNX Runtime"),
        (graph_of([1, 4], [1, 4]), r"expected one \(any, n_samples\)"),
        (graph_of(["n", 2, 2], ["n", 2, 2]), r"expected one \(any, n_samples\)"),
        (graph_of(["n", "m"], ["n", "m"]), r"expected one \(any, n_samples\)"),
        (graph_of(["n", 4], ["n", 4], n_inputs=2), r"expected one \(any, n_samples\)"),
    ],
)
def test_a_file_that_is_no_such_graph_is_refused(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=message) as refused:
        OnnxRuntime(path)
    assert "\n" not in str(refused.value)


def test_without_the_package_a_sentence_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"'sonotype\[onnx\]'"):
        OnnxRuntime(tmp_path / "model.onnx")
    monkeypatch.setattr(exporter, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"onnx.*'sonotype\[onnx\]'"):
        to_onnx(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))


@pytest.mark.slow
def test_on_another_backend_a_process_of_its_own_converts(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    layers = preset_layers("speech_embedding")
    model = build_classifier(layers, n_classes=2, clip_seconds=0.25)
    clips = rng.normal(0, 0.1, (5, 4_000)).astype(np.float32)
    expected = model.predict_on_batch(clips)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    (found,) = session(to_onnx(model)).run(["scores"], {"audio": clips})
    np.testing.assert_allclose(found, expected, atol=1e-5)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ExportError, match="does not convert to ONNX"):
        to_onnx(model)
