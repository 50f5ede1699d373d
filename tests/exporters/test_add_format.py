"""A format comes into a bundle whole and proven, or the bundle stays as it was."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.bundle import Bundle, Manifest, read_bundle
from sonotype.errors import (
    BundleError,
    ExportError,
    MissingDependencyError,
    SettingError,
)
from sonotype.exporters import add_format as exporting
from sonotype.exporters.add_format import (
    Examples,
    RealClips,
    add_format,
    make_examples,
)
from sonotype.exporters.formats import FORMATS
from sonotype.exporters.litert import to_litert
from sonotype.inference.classifier import load
from sonotype.training.load import load_trained

OLD = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"
SMALL = FORMATS["litert-float16"]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return load_trained(read_bundle(OLD)).model


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return read_bundle(shutil.copytree(OLD, tmp_path / "tones.sonotype"))


@pytest.fixture
def examples(bundle: Bundle, model: keras.Model) -> Examples:
    return make_examples(bundle, model)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder.parent).as_posix(): file.read_bytes()
        for file in folder.parent.rglob("*")
        if file.is_file()
    }


def test_golden_inputs_come_first_and_real_clips_behind(
    bundle: Bundle, model: keras.Model
) -> None:
    samples = np.random.default_rng(0).standard_normal((4, 2_000)).astype(np.float32)
    real = RealClips(samples, lambda scores: float(len(scores)), samples)
    examples = make_examples(bundle, model, real)
    assert (examples.n_golden, len(examples.samples)) == (3, 7)
    written = [golden.scores for golden in bundle.manifest.golden]
    np.testing.assert_allclose(examples.expected[:3], written, atol=1e-5)
    assert examples.accuracy_of(examples.expected) == 4.0
    assert examples.calibration is samples


def test_an_old_bundle_gets_a_new_format_and_still_opens(
    bundle: Bundle, model: keras.Model, examples: Examples
) -> None:
    added = add_format(bundle, SMALL, model, examples)
    again = read_bundle(bundle.path)
    content = again.file("model-float16.tflite").read_bytes()
    about = again.manifest.exports["model-float16.tflite"]
    assert added.n_bytes == len(content) == about["n_bytes"]
    assert about["format"] == "litert-float16"
    assert about["n_clips"] == 3
    assert about["mean_difference"] == added.agreement.mean_difference <= 0.005
    assert about["n_operators"] == added.facts["n_operators"]
    assert added.ms_per_clip > 0
    assert added.accuracy is None
    # Nothing else changed, in the manifest or in the folder.
    before, after = bundle.manifest.model_dump(), again.manifest.model_dump()
    del after["files"]["model-float16.tflite"], after["exports"]["model-float16.tflite"]
    assert after == before
    assert load(bundle.path).check_golden() < 1e-4
    assert [path.name for path in bundle.path.parent.iterdir()] == [bundle.path.name]


def test_the_change_of_accuracy_is_written_down(
    bundle: Bundle, model: keras.Model
) -> None:
    samples = np.zeros((2, 2_000), np.float32)
    answers = iter([0.75, 1.0])
    real = RealClips(samples, lambda _: next(answers), samples)
    added = add_format(bundle, SMALL, model, make_examples(bundle, model, real))
    assert (added.accuracy, added.accuracy_change) == (0.75, -0.25)
    about = read_bundle(bundle.path).manifest.exports[SMALL.file]
    assert about["accuracy_change"] == -0.25


def test_a_format_that_is_there_is_replaced_only_when_asked(
    bundle: Bundle, model: keras.Model, examples: Examples
) -> None:
    litert = FORMATS["litert"]
    before = bundle.file("model.tflite").read_bytes()
    with pytest.raises(SettingError, match=r"holds model\.tflite already.*--force"):
        add_format(bundle, litert, model, examples)
    assert bundle.file("model.tflite").read_bytes() == before
    add_format(bundle, litert, model, examples, replace=True)
    assert load(bundle.path).check_golden() < 1e-4
    manifest = read_bundle(bundle.path).manifest
    assert manifest.exports["model.tflite"]["n_clips"] == 3
    assert manifest.embedding_channels == model.get_layer("backbone").output_shape[-1]


def test_a_folder_of_several_files_is_listed_and_replaced_whole(
    bundle: Bundle, model: keras.Model, examples: Examples
) -> None:
    def write(_: keras.Model, clips: np.ndarray | None, path: Path) -> None:
        (path / "parts").mkdir(parents=True)
        for name in names:
            (path / "parts" / name).write_bytes(name.encode())

    class Repeats:
        n_samples, n_labels = 2_000, 2

        def __init__(self, path: Path) -> None:
            assert path.is_dir()

        def scores(self, samples: np.ndarray) -> np.ndarray:
            return np.resize(examples.expected, (len(samples), 2))

    row = dataclasses.replace(
        FORMATS["saved-model"], write=write, open=Repeats, packages=()
    )
    names = ["a", "b"]
    assert add_format(bundle, row, model, examples).n_bytes == 2
    again = read_bundle(bundle.path)
    assert again.file("saved_model/parts/b").read_bytes() == b"b"
    names = ["b", "c"]
    with pytest.raises(SettingError, match="holds saved_model already"):
        add_format(again, row, model, examples)
    add_format(again, row, model, examples, replace=True)
    listed = read_bundle(bundle.path).manifest.files
    assert [name for name in listed if "saved" in name] == [
        "saved_model/parts/b",
        "saved_model/parts/c",
    ]
    assert not (bundle.path / "saved_model/parts/a").exists()


def slightly_wrong(model: keras.Model, clips: np.ndarray | None, path: Path) -> None:
    other = keras.models.clone_model(model)
    other.set_weights([weight * 1.5 for weight in model.get_weights()])
    path.write_bytes(to_litert(other))


def not_a_graph(model: keras.Model, clips: np.ndarray | None, path: Path) -> None:
    path.write_bytes(b"TFL3 and nothing else")


@pytest.mark.parametrize(
    ("write", "error"), [(slightly_wrong, ExportError), (not_a_graph, BundleError)]
)
def test_a_file_that_disagrees_or_does_not_load_is_not_kept(
    write: Callable[[keras.Model, Any, Path], None],
    error: type[Exception],
    bundle: Bundle,
    model: keras.Model,
    examples: Examples,
) -> None:
    before = contents(bundle.path)
    row = dataclasses.replace(SMALL, write=write)
    with pytest.raises(error, match=r"disagrees with the model|does not load"):
        add_format(bundle, row, model, examples)
    assert contents(bundle.path) == before


def test_a_run_that_dies_while_it_writes_leaves_the_bundle_as_it_was(
    bundle: Bundle,
    model: keras.Model,
    examples: Examples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full_disk(folder: Path, manifest: Manifest) -> None:
        assert (folder / SMALL.file).is_file()
        raise OSError("no space left on device")

    before = contents(bundle.path)
    monkeypatch.setattr(exporting, "write_manifest", full_disk)
    with pytest.raises(OSError, match="no space"):
        add_format(bundle, SMALL, model, examples)
    assert contents(bundle.path) == before


def test_what_is_missing_is_said_before_any_work(
    bundle: Bundle, model: keras.Model, examples: Examples
) -> None:
    row = dataclasses.replace(SMALL, packages=("no_such_package",), extra="onnx")
    with pytest.raises(MissingDependencyError, match=r"no_such_package.*\[onnx\]"):
        add_format(bundle, row, model, examples)
    with pytest.raises(SettingError, match="give some with --data"):
        add_format(bundle, FORMATS["litert-int8-full"], model, examples)


def test_an_edited_graph_is_refused(
    bundle: Bundle, model: keras.Model, examples: Examples
) -> None:
    add_format(bundle, SMALL, model, examples)
    graph = bundle.path / SMALL.file
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    with pytest.raises(BundleError, match="not the file this bundle was written with"):
        read_bundle(bundle.path).file(SMALL.file)


def test_model_json_stays_readable(
    bundle: Bundle, model: keras.Model, examples: Examples
) -> None:
    add_format(bundle, SMALL, model, examples)
    written = json.loads((bundle.path / "model.json").read_text())
    assert written["format_version"] == 1
    assert list(written["files"]) == sorted(written["files"])
