"""The second output of a graph: the pooled vector, and nothing else changes."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from sonotype.bundle import read_bundle
from sonotype.errors import BundleError, ExportError
from sonotype.exporters.embedding import embedding_facts, has_embedding
from sonotype.exporters.litert import to_litert, to_small_litert
from sonotype.frontend.log_mel import LogMel
from sonotype.labels import Task
from sonotype.models.classifier import build_classifier
from sonotype.models.head import set_statistics
from sonotype.runtime import LiteRT
from sonotype.training.train import TrainedModel

OPTIONS: dict[str, Any] = {"channels": [6, 8], "strides": [2, 2]}


def network(
    pooling: str = "mean",
    *,
    standardize: bool = False,
    task: Task = "single-label",
    n_classes: int = 8,
) -> keras.Model:
    """Return a tiny classifier; by default it has as many classes as channels."""
    keras.utils.set_random_seed(0)
    model = build_classifier(
        LogMel(sample_rate=8_000, n_mels=20),
        n_classes=n_classes,
        clip_seconds=0.25,
        pooling=pooling,
        standardize=standardize,
        task=task,
        **OPTIONS,
    )
    if standardize:
        set_statistics(model.get_layer("head"), np.arange(8.0), np.arange(1.0, 9.0))
    return model


def noise(n_clips: int = 3) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.normal(scale=0.1, size=(n_clips, 2_000)).astype(np.float32)


def loaded(model: keras.Model, folder: Path) -> LiteRT:
    (folder / "model.tflite").write_bytes(to_litert(model))
    return LiteRT(folder / "model.tflite")


POOLED: dict[str, Any] = {
    "mean": lambda features: features.mean(axis=(1, 2)),
    "max": lambda features: features.max(axis=(1, 2)),
    "mean_max": lambda features: np.concatenate(
        [features.mean(axis=(1, 2)), features.max(axis=(1, 2))], axis=1
    ),
    "attention": lambda features: features.mean(axis=(1, 2)),
}


@pytest.mark.parametrize(
    ("pooling", "standardize"),
    [("mean", True), ("max", False), ("mean_max", False), ("attention", True)],
)
def test_it_is_the_pooled_map_and_the_scores_stay(
    pooling: str, standardize: bool, tmp_path: Path
) -> None:
    model = network(pooling, standardize=standardize)
    runtime = loaded(model, tmp_path)
    clips = noise()
    features = model.get_layer("backbone")(model.get_layer("frontend")(clips)).numpy()
    if standardize:
        # The layer adds 1e-6 to the variance.
        features = (features - np.arange(8)) / np.sqrt(np.arange(1, 9) + 1e-6)
    expected = POOLED[pooling](features)
    assert runtime.n_channels == expected.shape[1]
    np.testing.assert_allclose(runtime.embeddings(clips), expected, atol=1e-4)
    np.testing.assert_allclose(
        runtime.scores(clips), model.predict_on_batch(clips), atol=1e-5
    )


def test_whoever_reads_the_first_output_reads_scores(tmp_path: Path) -> None:
    # As many classes as channels: no shape would tell that they were swapped.
    model = network()
    interpreter = Interpreter(model_content=to_litert(model))
    interpreter.allocate_tensors()
    clips = noise(1)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clips)
    interpreter.invoke()
    first, second = (
        interpreter.get_tensor(output["index"])
        for output in interpreter.get_output_details()
    )
    np.testing.assert_allclose(first, model.predict_on_batch(clips), atol=1e-5)
    assert abs(second.sum() - 1) > 0.1
    named = interpreter.get_signature_runner()(audio=clips)
    np.testing.assert_array_equal(named["scores"], first)
    np.testing.assert_array_equal(named["embedding"], second)


def test_it_adds_no_operator(tmp_path: Path) -> None:
    from ai_edge_litert.tools import flatbuffer_utils

    model = network(task="multi-label")
    audio = keras.Input(batch_shape=(1, 2_000))
    alone = keras.Model(audio, model(audio, training=False))
    n_operators = [
        len(flatbuffer_utils.read_model_from_bytearray(graph).subgraphs[0].operators)
        for graph in map(bytearray, (to_litert(alone), to_litert(model)))
    ]
    assert n_operators[0] == n_operators[1]


def test_other_models_and_small_graphs_give_scores_alone(tmp_path: Path) -> None:
    audio = keras.Input((2_000,))
    plain = keras.Model(audio, keras.layers.Dense(3)(audio))
    assert not has_embedding(plain)
    runtime = loaded(plain, tmp_path)
    assert runtime.n_channels is None
    assert embedding_facts(runtime, plain, noise()) == {}
    with pytest.raises(BundleError, match="gives scores alone"):
        runtime.embeddings(noise())
    graph = tmp_path / "small.tflite"
    graph.write_bytes(to_small_litert(network(), "float16"))
    assert LiteRT(graph).n_channels is None


def test_embeddings_of_another_model_are_refused(tmp_path: Path) -> None:
    model = network()
    runtime = loaded(model, tmp_path)
    facts = embedding_facts(runtime, model, noise())
    assert facts["embedding_channels"] == 8
    assert facts["embedding_difference"] < 1e-5
    backbone = model.get_layer("backbone")
    backbone.set_weights([1.01 * weight for weight in backbone.get_weights()])
    with pytest.raises(ExportError, match="embeddings differ"):
        embedding_facts(runtime, model, noise())


def test_a_bundle_says_how_many_channels(
    trained: TrainedModel, bundle_path: Path
) -> None:
    bundle = read_bundle(bundle_path)
    width = trained.model.get_layer("backbone").output_shape[-1]
    assert bundle.manifest.embedding_channels == width
    about = bundle.manifest.exports["model.tflite"]
    assert 0 <= about["embedding_difference"] < 1e-4
    old = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"
    assert read_bundle(old).manifest.embedding_channels is None
