"""What share of its ceiling `fit` reaches: clips/s against one fixed batch in memory.

    python benchmarks/train_throughput.py

Both sides run the same compiled training step, augmentation included. The ceiling is
fed one batch that is already a tensor; the other side reads, crops and shuffles clips
out of the cache. The two take turns of some steps, and the ratio is the median over
turns. The first steps of a turn are not counted: they fill the pipeline, which happens
once in a training run, because the stream of batches runs on over the epochs.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from made import noise_folder
from results import save
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.readers.folder import read_folder
from sonotype.settings import read_settings
from sonotype.training.batches import TrainingBatches
from sonotype.training.build import build_model
from sonotype.training.compile import compile_model

WARM_STEPS = 5


class StepClock(keras.callbacks.Callback):  # type: ignore[misc]
    """Notes when each step ended."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.ends.append(time.perf_counter())


def clips_per_second(model: Any, feed: Any, *, n_steps: int, batch_size: int) -> float:
    """Time `n_steps` steps after the first few."""
    clock = StepClock()
    model.fit(feed, steps_per_epoch=WARM_STEPS + n_steps, verbose=0, callbacks=[clock])
    seconds = clock.ends[-1] - clock.ends[WARM_STEPS - 1]
    return n_steps * batch_size / seconds


def measure(recipe: str, folder: Path, *, turns: int, n_steps: int) -> dict[str, Any]:
    """Return the row of one recipe."""
    settings = read_settings(recipe, overrides={"model.weights": "none"})
    clips = read_folder(noise_folder(folder / "noise", n_clips=1600))
    audio = AudioCache(folder / "cache", sample_rate=settings.audio.sample_rate).load(
        clips
    )
    batch_size = settings.training.batch_size
    batches = TrainingBatches(
        audio,
        audio.clips.targets(),
        n_samples=settings.n_samples,
        batch_size=batch_size,
    )
    model = compile_model(
        build_model(settings, len(clips.labels)), settings, n_steps=10_000
    )
    fixed = tf.data.Dataset.from_tensors(batches[0]).repeat()
    options = {"n_steps": n_steps, "batch_size": batch_size}
    for feed in (fixed, batches):  # compile both before the clock runs
        clips_per_second(model, feed, n_steps=3, batch_size=batch_size)
    ceiling, reached = [], []
    for _ in range(turns):
        ceiling.append(clips_per_second(model, fixed, **options))
        reached.append(clips_per_second(model, batches, **options))
    ratios = [r / c for r, c in zip(reached, ceiling, strict=True)]
    return {
        "recipe": recipe,
        "batch_size": batch_size,
        "ceiling_clips_per_second": round(statistics.median(ceiling), 1),
        "fit_clips_per_second": round(statistics.median(reached), 1),
        "ratio": round(statistics.median(ratios), 3),
        "turns": turns,
        "steps_per_turn": n_steps,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    rows = []
    for recipe, n_steps in {"default": 20, "article": 6}.items():
        with tempfile.TemporaryDirectory() as folder:
            rows.append(
                measure(recipe, Path(folder), turns=options.turns, n_steps=n_steps)
            )
        print(rows[-1], flush=True)
    print("wrote", save("train_throughput", rows))


if __name__ == "__main__":
    main()
