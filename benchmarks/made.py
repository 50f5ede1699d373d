"""Made-up inputs for benchmarks that time things and need no particular sound."""

import struct
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
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


def noise_file(path: Path, *, sample_rate: int, minutes: float) -> Path:
    """Write a recording of noise, a second at a time; a file that is there stays."""
    if path.exists():
        return path
    generator = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", sample_rate, 1, "PCM_16") as sound:
        for _ in range(round(60 * minutes)):
            sound.write(0.1 * generator.standard_normal(sample_rate))
    return path


def silent_file(path: Path, *, sample_rate: int, seconds: float) -> Path:
    """Write a 16-bit recording of silence, of any length: a hole that takes no room."""
    soundfile.write(path, np.zeros(0), sample_rate, format="RF64", subtype="PCM_16")
    with path.open("r+b") as stream:
        content = bytearray(stream.read())
        n_bytes = 2 * round(seconds * sample_rate)
        sizes = content.index(b"ds64") + 8
        lengths = (len(content) + n_bytes - 8, n_bytes, n_bytes // 2)
        content[sizes : sizes + 24] = struct.pack("<QQQ", *lengths)
        content[:4] = b"RF64"
        data = content.index(b"data") + 4
        content[4:8] = content[data : data + 4] = b"\xff" * 4
        stream.seek(0)
        stream.write(content)
        stream.truncate(len(content) + n_bytes)
    return path


def untrained_bundle_apart(folder: Path, recipe: str) -> tuple[Path, int]:
    """Return a bundle as of `untrained_bundle` and the multiply-adds of its network.

    Made in another process: TensorFlow takes memory and changes how it is handed out.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_bundle_and_macs, folder, recipe).result()


def _bundle_and_macs(folder: Path, recipe: str) -> tuple[Path, int]:
    from sonotype.models.cost import count_macs
    from sonotype.training.load import load_model

    bundle = untrained_bundle(folder, recipe)
    return bundle, count_macs(load_model(bundle / "model.keras"))


def untrained_bundle(folder: Path, recipe: str) -> Path:
    """Write a bundle whose weights are random, through one step of training.

    Args:
        folder: Where it is written, with the noise it has seen.
        recipe: Name of a recipe; nothing is kept of what its weights were trained on.
    """
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
            "training.transfer": "scratch",
            "model.weights": "none",
        },
    )
    cache = AudioCache(folder / "cache", sample_rate=settings.audio.sample_rate)
    trained = train(parts.train, parts.validation, settings=settings, cache=cache)
    return export(trained, folder / f"{recipe}.sonotype").path
