"""Shared fixtures: made-up recordings, and a tiny model trained on them once."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import settings

# No example database: a checkout may be read-only, and CI starts from nothing.
settings.register_profile("sonotype", database=None, deadline=None)
settings.load_profile("sonotype")

SAMPLE_RATE = 8_000
CLIP_SECONDS = 0.25
TONES_HZ = {"high": 1_760.0, "low": 440.0, "noise": None}
N_SPEAKERS = 10

TINY = {
    "audio.sample_rate": SAMPLE_RATE,
    "audio.clip_seconds": CLIP_SECONDS,
    "frontend": [{"layer": "log_mel", "n_mels": 20}],
    "augment": {"waveform": [], "spectrogram": []},
    "model.options": {"channels": [8, 8], "strides": [2, 2]},
    "training.epochs": 6,
    "training.batch_size": 16,
    "training.learning_rate": 0.01,
}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Start every test that builds networks from the same random weights."""
    keras = sys.modules.get("keras")  # the other tests need not wait for its import
    if keras is not None:
        keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests out of the user's cache, without a fresh one for every test."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.getbasetemp() / "sonotype-cache"
        patch.setenv("SONOTYPE_CACHE", str(folder))
        yield


@pytest.fixture(scope="session")
def tone_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes anyone can tell apart: two tones and noise, by ten speakers."""
    root = tmp_path_factory.mktemp("tones")
    generator = np.random.default_rng(0)
    n_samples = round(CLIP_SECONDS * SAMPLE_RATE)
    seconds = np.arange(n_samples) / SAMPLE_RATE
    for label, hertz in TONES_HZ.items():
        (root / label).mkdir()
        for speaker in range(N_SPEAKERS):
            for take in range(3):
                clip = 0.05 * generator.standard_normal(n_samples)
                if hertz is not None:
                    pitch = hertz * generator.uniform(0.95, 1.05)
                    clip += 0.3 * np.sin(2 * np.pi * pitch * seconds)
                name = f"{speaker:08x}_nohash_{take}.wav"
                soundfile.write(root / label / name, clip, SAMPLE_RATE)
    return root


@pytest.fixture(scope="session")
def tiny_settings() -> Any:
    from sonotype.settings import read_settings

    return read_settings("default", overrides=TINY)


@pytest.fixture(scope="session")
def tone_split(tone_folder: Path) -> Any:
    from sonotype.dataset.readers.folder import read_folder
    from sonotype.dataset.split import split

    return split(read_folder(tone_folder), validation=0.2, test=0.2, seed=0)


@pytest.fixture(scope="session")
def trained(
    tone_split: Any, tiny_settings: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    from sonotype.dataset.cache.audio_cache import AudioCache
    from sonotype.training.train import train

    folder = tmp_path_factory.mktemp("cache")
    return train(
        tone_split.train,
        tone_split.validation,
        settings=tiny_settings,
        cache=AudioCache(folder, sample_rate=SAMPLE_RATE),
    )


@pytest.fixture(scope="session")
def bundle_path(
    trained: Any, tone_split: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    from sonotype.evaluation.evaluate import evaluate
    from sonotype.exporters.export import export

    path = tmp_path_factory.mktemp("bundle") / "tones.sonotype"
    metrics = evaluate(trained, tone_split.test).to_dict()
    export(trained, path, test_metrics=metrics)
    return path
