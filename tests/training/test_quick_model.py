from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from sonotype.clips import Clip, Clips
from sonotype.errors import AudioError
from sonotype.training.quick_model import (
    SAMPLE_RATE,
    clip_features,
    linear,
    nearest_neighbour,
    sound_features,
)

Blobs = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def blobs(rng: np.random.Generator) -> Blobs:
    """Four overlapping classes, and what to ask; the last feature never differs."""
    classes = np.repeat([5, 0, 2, 9], [30, 40, 20, 30])
    means = rng.standard_normal((10, 7))
    known = means[classes] + 1.5 * rng.standard_normal((120, 7))
    asked = 2 * rng.standard_normal((1_100, 7))
    known[:, 6] = asked[:, 6] = 3.0
    return known.astype(np.float32), classes, asked.astype(np.float32)


def test_the_nearest_neighbour_is_scikit_learns(blobs: Blobs) -> None:
    known, classes, asked = blobs
    scaler = StandardScaler().fit(known)
    model = KNeighborsClassifier(1).fit(scaler.transform(known), classes)
    expected = model.predict(scaler.transform(asked))
    # Rounding decides between two that are equally near.
    assert np.mean(nearest_neighbour(known, classes, asked) == expected) > 0.999


def test_the_linear_model_takes_the_nearest_mean(blobs: Blobs) -> None:
    known, classes, asked = blobs
    known, asked = known[:, :6], asked[:, :6]
    scaler = StandardScaler().fit(known)
    a, b = scaler.transform(known), scaler.transform(asked)
    names = np.unique(classes)
    means = {name: a[classes == name].mean(axis=0) for name in names}
    within = a - np.stack([means[name] for name in classes])
    covariance = np.cov(within.T, bias=True)
    shrunk = 0.9 * covariance + 0.1 * np.trace(covariance) / 6 * np.eye(6)
    # Mahalanobis distances, in (asked, classes, features) before the sum.
    away = b[:, None] - np.stack([means[name] for name in names])
    distances = np.einsum("qcf,fg,qcg->qc", away, np.linalg.inv(shrunk), away)
    expected = names[distances.argmin(axis=1)]
    assert np.mean(linear(known, classes, asked) == expected) > 0.999


def test_a_feature_that_never_differs_is_not_looked_at(blobs: Blobs) -> None:
    known, classes, asked = blobs
    for model in (nearest_neighbour, linear):
        without = model(known[:, :6], classes, asked[:, :6])
        assert np.mean(model(known, classes, asked) == without) > 0.98


def test_what_is_seen_of_a_sound(rng: np.random.Generator) -> None:
    samples = rng.standard_normal(SAMPLE_RATE).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=SAMPLE_RATE,
        n_fft=512,
        hop_length=256,
        center=False,
        n_mels=40,
        fmin=20.0,
        htk=True,
        norm=None,
    )
    expected = np.log(power + 1e-6)
    found = sound_features(samples)
    assert found.shape == (120,)
    np.testing.assert_allclose(found[:40], expected.mean(axis=1), atol=1e-3)
    np.testing.assert_allclose(found[40:80], expected.std(axis=1), atol=1e-3)
    changes = np.diff(expected, axis=1)
    # The first frame has none before it, and counts as no change.
    changes = np.concatenate([np.zeros((40, 1)), changes], axis=1)
    np.testing.assert_allclose(found[80:], changes.std(axis=1), atol=1e-3)


@pytest.mark.parametrize("n_samples", [1, 511, 513])
def test_short_and_silent_sounds(n_samples: int) -> None:
    features = sound_features(np.zeros(n_samples, np.float32))
    np.testing.assert_allclose(features[:40], np.log(1e-6), rtol=1e-6)
    assert (features[40:] == 0).all()


def test_the_middle_of_a_long_clip_is_heard(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    middle = 0.1 * rng.standard_normal(10 * SAMPLE_RATE)
    edge = np.zeros(2 * SAMPLE_RATE)
    for name, samples in (("long", [edge, middle, edge]), ("middle", [middle])):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, np.concatenate(samples), SAMPLE_RATE, subtype="FLOAT")
    long, interval, whole = clip_features(
        Clips.of(
            [
                Clip(tmp_path / "long.wav", ("x",), "a"),
                Clip(tmp_path / "long.wav", ("x",), "a", 2.0, 12.0),
                Clip(tmp_path / "middle.wav", ("x",), "a"),
            ]
        )
    )
    np.testing.assert_array_equal(long, whole)
    np.testing.assert_array_equal(interval, whole)


def test_features_keep_the_order_of_the_clips(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    clips = []
    for number in range(37):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, number / 40 * rng.uniform(-1, 1, 800), 8_000)
        clips.append(Clip(path, ("x",), str(number)))
    table = Clips.of(clips)
    calls: list[tuple[int, int]] = []
    found = clip_features(table, lambda done, total: calls.append((done, total)))
    one_by_one = [clip_features(table.select([at]))[0] for at in range(37)]
    np.testing.assert_array_equal(found, one_by_one)
    assert calls == [(16, 37), (32, 37), (37, 37)]
    (tmp_path / "5.wav").write_bytes(b"")
    with pytest.raises(AudioError, match=r"5\.wav"):
        clip_features(table)
