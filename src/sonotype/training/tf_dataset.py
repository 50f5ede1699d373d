"""The classic input pipeline: a `tf.data.Dataset` of spectrogram images and labels.

For people who want their own training loop. One of the two files that touch `tf.*`.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.frontend.spectrogram import Spectrogram
from sonotype.frontend.to_image import ToImage


def tf_dataset(
    clips: Clips,
    *,
    batch_size: int = 32,
    training: bool = True,
    frontend: Sequence[keras.layers.Layer] | None = None,
    sample_rate: int = 16_000,
    clip_seconds: float = 1.0,
    seed: int = 0,
) -> tf.data.Dataset:
    """Return batches of (spectrogram image, one-hot label), prefetched.

    Args:
        clips: Labelled clips, from `read_folder` or a part of a `split`.
        batch_size: Examples a batch.
        training: Shuffle and repeat without end; otherwise every clip once, in order.
        frontend: Layers applied to a batch of waveforms; default: STFT magnitude
            2048/512 as an image of 128 x 128 with three equal channels.
        sample_rate: Rate the clips are resampled to.
        clip_seconds: Length the clips are padded or cropped to.
        seed: Seed of the order and of random crops.

    Returns:
        Batches `(batch, 128, 128, 3)` float32 and `(batch, n_labels)` float32.

    Raises:
        DataError: If a clip cannot be decoded.
    """
    if frontend is None:
        frontend = [Spectrogram(frame_length=2048, hop_length=512), ToImage(128, 128)]
    audio = AudioCache(sample_rate=sample_rate).load_all(clips)
    targets = audio.clips.targets()
    n_samples = round(clip_seconds * sample_rate)
    generator = np.random.default_rng(seed) if training else None

    def load(positions: Any) -> tuple[Any, Any]:
        samples = tf.numpy_function(
            lambda chosen: audio.batch(chosen, n_samples, generator),
            [positions],
            tf.float32,
        )
        return tf.ensure_shape(samples, (None, n_samples)), tf.gather(
            targets, positions
        )

    def to_features(samples: Any, target: Any) -> tuple[Any, Any]:
        for layer in frontend:
            samples = layer(samples)
        return samples, target

    positions = tf.data.Dataset.range(len(audio.clips))
    if training:
        positions = positions.shuffle(len(audio.clips), seed=seed).repeat()
    loaded = positions.batch(batch_size).map(load)
    return loaded.map(to_features, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
