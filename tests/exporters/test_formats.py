"""Every row of the table: it writes a file that says what the model says."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from sonotype.errors import BundleError, ExportError
from sonotype.exporters.formats import FORMATS
from sonotype.exporters.litert import to_small_litert
from sonotype.exporters.saved_model import SavedModel, write_saved_model
from sonotype.exporters.verify import compare
from sonotype.frontend.log_mel import LogMel
from sonotype.models.classifier import build_classifier
from sonotype.runtime import LiteRT

RATE = 8_000
INTEGERS = ("litert-int8", "litert-int8-full")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Return a network that tells tones apart by their pitch, after a few steps."""
    keras.utils.set_random_seed(1)
    model = build_classifier(
        [LogMel(sample_rate=RATE, n_mels=20)],
        n_classes=3,
        clip_seconds=0.25,
        channels=[16, 16, 32],
        strides=[2, 2, 2],
        dropout=0.0,
    )
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    model.fit(tones(96), np.arange(96) * 3 // 96, epochs=8, verbose=0, shuffle=True)
    return model


def tones(n_clips: int) -> np.ndarray:
    """Return tones in noise, from low to high, some 40 dB below others."""
    rng = np.random.default_rng(3)
    seconds = np.arange(RATE // 4) / RATE
    pitches = np.geomspace(150.0, 3_500.0, n_clips)[:, None]
    clips = np.sin(2 * np.pi * pitches * seconds)
    clips += 0.03 * rng.standard_normal(clips.shape)
    levels = 10.0 ** rng.uniform(-2.5, -0.5, (n_clips, 1))
    return np.asarray(levels * clips, np.float32)


# A dense graph scores other windows: see test_dense.py.
@pytest.fixture(params=[name for name in FORMATS if name != "litert-dense"])
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    package = FORMATS[request.param].missing()
    if package is not None:
        pytest.skip(f"{package} is not installed")
    return request.param


def test_names_and_files_are_distinct() -> None:
    assert list(FORMATS) == [row.name for row in FORMATS.values()]
    assert len({row.file for row in FORMATS.values()}) == len(FORMATS)


def test_every_format_says_what_the_model_says(
    name: str, model: keras.Model, tmp_path: Path
) -> None:
    row = FORMATS[name]
    clips = tones(41)
    expected = np.asarray(model(clips))
    assert (expected.max(axis=1) > 0.9).mean() > 0.5  # it has learned to be sure
    row.write(model, tones(30), tmp_path / row.file)
    runtime = row.open(tmp_path / row.file)
    assert (runtime.n_samples, runtime.n_labels) == (RATE // 4, 3)
    found = runtime.scores(clips)
    agreement = compare(found, expected, tolerance=row.tolerance, measure=row.measure)
    assert agreement.n_clips == 41
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9
    facts = row.facts(tmp_path / row.file)
    assert facts.get("n_operators", 20) >= (20 if name != "micro" else 10)
    assert facts.get("opset", 18) == 18


@pytest.mark.parametrize("name", INTEGERS)
def test_the_front_end_is_not_rounded(
    name: str, model: keras.Model, tmp_path: Path
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    row = FORMATS[name]
    row.write(model, tones(30), tmp_path / row.file)
    tensors = Interpreter(str(tmp_path / row.file)).get_tensor_details()
    filters = [tensor for tensor in tensors if tuple(tensor["shape"]) == (20, 129)]
    assert {tensor["dtype"] for tensor in filters} == {np.float32}
    kernels = [tensor for tensor in tensors if tuple(tensor["shape"]) == (32, 3, 3, 16)]
    assert {tensor["dtype"] for tensor in kernels} == {np.int8}


def test_less_precise_is_smaller(model: keras.Model, tmp_path: Path) -> None:
    sizes = []
    for name in ("litert", "litert-float16", "litert-int8"):
        FORMATS[name].write(model, None, tmp_path / name)
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes[0] > 1.5 * sizes[1]
    assert sizes[0] > 1.5 * sizes[2]


def test_integers_need_clips(model: keras.Model) -> None:
    with pytest.raises(ExportError, match="int8-full needs clips"):
        to_small_litert(model, "int8-full")


def test_loops_are_refused_before_they_crash_the_converter() -> None:
    frontend = LogMel(sample_rate=RATE, n_mels=20)
    model = build_classifier(
        frontend, n_classes=3, clip_seconds=0.25, backbone="crnn", channels=[4, 4]
    )
    with pytest.raises(ExportError, match=r"the loop of the layer .*gru.*; int8 has"):
        to_small_litert(model, "int8-full", tones(2))


def test_other_backends_are_told_what_to_set(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ExportError, match="set KERAS_BACKEND=tensorflow"):
        to_small_litert(model, "int8")
    with pytest.raises(ExportError, match="set KERAS_BACKEND=tensorflow"):
        write_saved_model(model, tmp_path / "saved")


def test_a_folder_that_is_no_saved_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not load in TensorFlow"):
        SavedModel(tmp_path)


def test_a_rounded_graph_is_still_a_litert_graph(
    model: keras.Model, tmp_path: Path
) -> None:
    (tmp_path / "m.tflite").write_bytes(to_small_litert(model, "int8"))
    one, two = (LiteRT(tmp_path / "m.tflite", n_threads=n) for n in (1, 2))
    np.testing.assert_allclose(one.scores(tones(3)), two.scores(tones(3)), atol=1e-6)
