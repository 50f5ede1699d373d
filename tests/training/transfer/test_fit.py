"""Frozen, fine-tuned, and taken back: on tones that any network can tell apart."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import polars as pl
import pytest
from keras import layers
from tests.conftest import TINY

from sonotype.augment.table import AUGMENTATIONS
from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import AudioCache, CachedAudio
from sonotype.dataset.split import Split
from sonotype.evaluation.evaluate import evaluate
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.normalize import Normalize
from sonotype.frontend.standardize import Standardize
from sonotype.labels import Task
from sonotype.models.classifier import build_classifier
from sonotype.settings import Settings, read_settings
from sonotype.training.build import build_model
from sonotype.training.callbacks import Progress
from sonotype.training.run import Run
from sonotype.training.train import train
from sonotype.training.transfer import fit as transfer
from sonotype.training.transfer.fit import fit_transfer

FINETUNE = {
    "model.weights": "pretrained",  # random ones stand for them in these tests
    "training.transfer": "finetune",
    "training.cut": "below",
    "training.epochs": 3,
    "training.steps_per_epoch": 12,
    "training.learning_rate": 0.003,
    "training.label_smoothing": 0.0,
    "training.keep": "last",
}


def tiny_backbone(input_shape: Sequence[int]) -> keras.Model:
    """Return a layer below the cut, `below`, and two above it."""
    features = keras.Input(tuple(input_shape))
    flow = layers.Reshape((*input_shape, 1))(features)
    flow = layers.Conv2D(8, 3, strides=2, name="conv_below")(flow)
    flow = layers.BatchNormalization(name="norm_below")(flow)
    flow = layers.ReLU(name="below")(flow)
    flow = layers.Conv2D(12, 3, strides=2, name="conv_above")(flow)
    flow = layers.BatchNormalization(name="norm_above")(flow)
    return keras.Model(features, layers.ReLU()(flow))


def classifier(
    *, task: Task = "single-label", last: keras.layers.Layer | None = None
) -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_classifier(
        [LogMel(sample_rate=8_000, n_mels=20), last or Standardize(0.3, 1.6)],
        n_classes=3,
        clip_seconds=0.25,
        backbone=tiny_backbone,
        standardize=True,
        dropout=0.0,
        task=task,
    )


def run(task: Task = "single-label", **overrides: Any) -> Run:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    settings = read_settings("default", overrides={**TINY, **FINETUNE, **given})
    return Run(settings, task)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> AudioCache:
    return AudioCache(tmp_path_factory.mktemp("cache"), sample_rate=8_000)


@pytest.fixture(scope="module")
def heard(tone_split: Split, cache: AudioCache) -> CachedAudio:
    return cache.load_all(Clips.concatenate([tone_split.train, tone_split.validation]))


@pytest.fixture
def fitted_to(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Return what was fitted, in order, and to how many clips."""
    counted: list[tuple[str, int]] = []
    fit_head, fit_upper = transfer.fit_head, transfer._fit_upper

    def count_head(model: keras.Model, views: np.ndarray, *rest: Any) -> Any:
        counted.append(("head", views.shape[1]))
        return fit_head(model, views, *rest)

    def count_upper(*given: Any) -> None:
        counted.append(("upper", len(given[3])))
        fit_upper(*given)

    monkeypatch.setattr(transfer, "fit_head", count_head)
    monkeypatch.setattr(transfer, "_fit_upper", count_upper)
    return counted


def weights(model: keras.Model, *names: str) -> np.ndarray:
    backbone = model.get_layer("backbone")
    found = [
        value for name in names for value in backbone.get_layer(name).get_weights()
    ]
    return np.concatenate([value.ravel() for value in found])


def accuracy(model: keras.Model, audio: CachedAudio) -> float:
    scores = np.asarray(model(audio.batch(np.arange(len(audio)), 2_000)))
    truth = audio.clips.targets().argmax(axis=1)
    return float(np.mean(scores.argmax(axis=1) == truth))


