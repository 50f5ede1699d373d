import numpy as np
import pytest
import soundfile
import tensorflow as tf

from sonotype.clips import Clip, Clips
from sonotype.dataset.split import Split
from sonotype.frontend.log_mel import LogMel
from sonotype.training.tf_dataset import tf_dataset


def images_of(clips: Clips) -> np.ndarray:
    """The article's own arithmetic, written with tf.* alone."""
    images = []
    for clip in clips:
        samples, rate = soundfile.read(clip.path, dtype="float32")
        assert rate == 8_000
        stft = tf.signal.stft(samples, 2048, 512, 2048)
        image = tf.image.resize(tf.abs(stft)[..., None], [128, 128])
        images.append(tf.image.grayscale_to_rgb(image))
    return np.stack(images)


@pytest.fixture(scope="module")
def long_clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Clips as long as the article's frames need them."""
    folder = tmp_path_factory.mktemp("long")
    generator = np.random.default_rng(0)
    clips = []
    for position in range(10):
        path = folder / f"{position}.wav"
        soundfile.write(path, 0.1 * generator.standard_normal(8_000), 8_000)
        clips.append(Clip(path, ("even" if position % 2 == 0 else "odd",), "someone"))
    return Clips.of(clips)


def test_in_order_it_is_the_articles_images_and_labels(long_clips: Clips) -> None:
    dataset = tf_dataset(long_clips, batch_size=4, training=False, sample_rate=8_000)
    batches = list(dataset)
    assert [batch[0].shape for batch in batches] == [
        (4, 128, 128, 3),
        (4, 128, 128, 3),
        (2, 128, 128, 3),
    ]
    images = np.concatenate([images for images, _ in batches])
    np.testing.assert_allclose(images, images_of(long_clips), rtol=1e-4, atol=1e-4)
    labels = np.concatenate([labels for _, labels in batches])
    np.testing.assert_array_equal(labels, long_clips.targets())


def test_in_training_every_round_holds_every_clip_in_another_order(
    long_clips: Clips,
) -> None:
    dataset = tf_dataset(long_clips, batch_size=5, sample_rate=8_000, seed=0)
    sums = [np.sum(images, axis=(1, 2, 3)) for images, _ in dataset.take(4)]
    first, second = np.concatenate(sums[:2]), np.concatenate(sums[2:])
    np.testing.assert_allclose(np.sort(first), np.sort(second), rtol=1e-5)
    assert not np.allclose(first, second)


def test_the_seed_decides_the_order(long_clips: Clips) -> None:
    first, again, other = (
        next(iter(tf_dataset(long_clips, sample_rate=8_000, seed=seed, batch_size=10)))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_another_front_end_and_length(tone_split: Split) -> None:
    dataset = tf_dataset(
        tone_split.test,
        batch_size=3,
        training=False,
        frontend=[LogMel(sample_rate=8_000, n_mels=16)],
        sample_rate=8_000,
        clip_seconds=0.2,
    )
    features, labels = next(iter(dataset))
    assert features.shape == (3, 18, 16)
    assert labels.shape == (3, 3)
