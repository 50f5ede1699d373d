"""Embeddings equal the model's own answers, and views are drawn by seed."""

from pathlib import Path

import keras
import numpy as np
import pytest

from sonotype.augment.gain import Gain
from sonotype.augment.mixup import Mixup
from sonotype.dataset.cache.audio_cache import AudioCache, CachedAudio
from sonotype.dataset.readers.folder import read_folder
from sonotype.errors import SettingError
from sonotype.training.transfer.embed import BATCH_SIZE, embed_views

N_SAMPLES = 800  # of the 2000 of a clip


@pytest.fixture(scope="module")
def audio(tone_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> CachedAudio:
    cache = AudioCache(tmp_path_factory.mktemp("cache"), sample_rate=8_000)
    loaded = cache.load(read_folder(tone_folder))
    assert len(loaded) % BATCH_SIZE  # the last batch is not full
    assert len(loaded) > BATCH_SIZE
    return loaded


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Return a model with statistics of a batch in training, but not in prediction."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((N_SAMPLES,)),
            keras.layers.Reshape((40, 20)),
            keras.layers.Dense(6, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ]
    )


def test_the_plain_version_is_the_model_on_the_centre(
    model: keras.Model, audio: CachedAudio
) -> None:
    views = embed_views(model, audio)
    assert views.shape == (1, len(audio), 40, 6)
    assert views.dtype == np.float16
    for position in (0, 1, 63, 64, len(audio) - 1):
        clip = audio.samples(position)[600:1_400]
        expected = np.asarray(model(clip[None]))[0]
        assert np.ptp(expected) > 0.1
        np.testing.assert_allclose(views[0, position], expected, rtol=1e-3, atol=1e-3)


def test_a_clip_does_not_depend_on_the_others(
    model: keras.Model, audio: CachedAudio
) -> None:
    together = embed_views(model, audio)[0]
    some = [70, 3, 3, 41]
    alone = embed_views(model, audio.subset(audio.clips.select(some)))[0]
    np.testing.assert_allclose(alone, together[some], rtol=1e-3, atol=1e-3)


def views_of(model: keras.Model, audio: CachedAudio, *, seed: int = 0) -> np.ndarray:
    layers = [Gain(low_db=-20, high_db=20, seed=seed)]
    return embed_views(model, audio, n_views=3, augmentation=layers, seed=seed)


def test_the_layers_work_on_the_other_versions(audio: CachedAudio) -> None:
    as_they_are = keras.Sequential([keras.Input((2_000,)), keras.layers.Rescaling(1.0)])
    layers = [Gain(low_db=-20, high_db=-10, seed=0, probability=1.0)]
    views = embed_views(as_they_are, audio, n_views=3, augmentation=layers)
    plain = np.square(views[0], dtype=np.float64).sum(axis=1)
    for view in views[1:]:
        decibels = 10 * np.log10(np.square(view, dtype=np.float64).sum(axis=1) / plain)
        assert -20.1 < decibels.min() < -19
        assert -11 < decibels.max() < -9.9


def test_the_first_version_is_plain_and_no_other_is_like_it(
    model: keras.Model, audio: CachedAudio
) -> None:
    views = views_of(model, audio)
    np.testing.assert_array_equal(views[:1], embed_views(model, audio))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        differs = np.abs(views[one] - views[other]).max(axis=(1, 2)) > 1e-3
        assert differs.all()


def test_the_same_seed_makes_the_same_versions(
    model: keras.Model, audio: CachedAudio
) -> None:
    first, again, other = (views_of(model, audio, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[0], other[0])
    assert not np.allclose(first[1:], other[1:])


def test_a_longer_clip_is_cropped_elsewhere_in_every_version(
    model: keras.Model, audio: CachedAudio
) -> None:
    views = embed_views(model, audio, n_views=3)
    for view in views[1:]:
        assert (np.abs(view - views[0]).max(axis=(1, 2)) > 1e-3).mean() > 0.95
    assert not np.allclose(views[1], views[2])


def test_dropout_stays_off_where_augmentation_is_on(audio: CachedAudio) -> None:
    model = keras.Sequential([keras.Input((2_000,)), keras.layers.Dropout(0.9)])
    views = embed_views(model, audio, n_views=2)
    np.testing.assert_array_equal(views[1], views[0])


def test_what_half_precision_cannot_hold_is_held_at_its_end(
    audio: CachedAudio,
) -> None:
    model = keras.Sequential([keras.Input((2_000,)), keras.layers.Rescaling(1e9)])
    views = embed_views(model, audio)
    assert np.isfinite(views).all()
    assert np.abs(views).max() == 65_504


def test_progress_counts_every_version_of_every_clip(
    model: keras.Model, audio: CachedAudio
) -> None:
    told: list[tuple[int, int]] = []
    embed_views(
        model, audio, n_views=2, on_progress=lambda *counts: told.append(counts)
    )
    total = 2 * len(audio)
    assert told == [(64, total), (90, total), (154, total), (180, total)]


def test_layers_that_mix_clips_are_refused(
    model: keras.Model, audio: CachedAudio
) -> None:
    with pytest.raises(SettingError, match=r"Mixup mixes clips.*augment\.spectrogram"):
        embed_views(model, audio, n_views=2, augmentation=[Mixup(seed=0)])
