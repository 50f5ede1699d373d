"""Bundles of the past open for ever: `tests/data/tones_v1.sonotype` is never remade."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.bundle import read_bundle
from sonotype.inference.classifier import load
from sonotype.training.load import load_trained

DATA = Path(__file__).parent / "data"
BUNDLE = DATA / "tones_v1.sonotype"
# What it answered on the day it was made.
SCORES = {"high": 0.94086748, "low": 0.94057328}


@pytest.mark.parametrize("label", SCORES)
def test_format_1_opens_and_answers_as_on_its_first_day(label: str) -> None:
    prediction = load(BUNDLE).predict(DATA / f"{label}.wav")
    assert prediction.label == label
    assert prediction.score == pytest.approx(SCORES[label], abs=1e-4)


def test_the_keras_model_of_format_1_loads_and_agrees() -> None:
    model = load_trained(read_bundle(BUNDLE)).model
    samples, _ = soundfile.read(DATA / "low.wav", dtype="float32")
    scores = model.predict_on_batch(samples[None])[0]
    np.testing.assert_allclose(scores.max(), SCORES["low"], atol=1e-4)


def test_every_key_of_format_1_is_still_understood() -> None:
    written = json.loads((BUNDLE / "model.json").read_text())
    assert read_bundle(BUNDLE).manifest.model_dump(mode="json") == written
