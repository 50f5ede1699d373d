import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.bundle import read_bundle
from sonotype.clips import Clip, Clips
from sonotype.dataset.split import Split
from sonotype.errors import ExportError, SettingError
from sonotype.exporters import export as exporting
from sonotype.exporters.export import export
from sonotype.exporters.litert import to_litert
from sonotype.inference.classifier import load
from sonotype.runtime import LiteRT
from sonotype.training.load import load_trained
from sonotype.training.train import TrainedModel, train

METRICS: dict[str, Any] = {
    "accuracy": 0.5,
    "accuracy_interval": {"low": None, "high": None, "level": 0.95},
    "macro_f1": 0.5,
    "n_clips": 2,
    "n_groups": 1,
    "classes": [{"label": "low", "n_clips": 2, "precision": None, "recall": 0.5}],
}


def test_every_side_gives_the_same_scores(
    trained: TrainedModel, bundle_path: Path, tone_split: Split
) -> None:
    expected = trained.scores(tone_split.test)
    classifier = load(bundle_path)
    np.testing.assert_allclose(classifier.scores(tone_split.test), expected, atol=1e-4)
    again = load_trained(classifier.bundle)
    assert again.labels == trained.labels
    np.testing.assert_allclose(again.scores(tone_split.test), expected, atol=1e-4)


def test_the_graph_has_builtin_operators_only(bundle_path: Path) -> None:
    # Flex operators are TensorFlow's own and would need it at run time.
    assert b"Flex" not in (bundle_path / "model.tflite").read_bytes()


def test_on_another_backend_a_process_of_its_own_converts(
    trained: TrainedModel,
    monkeypatch: pytest.MonkeyPatch,
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    clips = rng.normal(0, 0.1, (5, 2_000)).astype(np.float32)
    expected = trained.model.predict_on_batch(clips)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    (tmp_path / "model.tflite").write_bytes(to_litert(trained.model))
    found = LiteRT(tmp_path / "model.tflite").scores(clips)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ExportError, match="does not convert to LiteRT"):
        to_litert(trained.model)


def test_the_loaded_model_goes_on_training(
    bundle_path: Path, rng: np.random.Generator
) -> None:
    model = load_trained(read_bundle(bundle_path)).model
    model.compile("adam", "categorical_crossentropy", jit_compile=False)
    audio = rng.standard_normal((4, 2_000)).astype(np.float32)
    target = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    before = model.get_weights()
    model.fit(audio, target, epochs=1, verbose=0)
    changed = zip(before, model.get_weights(), strict=True)
    assert any(not np.array_equal(old, new) for old, new in changed)


def test_every_file_is_listed_with_its_hash(bundle_path: Path) -> None:
    bundle = read_bundle(bundle_path)
    found = {
        file.relative_to(bundle_path).as_posix()
        for file in bundle_path.rglob("*")
        if file.is_file()
    }
    assert set(bundle.manifest.files) == found - {"model.json"}
    for name in bundle.manifest.files:
        bundle.file(name)


def test_the_bundle_tells_nothing_of_this_machine(bundle_path: Path) -> None:
    for name in ("model.json", "settings.toml", "heard.csv", "README.md"):
        assert str(Path.home()) not in (bundle_path / name).read_text()
        assert "/tmp" not in (bundle_path / name).read_text()


def test_single_clips_are_not_named(trained: TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "tones.sonotype"
    metrics = json.loads(json.dumps(METRICS | {"mistakes": [{"path": "/home/ann"}]}))
    export(trained, path, test_metrics=metrics)
    assert "/home/ann" not in (path / "model.json").read_text()
    assert read_bundle(path).manifest.test_metrics == METRICS


def test_the_model_card_has_the_test_numbers(bundle_path: Path) -> None:
    card = (bundle_path / "README.md").read_text()
    metrics = json.loads((bundle_path / "model.json").read_text())["test_metrics"]
    assert f"on {metrics['n_clips']} clips of {metrics['n_groups']} groups" in card
    assert "high, low, noise" in card


def test_a_graph_that_disagrees_is_not_kept(
    trained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slightly_wrong(model: keras.Model) -> bytes:
        other = keras.models.clone_model(model)
        other.set_weights([weight * 1.01 for weight in model.get_weights()])
        return to_litert(other)

    monkeypatch.setattr(exporting, "to_litert", slightly_wrong)
    with pytest.raises(ExportError, match="disagrees with the model"):
        export(trained, tmp_path / "wrong.sonotype")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_does_not_convert_is_a_sentence() -> None:
    class Unconvertible(keras.layers.Layer):
        def call(self, audio: Any) -> Any:
            import tensorflow as tf

            copied = tf.numpy_function(np.copy, [audio], tf.float32)
            return tf.ensure_shape(copied, audio.shape)

    audio = keras.Input((10,))
    model = keras.Model(audio, Unconvertible()(audio))
    with pytest.raises(ExportError, match="does not convert to LiteRT"):
        to_litert(model)


def test_an_existing_bundle_is_replaced_only_when_asked(
    trained: TrainedModel, tmp_path: Path
) -> None:
    path = tmp_path / "tones.sonotype"
    first = export(trained, path).manifest.created
    with pytest.raises(SettingError, match="--force"):
        export(trained, path)
    assert export(trained, path, replace=True).manifest.created > first


def test_without_held_out_clips_the_card_says_so(
    trained: TrainedModel, tmp_path: Path
) -> None:
    bundle = export(trained, tmp_path / "tones.sonotype")
    assert "Not measured" in (bundle.path / "README.md").read_text()


def test_clips_are_scored_by_their_interval(
    trained: TrainedModel, bundle_path: Path, tone_split: Split
) -> None:
    clip = tone_split.test[0]
    part = Clip(clip.path, clip.labels, clip.group, start_seconds=0.1, end_seconds=0.2)
    clips = Clips.of([part], trained.labels)
    expected = trained.scores(clips)
    np.testing.assert_allclose(load(bundle_path).scores(clips), expected, atol=1e-4)
    whole = trained.scores(tone_split.test.select([0]))
    assert np.abs(whole - expected).max() > 1e-3


def test_clips_longer_than_the_model_agree_too(
    trained: TrainedModel, tone_split: Split, tmp_path: Path
) -> None:
    # A tenth shorter than its clips, so that scoring them takes two windows each.
    told = trained.settings.model_dump()
    told["audio"]["clip_seconds"] = 0.225
    settings = type(trained.settings).model_validate(told)
    short = train(
        tone_split.train,
        tone_split.validation,
        settings=settings,
        epochs=1,
        cache=trained.cache,
    )
    bundle = export(short, tmp_path / "short.sonotype")
    assert bundle.manifest.exports["model.tflite"]["largest_difference"] < 1e-4
