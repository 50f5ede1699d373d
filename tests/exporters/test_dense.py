"""The dense graph comes into a bundle proven, and with what it changes."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

from sonotype.bundle import DENSE_GRAPH, Bundle, read_bundle
from sonotype.errors import BundleError
from sonotype.exporters.add_format import RealClips, add_format, make_examples
from sonotype.exporters.formats import FORMATS
from sonotype.inference.classifier import load
from sonotype.inference.scan import WindowScores
from sonotype.models.residual import residual_network
from sonotype.training.load import load_trained

OLD = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return load_trained(read_bundle(OLD)).model


@pytest.fixture(scope="module")
def clips() -> np.ndarray:
    rng = np.random.default_rng(0)
    pitch = rng.choice([440.0, 1_760.0], size=(40, 1)) * rng.uniform(0.9, 1.1, (40, 1))
    tones = 0.3 * np.sin(2 * np.pi * pitch * np.arange(2_000) / 8_000)
    return (tones + 0.02 * rng.standard_normal(tones.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def bundle(
    model: keras.Model, clips: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    folder = tmp_path_factory.mktemp("dense") / "tones.sonotype"
    bundle = read_bundle(shutil.copytree(OLD, folder))
    real = RealClips(clips, lambda scores: 0.0, clips)
    examples = make_examples(bundle, model, real)
    added = add_format(bundle, FORMATS["litert-dense"], model, examples)
    assert added.agreement.largest_difference <= 1e-4
    assert added.accuracy is None  # of stretches there is none
    return read_bundle(folder)


def test_the_difference_to_windows_by_themselves_is_that_of_the_two_graphs(
    bundle: Bundle, clips: np.ndarray, tmp_path: Path
) -> None:
    about = bundle.manifest.exports[DENSE_GRAPH]
    classifier = load(bundle.path)
    shuffled = np.random.default_rng(0).permutation(clips)
    stretch = np.resize(shuffled, 4 * about["stretch_samples"])
    soundfile.write(tmp_path / "a.wav", stretch, 8_000, subtype="FLOAT")
    hop = about["stride_samples"] / 8_000
    dense, alone = (
        WindowScores.join(
            classifier.scan(tmp_path / "a.wav", hop_seconds=hop, dense=dense)
        ).scores
        for dense in (True, False)
    )
    assert 0 < about["window_difference"] < 0.1
    assert about["same_label"] > 0.8
    assert about["seam_difference"] <= 0.02
    # The stretches of a scan and of the exporter do not begin at the same samples.
    difference = np.abs(dense - alone).mean()
    assert difference == pytest.approx(about["window_difference"], rel=0.2)
    same = (dense.argmax(axis=1) == alone.argmax(axis=1)).mean()
    assert same == pytest.approx(about["same_label"], abs=0.05)
    # The last window is scored by itself.
    np.testing.assert_array_equal(dense[-1], alone[-1])


def test_a_scan_is_one_pass_of_the_keras_network_over_the_recording(
    bundle: Bundle, model: keras.Model, clips: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, clips.ravel(), 8_000, subtype="FLOAT")
    classifier = load(bundle.path)
    layout = classifier.dense.layout
    hop = layout.stride_samples / 8_000
    found = WindowScores.join(classifier.scan(path, hop_seconds=hop, dense=True))
    before = layout.first_sample
    # Where convolutions with a step begin depends on how many frames there are.
    after = 16_000 - (before + clips.size + 16_000 - 2_000) % (4 * 80)
    padded = np.pad(clips.ravel(), (before, after))[None]
    frontend, backbone = model.get_layer("frontend"), model.get_layer("backbone")
    features = frontend.layers[-1](padded)
    long = residual_network(
        features.shape[1:], channels=(4, 4), strides=(2, 2), stem_kernel_size=5
    )
    long.set_weights(backbone.get_weights())
    long_map = long.predict(features, verbose=0)
    n_frames, per_frame = backbone.output_shape[1], 4 * 80
    rows = []
    for start in before + layout.stride_samples * np.arange(len(found) - 1):
        place = start // per_frame
        part = long_map[:, place : place + n_frames]
        rows.append(keras.ops.convert_to_numpy(model.get_layer("head")(part))[0])
    np.testing.assert_allclose(found.scores[:-1], rows, atol=5e-3)


def test_another_graph_in_its_place_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle.path, tmp_path / "b.sonotype")
    with (folder / DENSE_GRAPH).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(BundleError, match="is not the file this bundle was written"):
        _ = load(folder).dense


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("golden_scores", [0.5, 0.5], "gives other scores here"),
        ("golden_scores", [0.5], "gives other scores here"),
        ("n_windows", 3, r"but model\.json says \d+ and 6"),
    ],
)
def test_a_graph_that_says_something_else_is_refused(
    name: str, value: object, message: str, bundle: Bundle, tmp_path: Path
) -> None:
    folder = shutil.copytree(bundle.path, tmp_path / "b.sonotype")
    content = json.loads((folder / "model.json").read_text())
    content["exports"][DENSE_GRAPH][name] = value
    (folder / "model.json").write_text(json.dumps(content))
    with pytest.raises(BundleError, match=message):
        _ = load(folder).dense


def test_it_is_asked_for_by_name_alone() -> None:
    assert not FORMATS["litert-dense"].is_in_all
