"""Made-up inputs for benchmarks that time things and need no particular sound."""

from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 16_000
LABELS = ("down", "go", "left", "no", "right", "stop", "up", "yes")


def noise_folder(folder: Path, *, n_clips: int) -> Path:
    """Write one-second clips of noise, one folder a class, and return the folder."""
    generator = np.random.default_rng(0)
    for position in range(n_clips):
        label = LABELS[position % len(LABELS)]
        path = folder / label / f"{position // 16:08x}_nohash_{position}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * generator.standard_normal(SAMPLE_RATE), SAMPLE_RATE)
    return folder


def untrained_bundle(folder: Path, recipe: str) -> Path:
    """Write a bundle whose weights are random, through one step of training."""
    from sonotype.dataset.cache.audio_cache import AudioCache
    from sonotype.dataset.readers.folder import read_folder
    from sonotype.dataset.split import split
    from sonotype.exporters.export import export
    from sonotype.settings import read_settings
    from sonotype.training.train import train

    clips = read_folder(noise_folder(folder / "noise", n_clips=160))
    parts = split(clips, validation=0.3, test=0)
    settings = read_settings(
        recipe,
        overrides={
            "training.epochs": 1,
            "training.steps_per_epoch": 1,
            "model.weights": "none",
        },
    )
    cache = AudioCache(folder / "cache", sample_rate=settings.audio.sample_rate)
    trained = train(parts.train, parts.validation, settings=settings, cache=cache)
    return export(trained, folder / f"{recipe}.sonotype").path
