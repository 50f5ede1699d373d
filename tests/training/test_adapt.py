"""Statistics of the training clips reach the front end, and the bundle."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tests.conftest import TINY

from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.split import Split
from sonotype.exporters.litert import to_litert
from sonotype.frontend.log_mel import LogMel
from sonotype.settings import Settings, read_settings
from sonotype.training.adapt import adapt_frontend
from sonotype.training.train import train

FRONTEND = [
    {"layer": "log_mel", "n_mels": 20, "log": "none"},
    {"layer": "pcen", "trainable": True},
    {"layer": "normalize"},
]


@pytest.fixture(scope="module")
def settings() -> Settings:
    overrides: dict[str, Any] = {**TINY, "frontend": FRONTEND, "training.epochs": 2}
    return read_settings("default", overrides=overrides)


def test_training_learns_the_statistics_of_its_own_clips(
    tone_split: Split, settings: Settings, tmp_path: Path
) -> None:
    cache = AudioCache(tmp_path, sample_rate=8_000)
    trained = train(
        tone_split.train, tone_split.validation, settings=settings, cache=cache
    )
    frontend = trained.model.get_layer("frontend")
    pcen, normalize = frontend.layers[-2:]
    assert not np.allclose(pcen.log_gain, np.log(0.98))
    assert normalize.is_adapted
    assert len(to_litert(trained.model)) > 0


def test_means_are_those_of_the_clips_and_a_second_time_changes_nothing(
    tone_split: Split, tmp_path: Path
) -> None:
    from sonotype.frontend.normalize import Normalize

    cache = AudioCache(tmp_path, sample_rate=8_000)
    audio = cache.load_all(tone_split.train)
    log_mel, normalize = LogMel(sample_rate=8_000, n_mels=20), Normalize()
    inputs = keras.Input((2_000,))
    frontend = keras.Model(inputs, normalize(log_mel(inputs)))
    adapt_frontend(frontend, audio, n_samples=2_000)
    features = np.asarray(log_mel(audio.batch(np.arange(len(audio)), 2_000)))
    np.testing.assert_allclose(normalize.mean, features.mean((0, 1)), rtol=1e-4)
    adapt_frontend(frontend, cache.load_all(tone_split.test), n_samples=2_000)
    np.testing.assert_allclose(normalize.mean, features.mean((0, 1)), rtol=1e-4)
