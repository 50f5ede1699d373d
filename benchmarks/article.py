"""The classic article's pipeline, written from its description, beside `default`.

    python benchmarks/article.py ../shared/data/speech_commands

Both see the same clips and the same speaker-disjoint split (fold 0 of `words8` in
`accuracy.py`), and both are timed from the first file to test scores. The classic
pipeline is plain tf.data and Keras and uses nothing of sonotype but the list of files;
it starts from random weights, because ImageNet weights cannot be downloaded everywhere
(pass --weights imagenet where they can). Its validation accuracy is printed after
every 100 steps, but nothing is chosen by it: the article keeps the last weights.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import soundfile
import tensorflow as tf

from results import save
from sonotype.clips import Clips
from sonotype.dataset.readers.folder import read_folder
from sonotype.dataset.split import Split, k_folds
from sonotype.evaluation.report import report_from_scores
from sonotype.settings import read_settings
from sonotype.training.train import train

WORDS = "down,go,left,no,right,stop,up,yes"
AUTOTUNE = tf.data.AUTOTUNE
N_SAMPLES = 16_000


def read_wav(path: bytes) -> np.ndarray:
    """Return one second of samples; tf.audio.decode_wav refuses ordinary files."""
    samples, _ = soundfile.read(path.decode(), dtype="float32")
    padded = np.zeros(N_SAMPLES, np.float32)
    padded[: len(samples)] = samples[:N_SAMPLES]
    return padded


def prepare(path: Any, label: Any) -> tuple[Any, Any]:
    """File name to a 128 x 128 spectrogram image with three equal channels."""
    waveform = tf.ensure_shape(
        tf.numpy_function(read_wav, [path], tf.float32), N_SAMPLES
    )
    stft = tf.signal.stft(waveform, frame_length=2048, frame_step=512, fft_length=2048)
    image = tf.image.resize(tf.abs(stft)[..., None], [128, 128])
    return tf.image.grayscale_to_rgb(image), label


def get_dataset(
    clips: Clips, *, training: bool, batch_size: int = 32
) -> tf.data.Dataset:
    """The article's pipeline: map, shuffle, repeat, batch, prefetch."""
    order = np.random.default_rng(0).permutation(len(clips))
    if training:  # a buffer of 256 cannot mix files that come class by class
        clips = clips.select(order)
    paths = [str(path) for path in clips.paths()]
    dataset = tf.data.Dataset.from_tensor_slices((paths, clips.targets()))
    dataset = dataset.map(prepare, num_parallel_calls=AUTOTUNE)
    if training:
        dataset = dataset.shuffle(256, seed=0).repeat()
    return dataset.batch(batch_size).prefetch(AUTOTUNE)


def get_model(n_classes: int, weights: str | None) -> keras.Model:
    """EfficientNetB0, global average pooling, dropout 0.5, softmax."""
    backbone = keras.applications.EfficientNetB0(
        include_top=False, weights=weights, input_shape=(128, 128, 3)
    )
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    dropped = keras.layers.Dropout(0.5)(pooled)
    scores = keras.layers.Dense(n_classes, activation="softmax")(dropped)
    return keras.Model(backbone.input, scores)


def run_classic(parts: Split, weights: str | None, epochs: int) -> np.ndarray:
    """Train as the article does and return test scores."""
    keras.utils.set_random_seed(0)
    model = get_model(len(parts.train.labels), weights)
    model.compile(
        keras.optimizers.Adam(1e-3),
        "categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.fit(
        get_dataset(parts.train, training=True),
        validation_data=get_dataset(parts.validation, training=False),
        steps_per_epoch=100,
        epochs=epochs,
        verbose=2,
    )
    scores: np.ndarray = model.predict(
        get_dataset(parts.test, training=False), verbose=0
    )
    return scores


def run_default(parts: Split) -> np.ndarray:
    """Train the default recipe and return test scores."""
    trained = train(parts.train, parts.validation, settings=read_settings("default"))
    return trained.scores(parts.test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", help="imagenet; default: random")
    parser.add_argument("--epochs", type=int, default=10, help="of 100 steps")
    options = parser.parse_args()
    clips = read_folder(options.data, classes=WORDS.split(","))
    parts = k_folds(clips, n_folds=5, seed=0)[0]
    pipelines: dict[str, Callable[[], np.ndarray]] = {
        f"article, weights {options.weights or 'none'}, {100 * options.epochs} steps": (
            lambda: run_classic(parts, options.weights, options.epochs)
        ),
        "default": lambda: run_default(parts),
    }
    rows = []
    for name, run in pipelines.items():
        started = time.perf_counter()
        scores = run()
        seconds = time.perf_counter() - started
        report = report_from_scores(scores, parts.test, parts.test.labels)
        rows.append(
            {
                "pipeline": name,
                "test_clips": report.n_clips,
                "accuracy": round(report.accuracy, 4),
                "macro_f1": round(report.macro_f1, 4),
                "seconds": round(seconds, 1),
            }
        )
        print(rows[-1], flush=True)
        print("wrote", save("article", rows))


if __name__ == "__main__":
    main()
