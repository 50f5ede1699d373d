"""Versions compared with what the layers themselves give."""

import numpy as np
import pytest

from sonotype.settings import Settings, read_settings
from sonotype.training.build import build_frontend
from sonotype.training.versions import make_versions, plain_features

RATE = 8_000


def settings_with(
    waveform: list[dict[str, object]], spectrogram: list[dict[str, object]]
) -> Settings:
    return read_settings(
        overrides={
            "audio.sample_rate": RATE,
            "audio.clip_seconds": 0.25,
            "frontend": [{"layer": "log_mel", "n_mels": 20}],
            "augment": {"waveform": waveform, "spectrogram": spectrogram},
        }
    )


@pytest.fixture
def clips(rng: np.random.Generator) -> np.ndarray:
    return (0.1 * rng.standard_normal((2, 2_000))).astype(np.float32)


def test_the_drawn_gain_is_the_one_heard(clips: np.ndarray) -> None:
    settings = settings_with(
        [{"layer": "gain", "low_db": -20.0, "high_db": 0.0, "probability": 0.6}], []
    )
    versions = make_versions(clips, settings, count=8)
    assert [version.clip for version in versions] == [0] * 8 + [1] * 8
    gains = set()
    for version in versions:
        gain_db = 0.0
        if version.drawn:
            (parameter,) = version.drawn
            assert (parameter.layer, parameter.name) == ("gain", "gain_db")
            (gain_db,) = parameter.values
        gains.add(gain_db)
        expected = clips[version.clip] * 10 ** (gain_db / 20)
        np.testing.assert_allclose(version.samples, expected, rtol=1e-5)
    assert 0.0 in gains
    assert len(gains) > 6


def test_features_are_those_of_the_samples_then_varied(clips: np.ndarray) -> None:
    settings = settings_with(
        [{"layer": "polarity_flip"}], [{"layer": "mixup", "alpha": 1.0}]
    )
    plain = plain_features(clips, settings)
    (front_end,) = build_frontend(settings)
    np.testing.assert_allclose(plain, front_end(clips), atol=1e-5)
    for version in make_versions(clips, settings, count=3):
        (share,) = version.drawn[-1].values
        # Turned upside down or not, a clip has the same features.
        own, other = plain[version.clip], plain[1 - version.clip]
        expected = share * own + (1 - share) * other
        np.testing.assert_allclose(version.features, expected, atol=1e-4)


def test_a_layer_without_a_readable_parameter_is_still_told(clips: np.ndarray) -> None:
    settings = settings_with([{"layer": "polarity_flip", "probability": 1.0}], [])
    for version in make_versions(clips, settings, count=1):
        (parameter,) = version.drawn
        assert (parameter.name, parameter.values) == ("changed", ())
        np.testing.assert_array_equal(version.samples, -clips[version.clip])


def test_the_seed_decides(clips: np.ndarray) -> None:
    settings = settings_with([{"layer": "gain"}], [])
    first = make_versions(clips, settings, count=2)
    again = make_versions(clips, settings, count=2)
    other = make_versions(clips, settings.model_copy(update={"seed": 9}), count=2)
    assert [one.drawn for one in first] == [one.drawn for one in again]
    assert [one.drawn for one in first] != [one.drawn for one in other]


def test_every_layer_is_told(clips: np.ndarray) -> None:
    from sonotype.augment.table import AUGMENTATIONS

    needed = {"low_pass": [500.0, 2_000.0], "high_pass": [100.0, 500.0]}
    layers: dict[str, list[dict[str, object]]] = {"waveforms": [], "spectrograms": []}
    for name, layer in AUGMENTATIONS.items():
        entry: dict[str, object] = {"layer": name, "probability": 1.0}
        if name in needed:
            entry["cutoff_hz"] = needed[name]
        if name in ("shift", "time_mask"):
            entry["max_seconds"] = 0.05
        place = "waveforms" if layer.takes == "waveforms" else "spectrograms"
        layers[place].append(entry)
    settings = settings_with(layers["waveforms"], layers["spectrograms"])
    for version in make_versions(clips, settings, count=2):
        assert {drawn.layer for drawn in version.drawn} == set(AUGMENTATIONS)
        assert np.isfinite(version.features).all()