def test_frozen_is_a_head_for_all_clips_and_nothing_else(
    heard: CachedAudio, tone_split: Split, cache: AudioCache
) -> None:
    model = classifier()
    before = model.get_layer("backbone").get_weights()
    fit_transfer(model, heard, run(training__transfer="frozen"))
    assert accuracy(model, cache.load_all(tone_split.test)) == 1.0
    after = model.get_layer("backbone").get_weights()
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_fine_tuning_changes_what_is_above_the_cut(
    heard: CachedAudio,
    tone_split: Split,
    cache: AudioCache,
    fitted_to: list[tuple[str, int]],
) -> None:
    model = classifier()
    below = weights(model, "conv_below", "norm_below")
    above = weights(model, "conv_above")
    fit_transfer(model, heard, run())
    n_train, n_all = len(tone_split.train), len(heard)
    assert fitted_to == [
        ("head", n_train),  # is it worth it?
        ("upper", n_train),
        ("head", n_all),  # it is
        ("upper", n_all),
    ]
    np.testing.assert_array_equal(weights(model, "conv_below", "norm_below"), below)
    assert not np.allclose(weights(model, "conv_above"), above, atol=1e-3)
    norm = model.get_layer("backbone").get_layer("norm_above")
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(12))
    np.testing.assert_array_equal(norm.moving_variance, np.ones(12))
    assert norm.trainable
    assert not model.get_layer("head").get_layer("standardize").trainable
    assert accuracy(model, cache.load_all(tone_split.test)) == 1.0


def test_without_a_cut_the_whole_backbone_is_tuned(heard: CachedAudio) -> None:
    model = classifier()
    below = weights(model, "conv_below")
    settings = run().settings
    training = settings.training.model_copy(update={"cut": None})
    whole = Run(settings.model_copy(update={"training": training}), "single-label")
    fit_transfer(model, heard, whole)
    assert not np.allclose(weights(model, "conv_below"), below, atol=1e-3)


def test_fine_tuning_that_does_not_help_is_taken_back(
    heard: CachedAudio, tone_split: Split, fitted_to: list[tuple[str, int]]
) -> None:
    model, frozen = classifier(), classifier()
    before = model.get_layer("backbone").get_weights()
    fit_transfer(model, heard, run(training__learning_rate=3.0))
    n_train, n_all = len(tone_split.train), len(heard)
    assert fitted_to == [("head", n_train), ("upper", n_train), ("head", n_all)]
    for one, other in zip(
        before, model.get_layer("backbone").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    fit_transfer(frozen, heard, run(training__transfer="frozen"))
    clips = heard.batch(np.arange(20), 2_000)
    # What is below the cut was kept in half precision on the way.
    np.testing.assert_allclose(model(clips), frozen(clips), atol=2e-3)


def test_what_the_trial_learned_is_forgotten(
    heard: CachedAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [classifier(), classifier()]
    fit_transfer(models[0], heard, run())
    # Without a trial: had it left a trace, the two would differ.
    monkeypatch.setattr(transfer, "_pays", lambda *given: True)
    fit_transfer(models[1], heard, run())
    clips = heard.batch(np.arange(20), 2_000)
    np.testing.assert_allclose(models[0](clips), models[1](clips), atol=1e-4)


def test_the_same_seed_is_the_same_model(heard: CachedAudio) -> None:
    clips = heard.batch(np.arange(20), 2_000)
    varied: dict[str, Any] = {
        "augment": {
            "waveform": [{"layer": "gain", "low_db": -9.0}],
            "spectrogram": [{"layer": "mixup"}],
        },
        "training__n_views": 2,
        "training__epochs": 1,
        "training__steps_per_epoch": 6,
    }
    scores = []
    for seed in (0, 0, 1):
        model = classifier()
        fit_transfer(model, heard, run(seed=seed, **varied))
        scores.append(np.asarray(model(clips)))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)
    assert not np.allclose(scores[0], scores[2], atol=1e-5)


def test_waveforms_are_varied_before_the_cut_and_not_again(
    heard: CachedAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int | None, ...]] = []

    class Spy(keras.layers.Layer):
        """Remembers what it was given."""

        def call(self, examples: Any, training: bool = False) -> Any:
            if training:
                shapes.append(tuple(examples.shape))
            return examples

    monkeypatch.setitem(AUGMENTATIONS, "spy", Spy)
    both = {"waveform": [{"layer": "spy"}], "spectrogram": [{"layer": "spy"}]}
    fit_transfer(classifier(), heard, run(augment=both, training__n_views=2))
    assert {shape[1:] for shape in shapes} == {(2_000,), (11, 9, 8)}
    assert {len(shape) for shape in shapes if shape[1:] == (2_000,)} == {2}


