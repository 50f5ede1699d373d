"""The front end as numbers: numpy and the numbers say what the layers say."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.errors import BundleError, ExportError
from sonotype.exporters.micro.frontend_constants import read_frontend
from sonotype.exporters.micro.runtime import read_constants, write_constants
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.pad import Pad
from sonotype.frontend.pcen import PCEN
from sonotype.frontend.spectrogram import Spectrogram
from sonotype.frontend.standardize import Standardize

RATE = 8_000
N_SAMPLES = 2_001


def frontend(*layers: keras.layers.Layer) -> keras.Model:
    audio = keras.Input((N_SAMPLES,))
    flow = audio
    for layer in layers:
        flow = layer(flow)
    return keras.Model(audio, flow, name="frontend")


def log_mel(**settings: Any) -> LogMel:
    return LogMel(**{"sample_rate": RATE, "n_mels": 20, **settings})


@pytest.mark.parametrize(
    "layers",
    [
        [log_mel()],
        [log_mel(), Standardize(-6.0, 4.0)],
        [log_mel(log="decibels", floor=1e-10), Standardize(2.0, 3.0), Standardize()],
        [Pad(seconds=0.05, sample_rate=RATE), log_mel(log="floored")],
        [log_mel(log="decibels", range_db=40.0), Standardize(-20.0, 10.0)],
        [log_mel(framing="fft", n_fft=512, power=1.0)],
        [log_mel(framing="centre_zeros", window="hamming", filters="slaney")],
        [
            Pad(seconds=0.001, sample_rate=RATE),
            log_mel(framing="centre_reflect", filters="kaldi", hop_seconds=0.013),
        ],
    ],
    ids=lambda layers: "-".join(layer.name for layer in layers),
)
def test_numpy_and_the_numbers_say_what_the_layers_say(
    layers: list[keras.layers.Layer], rng: np.random.Generator
) -> None:
    model = frontend(*layers)
    clips = rng.uniform(-0.5, 0.5, (3, N_SAMPLES)).astype(np.float32)
    clips[1] *= 1e-3
    clips[2] = 0.0
    constants = read_frontend(model)
    assert (constants.n_frames, len(constants.bands)) == model.output_shape[1:]
    expected = model.predict(clips, verbose=0)
    np.testing.assert_allclose(constants.features(clips), expected, atol=2e-3)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([log_mel(), PCEN()], "has PCEN where Standardize is expected"),
        ([Standardize(), log_mel()], "has Standardize where LogMel is expected"),
        ([Spectrogram(frame_length=256)], "has Spectrogram where LogMel is expected"),
        ([Pad(seconds=1, sample_rate=RATE)], "has no such layer where LogMel is"),
        ([log_mel(log="none", name="bands")], 'the layer bands: it has log="none"'),
        ([log_mel(n_fft=400, name="bands")], "the layer bands: it has an FFT of 400"),
    ],
)
def test_what_c_does_not_compute_is_refused_by_the_name_of_its_layer(
    layers: list[keras.layers.Layer], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        read_frontend(frontend(*layers))


def test_json_keeps_every_bit(tmp_path: Path) -> None:
    constants = read_frontend(frontend(log_mel(), Standardize()))
    write_constants(tmp_path / "c.json", constants, arena_bytes=7)
    assert read_constants(tmp_path / "c.json") == (constants, {"arena_bytes": 7})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"frontend": {"bands": [1]}}'])
def test_a_file_that_holds_no_front_end_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(BundleError, match=r"c\.json does not hold a front end"):
        read_constants(tmp_path / "c.json")
