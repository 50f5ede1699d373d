"""A head fitted beside Keras says the same inside it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tests.conftest import TINY

from sonotype.augment.table import AUGMENTATIONS
from sonotype.dataset.cache.audio_cache import AudioCache, CachedAudio
from sonotype.dataset.split import Split
from sonotype.frontend.log_mel import LogMel
from sonotype.labels import Task
from sonotype.models.classifier import build_classifier
from sonotype.models.head import POOLINGS
from sonotype.settings import read_settings
from sonotype.training.run import Run
from sonotype.training.transfer.frozen import embedder, fit_frozen, set_linear
from sonotype.training.transfer.linear import LinearHead

N_CHANNELS = 6
ALL = [*POOLINGS, "attention"]


def classifier(*, task: Task = "single-label", **options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_classifier(
        LogMel(sample_rate=8_000, n_mels=20),
        n_classes=3,
        clip_seconds=0.25,
        channels=(8, N_CHANNELS),
        strides=(2, 2),
        task=task,
        **options,
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> AudioCache:
    return AudioCache(tmp_path_factory.mktemp("cache"), sample_rate=8_000)


@pytest.fixture(scope="module")
def train_audio(tone_split: Split, cache: AudioCache) -> CachedAudio:
    return cache.load_all(tone_split.train)


@pytest.fixture(scope="module")
def sounds(train_audio: CachedAudio) -> np.ndarray:
    return train_audio.batch(np.arange(0, 30, 3), 2_000)


def run(**overrides: Any) -> Run:
    settings = read_settings("default", overrides={**TINY, **overrides})
    return Run(settings, "single-label")


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("pooling", ALL)
def test_the_head_in_keras_scores_as_the_linear_one(
    pooling: str,
    standardize: bool,
    task: Task,
    sounds: np.ndarray,
    rng: np.random.Generator,
) -> None:
    model = classifier(pooling=pooling, standardize=standardize, task=task)
    embeddings = np.asarray(embedder(model)(sounds))
    n_channels = embeddings.shape[1]
    linear = LinearHead(
        mean=embeddings.mean(0).astype(np.float64),
        # Also of a channel that hardly varies.
        deviation=np.array([*rng.uniform(0.1, 3, n_channels - 1), 0.002]),
        kernel=rng.normal(0, 1, (n_channels, 3)),
        bias=rng.normal(0, 1, 3),
        penalty=0.1,
    )
    expected = linear.scores(embeddings, task)
    assert np.ptp(expected, axis=0).max() > 0.3
    set_linear(model.get_layer("head"), linear)
    np.testing.assert_allclose(model(sounds), expected, atol=1e-3)


def test_the_embedding_is_what_the_head_pools(sounds: np.ndarray) -> None:
    model = classifier(pooling="mean_max")
    features = model.get_layer("frontend")(sounds)
    found = np.asarray(model.get_layer("backbone")(features, training=False))
    expected = np.concatenate([found.mean((1, 2)), found.max((1, 2))], axis=1)
    np.testing.assert_allclose(embedder(model)(sounds), expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ALL)
def test_frozen_features_tell_tones_apart(
    pooling: str, tone_split: Split, train_audio: CachedAudio, cache: AudioCache
) -> None:
    model = classifier(pooling=pooling, standardize=True)
    before = model.get_layer("backbone").get_weights()
    chosen = fit_frozen(model, train_audio, run())
    test = cache.load_all(tone_split.test)
    scores = np.asarray(model(test.batch(np.arange(len(test)), 2_000)))
    truth = tone_split.test.targets().argmax(axis=1)
    assert np.mean(scores.argmax(axis=1) == truth) == 1.0
    assert chosen.scores.shape == (len(train_audio), 3)
    known = tone_split.train.targets().argmax(axis=1)
    assert np.mean(chosen.scores.argmax(axis=1) == known) > 0.9
    after = model.get_layer("backbone").get_weights()
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_second_time_makes_the_same_head(
    train_audio: CachedAudio, sounds: np.ndarray
) -> None:
    model = classifier(standardize=True, pooling="mean_max")
    fit_frozen(model, train_audio, run())
    first = np.asarray(model(sounds))
    fit_frozen(model, train_audio, run())  # on a head that standardizes by now
    np.testing.assert_allclose(model(sounds), first, atol=1e-4)


def test_the_standardizing_layer_holds_the_statistics_of_the_clips(
    train_audio: CachedAudio,
) -> None:
    model = classifier(standardize=True)
    pooled = np.asarray(
        embedder(model).predict_on_batch(
            train_audio.batch(np.arange(len(train_audio)), 2_000)
        )
    )
    fit_frozen(model, train_audio, run())
    layer = model.get_layer("head").get_layer("standardize")
    np.testing.assert_allclose(layer.moving_mean, pooled.mean(0), atol=1e-3)
    np.testing.assert_allclose(layer.moving_variance, pooled.var(0), atol=1e-3)


def test_versions_are_those_of_the_recipe(
    train_audio: CachedAudio, sounds: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bool] = []

    class Spy(keras.layers.Layer):
        """Counts its calls, and makes the clips quieter."""

        def call(self, audio: Any, training: bool = False) -> Any:
            heard.append(training)
            return 0.5 * audio

    monkeypatch.setitem(AUGMENTATIONS, "spy", Spy)
    told: list[tuple[int, int]] = []
    settings = {
        "augment": {"waveform": [{"layer": "spy"}], "spectrogram": []},
        "training.n_views": 2,
    }
    varied = Run(
        run(**settings).settings,
        "single-label",
        on_progress=lambda now: told.append((now.step, now.n_steps)),
    )
    model, plain = classifier(), classifier()
    fit_frozen(model, train_audio, varied)
    fit_frozen(plain, train_audio, run())
    assert heard
    assert all(heard)
    assert told[-1] == (2 * len(train_audio), 2 * len(train_audio))
    assert not np.allclose(model(sounds), plain(sounds), atol=1e-4)


def test_many_labels_a_clip_some_unknown(
    tone_split: Split, train_audio: CachedAudio
) -> None:
    from dataclasses import replace

    model = classifier(task="multi-label", standardize=True)
    fit_frozen(model, train_audio, replace(run(), task="multi-label"))
    scores = np.asarray(model(train_audio.batch(np.arange(len(train_audio)), 2_000)))
    truth = tone_split.train.label_matrix()
    assert np.mean((scores > 0.5) == (truth > 0.5)) > 0.95


def test_a_saved_model_keeps_its_head(
    train_audio: CachedAudio, sounds: np.ndarray, tmp_path: Path
) -> None:
    model = classifier(standardize=True, pooling="mean_max")
    fit_frozen(model, train_audio, run())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(sounds), model(sounds))