def test_it_tells_what_it_listens_to_and_every_step(heard: CachedAudio) -> None:
    told: list[Progress] = []
    fit_transfer(classifier(), heard, replace(run(), on_progress=told.append))
    listening = [now for now in told if not now.epoch]
    steps = [now for now in told if now.epoch]
    assert {str(now) for now in listening} == {"listening"}
    assert told.index(listening[0]) == 0
    assert listening[-1].step == listening[-1].n_steps
    assert {now.epoch for now in steps} == {1, 2, 3}
    assert all(np.isfinite(now.loss) for now in steps)
    assert steps[-1].step == steps[-1].n_steps


def test_many_labels_a_clip_of_which_some_are_unknown(
    tone_split: Split, cache: AudioCache, fitted_to: list[tuple[str, int]]
) -> None:
    clips = Clips.concatenate([tone_split.train, tone_split.validation])
    # Of two clips in three, nothing is said of the labels they do not have.
    absent = [
        [] if row % 3 else [one for one in clips.labels if one not in labels]
        for row, labels in enumerate(clips.frame["labels"].to_list())
    ]
    column = pl.Series("absent", absent, dtype=pl.List(pl.String))
    unsure = Clips(clips.frame.with_columns(column), clips.labels)
    assert np.isnan(unsure.label_matrix()).mean() > 0.3
    model = classifier(task="multi-label")
    fit_transfer(model, cache.load_all(unsure), run("multi-label"))
    test = cache.load_all(tone_split.test)
    assert accuracy(model, test) == 1.0


def test_a_front_end_learns_its_statistics_first(heard: CachedAudio) -> None:
    model = classifier(last=Normalize())
    fit_transfer(model, heard, run(training__transfer="frozen"))
    assert model.get_layer("frontend").layers[-1].is_adapted
    assert accuracy(model, heard) > 0.6


def build_with_random_weights(settings: Settings, *rest: Any) -> keras.Model:
    """Build the classifier of settings whose weights nobody has published."""
    random = settings.model.model_copy(update={"weights": "none"})
    return build_model(settings.model_copy(update={"model": random}), *rest)


@pytest.mark.parametrize("how", ["frozen", "finetune"])
def test_a_recipe_that_transfers_trains_from_end_to_end(
    how: str, tone_split: Split, cache: AudioCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sonotype.training.train.build_model", build_with_random_weights
    )
    settings = read_settings(
        "default",
        overrides={
            **TINY,
            "model.weights": "pretrained",
            "training.transfer": how,
            "training.epochs": 2,
            "model.standardize": True,
            "model.pooling": "attention",
        },
    )
    trained = train(
        tone_split.train, tone_split.validation, settings=settings, cache=cache
    )
    assert evaluate(trained, tone_split.test).to_dict()["accuracy"] > 0.9
    assert trained.settings.training.transfer == how
    parts = trained.heard_table()["split"].to_list()
    assert parts.count("train") == len(tone_split.train)
