"""A folder for microcontrollers says what the model says, or is not written."""

import dataclasses
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.bundle import read_bundle
from sonotype.errors import BundleError, ExportError
from sonotype.exporters.add_format import RealClips, add_format, make_examples
from sonotype.exporters.formats import FORMATS
from sonotype.exporters.litert import to_integer_litert
from sonotype.exporters.micro import arena, write
from sonotype.exporters.micro.frontend_constants import read_frontend
from sonotype.exporters.micro.operators import read_graph
from sonotype.exporters.micro.runtime import GRAPH, IntegerRuntime, MicroRuntime
from sonotype.exporters.micro.write import describe_micro, micro_facts, write_micro
from sonotype.exporters.verify import compare
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.pcen import PCEN
from sonotype.frontend.standardize import Standardize
from sonotype.models.classifier import build_classifier
from sonotype.models.head import ATTENTION, POOLINGS
from sonotype.training.load import load_trained

OLD = Path(__file__).parents[2] / "data" / "tones_v1.sonotype"
RATE = 8_000
FILES = {
    "README.md",
    "constants.json",
    "frontend.c",
    "frontend.h",
    "frontend_tables.h",
    "model.c",
    "model.h",
    "model.tflite",
}
needs_micro = pytest.mark.skipif(
    find_spec("tflite_micro") is None, reason="tflite-micro is not installed"
)


