"""What augmentation costs: each layer, and the default chain in the training step.

    python benchmarks/augment.py

A batch of 64 clips of one second at 16 kHz goes through each layer in a compiled
function. The default chain is measured where it works, as the difference between the
default recipe's training step with and without it. Everything takes turns, and the
median over turns counts, so that a busy machine slows all of them alike. The share is
of the training step with augmentation.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from results import save
from sonotype.augment.table import AUGMENTATIONS
from sonotype.settings import AugmentSettings, LayerSettings, Settings, read_settings
from sonotype.training.build import (
    build_augmentation,
    build_frontend,
    build_layer,
    build_model,
)
from sonotype.training.compile import compile_model

BATCH_SIZE = 64
RATE = 16_000
N_LABELS = 8
STEP, BARE_STEP = "training step", "training step without augmentation"
NEEDED: dict[str, dict[str, Any]] = {
    "high_pass": {"cutoff_hz": [50.0, 500.0]},
    "low_pass": {"cutoff_hz": [1_000.0, 8_000.0]},
    "shift": {"max_seconds": 0.1},
    "time_mask": {"max_seconds": 0.1},
}


def compiled(layer: Any, inputs: Any) -> Callable[[], Any]:
    """Return a function that applies a layer once and waits for the result."""
    run = tf.function(lambda batch: layer(batch, training=True))
    return lambda: tf.nest.map_structure(np.asarray, run(inputs))


def layer_runs(audio: np.ndarray, settings: Settings) -> dict[str, Callable[[], Any]]:
    """Return a run for each layer."""
    features = audio
    for layer in build_frontend(settings):
        features = layer(features)
    targets = np.eye(BATCH_SIZE, N_LABELS, dtype=np.float32)
    runs = {}
    for name in AUGMENTATIONS:
        named = LayerSettings(layer=name, **NEEDED.get(name, {}))
        context = {"sample_rate": RATE, "seed": 0}
        layer = build_layer("augmentation", AUGMENTATIONS, named, context)
        given = audio if layer.takes == "waveforms" else features
        runs[name] = compiled(layer, (given, targets) if layer.mixes_targets else given)
    return runs


def chain_run(audio: np.ndarray, settings: Settings, *, only: str) -> Callable[[], Any]:
    """Return a run of the default layers for waveforms, or of those for features."""
    waveform, spectrogram = build_augmentation(settings)
    features: Any = audio
    for layer in build_frontend(settings):
        features = layer(features)
    targets = tf.eye(BATCH_SIZE, N_LABELS)
    layers, start = (waveform, audio) if only == "waveform" else (spectrogram, features)

    def chain(batch: Any, training: bool) -> Any:
        for layer in layers:
            if layer.mixes_targets:
                batch, _ = layer((batch, targets), training=training)
            else:
                batch = layer(batch, training=training)
        return batch

    return compiled(chain, start)


def step_run(audio: np.ndarray, settings: Settings) -> Callable[[], Any]:
    """Return a run of one compiled training step."""
    keras.utils.set_random_seed(0)
    model = compile_model(build_model(settings, N_LABELS), settings, n_steps=10_000)
    target = np.eye(BATCH_SIZE, N_LABELS, dtype=np.float32)
    inputs = {"audio": tf.constant(audio), "target": tf.constant(target)}
    return lambda: model.train_on_batch(inputs, tf.constant(target))


def timed(runs: dict[str, Callable[[], Any]], turns: int) -> dict[str, list[float]]:
    """Time all runs in turn; return the milliseconds of each turn."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():  # compile all before the clock runs
        run()
    for _ in range(turns):
        for name, run in runs.items():
            run()  # what the last one left in the caches must not count
            start = time.perf_counter()
            run()
            taken[name].append(1_000 * (time.perf_counter() - start))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=25)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    audio = (0.1 * rng.standard_normal((BATCH_SIZE, RATE))).astype(np.float32)
    settings = read_settings("default")
    bare = settings.model_copy(update={"augment": AugmentSettings()})
    runs = {
        STEP: step_run(audio, settings),
        BARE_STEP: step_run(audio, bare),
        "default chain, waveforms": chain_run(audio, settings, only="waveform"),
        "default chain, features": chain_run(audio, settings, only="spectrogram"),
        **layer_runs(audio, settings),
    }
    taken = timed(runs, options.turns)
    pairs = zip(taken[STEP], taken[BARE_STEP], strict=True)
    taken["default chain, in the step"] = [whole - bare for whole, bare in pairs]
    measured = {name: statistics.median(times) for name, times in taken.items()}
    step = measured[STEP]
    rows = [
        {
            "what": name,
            "milliseconds": round(value, 2),
            "share_of_training_step": round(value / step, 3),
            "turns": options.turns,
        }
        for name, value in measured.items()
    ]
    for row in rows:
        print(
            f"{row['what']:<36}{row['milliseconds']:>9} ms"
            f"{row['share_of_training_step']:>8.1%}"
        )
    print("wrote", save("augment", rows))


if __name__ == "__main__":
    main()