def tones(n_clips: int) -> np.ndarray:
    """Return tones in noise, from low to high, some 40 dB below others."""
    rng = np.random.default_rng(3)
    seconds = np.arange(RATE // 4) / RATE
    pitches = np.geomspace(150.0, 3_500.0, n_clips)[:, None]
    clips = np.sin(2 * np.pi * pitches * seconds)
    clips += 0.03 * rng.standard_normal(clips.shape)
    levels = 10.0 ** rng.uniform(-2.5, -0.5, (n_clips, 1))
    return np.asarray(levels * clips, np.float32)


def untrained(*frontend: keras.layers.Layer, **options: Any) -> keras.Model:
    """Return a small network; an option of `None` is left to the backbone."""
    given = {"channels": [8, 8], "strides": [2, 2], **options}
    return build_classifier(
        frontend or [LogMel(sample_rate=RATE, n_mels=20), Standardize()],
        n_classes=3,
        clip_seconds=0.25,
        sample_rate=RATE,
        **{name: value for name, value in given.items() if value is not None},
    )


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Return a network that tells tones apart by their pitch, after a few steps."""
    keras.utils.set_random_seed(1)
    model = untrained(channels=[16, 16, 32], strides=[2, 2, 2], dropout=0.0)
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    model.fit(tones(96), np.arange(96) * 3 // 96, epochs=8, verbose=0)
    return model


@pytest.fixture(scope="module")
def folder(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "micro"
    write_micro(model, tones(40), path)
    describe_micro(path, ["low", "middle", "high"])
    return path


def test_its_scores_are_the_models(model: keras.Model, folder: Path) -> None:
    clips = tones(41)
    expected = model.predict(clips, verbose=0)
    assert (expected.max(axis=1) > 0.9).mean() > 0.5  # it has learned to be sure
    runtime = MicroRuntime(folder)
    assert (runtime.n_samples, runtime.n_labels) == (RATE // 4, 3)
    found = runtime.scores(clips)
    compare(found, expected, tolerance=0.05, measure="mean_difference")
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9


def test_the_graph_is_of_integers_and_of_features(folder: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    tensors = Interpreter(str(folder / GRAPH)).get_tensor_details()
    kinds = {np.dtype(tensor["dtype"]).name for tensor in tensors}
    assert kinds <= {"int8", "int32"}
    graph = read_graph((folder / GRAPH).read_bytes())
    assert graph.input_shape == (1, 23, 20, 1)
    assert graph.n_labels == 3
    assert graph.operators["CONV_2D"] == 7
    assert graph.operators["SOFTMAX"] == 1


def test_the_files_tell_what_the_graph_needs(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES
    graph = read_graph((folder / GRAPH).read_bytes())
    usage = (folder / "README.md").read_text()
    assert f"MicroMutableOpResolver<{len(graph.operators)}>" in usage
    assert usage.count("resolver.Add") == len(graph.operators)
    assert "resolver.AddConv2D();" in usage
    assert "As the sound comes in" in usage
    facts = micro_facts(folder)
    assert facts["n_operators"] == sum(graph.operators.values())
    assert facts["graph_bytes"] == (folder / GRAPH).stat().st_size
    header = (folder / "model.h").read_text()
    assert f"#define SONOTYPE_ARENA_BYTES {facts['arena_bytes']}\n" in header
    assert f"#define SONOTYPE_MODEL_BYTES {facts['graph_bytes']}\n" in header


@needs_micro
@pytest.mark.parametrize("backbone", ["residual", "ds_cnn", "matchboxnet"])
def test_the_arena_is_enough_and_the_estimate_not_much_more(backbone: str) -> None:
    options = {} if backbone == "residual" else {"channels": None, "strides": None}
    model = untrained(backbone=backbone, **options)
    features = model.get_layer("frontend").predict(tones(4), verbose=0)
    graph = read_graph(to_integer_litert(model, features))
    quantized = graph.features.quantize(features)
    scores = IntegerRuntime(graph.content).run(quantized)
    measured = arena.find_arena(graph, quantized, scores)
    assert measured.measured_by is not None
    assert measured.measured_by.startswith("tflite-micro ")
    found, _ = arena.run_elsewhere(
        graph.content, quantized, arena_bytes=measured.n_bytes
    )
    np.testing.assert_allclose(graph.scores.dequantize(found), scores, atol=0.02)
    estimate = arena.estimate_arena(graph.content)
    assert measured.n_bytes <= estimate <= 1.5 * measured.n_bytes


@needs_micro
def test_a_crash_of_the_interpreter_is_one_sentence(folder: Path) -> None:
    content = (folder / GRAPH).read_bytes()
    with pytest.raises(ExportError, match="does not run in LiteRT for Microcontroll"):
        arena.run_elsewhere(content, np.zeros((1, 23, 20), np.int8), arena_bytes=64)


def test_without_an_interpreter_the_arena_is_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arena, "find_spec", lambda name: None)
    write_micro(untrained(), tones(4), tmp_path / "micro")
    describe_micro(tmp_path / "micro", ["a", "b", "c"])
    assert micro_facts(tmp_path / "micro")["arena_measured_by"] is None
    assert "   estimated. */" in (tmp_path / "micro/model.h").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "gelu"}, "the network needs .*GELU.*, which LiteRT for Micro"),
        (
            {"backbone": "crnn", "strides": None},
            "no way to compute the loop of the layer .*gru",
        ),
    ],
)
def test_a_network_that_cannot_run_there_is_refused(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=message):
        write_micro(untrained(**options), tones(4), tmp_path / "micro")
    assert not (tmp_path / "micro").exists()


def test_another_front_end_or_no_clips_are_refused(tmp_path: Path) -> None:
    other = untrained(LogMel(sample_rate=RATE, n_mels=20, log="none"), PCEN())
    with pytest.raises(ExportError, match="has PCEN where Standardize is expected"):
        write_micro(other, tones(4), tmp_path / "micro")
    with pytest.raises(ExportError, match="needs clips that tell the range"):
        write_micro(untrained(), None, tmp_path / "micro")


def test_constants_that_give_other_features_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(frontend: keras.Model) -> Any:
        return dataclasses.replace(read_frontend(frontend), hop_length=79)

    monkeypatch.setattr(write, "read_frontend", wrong)
    with pytest.raises(ExportError, match="give other features than its layers"):
        write_micro(untrained(), tones(4), tmp_path / "micro")


def test_a_graph_that_is_none_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "micro")
    (tmp_path / "micro" / GRAPH).write_bytes(b"TFL3 and nothing else")
    with pytest.raises(BundleError, match="does not load in LiteRT"):
        MicroRuntime(tmp_path / "micro")
    (tmp_path / "micro" / GRAPH).unlink()
    with pytest.raises(BundleError, match=r"model\.tflite cannot be read"):
        MicroRuntime(tmp_path / "micro")
    with pytest.raises(BundleError, match="not one from int8 features to int8 scores"):
        IntegerRuntime((OLD / "model.tflite").read_bytes())


def test_it_comes_into_a_bundle_with_its_labels_and_hashes(tmp_path: Path) -> None:
    bundle = read_bundle(shutil.copytree(OLD, tmp_path / "tones.sonotype"))
    trained = load_trained(bundle).model
    clips = tones(30)
    real = RealClips(clips, lambda scores: float(scores[:, 0].mean()), clips)
    added = add_format(
        bundle, FORMATS["micro"], trained, make_examples(bundle, trained, real)
    )
    again = read_bundle(bundle.path)
    listed = [name for name in again.manifest.files if name.startswith("micro/")]
    assert listed == [f"micro/{name}" for name in sorted(FILES)]
    assert '"high"' in again.file("micro/model.c").read_text()
    about = again.manifest.exports["micro"]
    assert about["mean_difference"] == added.agreement.mean_difference <= 0.05
    assert about["operators"]["SOFTMAX"] == 1
    source = again.path / "micro/model.c"
    source.write_text(source.read_text().replace("high", "hugh"))
    with pytest.raises(BundleError, match="not the file this bundle was written with"):
        again.file("micro/model.c")


@needs_micro
@pytest.mark.parametrize("pooling", [*POOLINGS, ATTENTION])
def test_every_pooling_runs_in_integers(pooling: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = untrained(pooling=pooling)
    folder = tmp_path / "micro"
    write_micro(model, tones(40), folder)
    found = MicroRuntime(folder).scores(tones(20))
    expected = np.asarray(model(tones(20)))
    # Of the root of a variance, integers know less.
    tolerance = 0.1 if pooling == "mean_std" else 0.03
    compare(found, expected, tolerance=tolerance, measure="mean_difference")
