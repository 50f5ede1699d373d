"""Every graph that a bundle carries can be used, and says what the model says."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from sonotype.bundle import MANIFEST
from sonotype.errors import BundleError, MissingDependencyError, SettingError
from sonotype.inference.classifier import load
from sonotype.inference.online_detection import live_info
from sonotype.runtime import GRAPHS, OpenVino

PAST = Path(__file__).parent / "data" / "tones_v1.sonotype"
NEEDS = {"onnx": ("onnx", "onnxruntime", "tf2onnx"), "openvino": ("openvino", "onnx")}
NAMES = [name for name in GRAPHS if name != "litert-int8-full"]  # it needs recordings


def missing(name: str) -> bool:
    return any(find_spec(package) is None for package in NEEDS.get(name, ()))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle with every graph that can be made here."""
    from sonotype.bundle import read_bundle
    from sonotype.exporters.add_format import add_format, make_examples
    from sonotype.exporters.formats import FORMATS
    from sonotype.training.load import load_trained

    path = tmp_path_factory.mktemp("runtime") / "tones.sonotype"
    shutil.copytree(PAST, path)
    opened = read_bundle(path)
    model = load_trained(opened).model
    examples = make_examples(opened, model)
    for name in NAMES:
        if name != "litert" and not missing(name):
            add_format(opened, FORMATS[name], model, examples)
    return path


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    if missing(request.param):
        pytest.skip(f"what runs {request.param} is not installed")
    return str(request.param)


def test_graphs_are_the_files_that_exports_write() -> None:
    from sonotype.exporters.formats import FORMATS

    for name, graph in GRAPHS.items():
        assert (FORMATS[name].file, FORMATS[name].open) == (graph.file, graph.open)


def test_every_graph_gives_the_scores_of_litert(bundle: Path, name: str) -> None:
    rng = np.random.default_rng(2)
    clips = 0.2 * rng.standard_normal((5, 3_000)) * np.sin(np.arange(3_000))
    exact = load(bundle)
    other = load(bundle, runtime=name)
    tolerance = {"litert-float16": 5e-3, "litert-int8": 0.05}.get(name, 1e-5)
    for clip in clips:
        expected = dict(exact.predict(clip))
        assert dict(other.predict(clip)) == pytest.approx(expected, abs=tolerance)
    assert other.graph_sha256 != exact.graph_sha256 or name == "litert"
    assert live_info(other, "a microphone").graph_sha256 == other.graph_sha256


def test_threads_change_no_score(bundle: Path, name: str, tone_folder: Path) -> None:
    files = sorted(tone_folder.rglob("*.wav"))[:20]
    classifier = load(bundle, runtime=name)
    expected = [classifier.predict(file) for file in files]
    for n_threads in (1, 2, 3):
        assert list(classifier.predict_many(files, n_threads=n_threads)) == expected


def test_other_golden_scores_are_refused_in_every_runtime(
    bundle: Path, name: str, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy.sonotype"))
    content = json.loads((copy / MANIFEST).read_text())
    about = content["exports"].get(GRAPHS[name].file, {})
    if "golden_scores" in about:
        about["golden_scores"][0].reverse()
    content["golden"][0]["scores"].reverse()
    (copy / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(BundleError, match="gives other scores here"):
        load(copy, runtime=name)


def test_golden_scores_that_are_none_are_refused(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy.sonotype"))
    content = json.loads((copy / MANIFEST).read_text())
    about = content["exports"]["model-int8.tflite"]
    wrongs: tuple[object, ...] = ([[1.0]], "all", [["a", "b"]] * 3, {})
    for wrong in wrongs:
        about["golden_scores"] = wrong
        (copy / MANIFEST).write_text(json.dumps(content))
        with pytest.raises(BundleError, match=r"scores of model-int8\.tflite are not"):
            load(copy, runtime="litert-int8")


def test_a_swapped_file_of_a_folder_is_refused(bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    copy = Path(shutil.copytree(bundle, tmp_path / "copy.sonotype"))
    weights = copy / "openvino" / "model.bin"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with pytest.raises(BundleError, match="not the file this bundle was written with"):
        load(copy, runtime="openvino")
    assert load(copy).graph == "litert"  # which does not use it


def test_graphs_that_are_not_there_are_refused() -> None:
    with pytest.raises(BundleError, match=r"no model\.onnx; add it .* --to onnx"):
        load(PAST, runtime="onnx")
    with pytest.raises(SettingError, match="runtime 'onx' is unknown"):
        load(PAST, runtime="onx")


def test_a_folder_without_a_graph_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    with pytest.raises(BundleError, match="does not load in OpenVINO"):
        OpenVino(tmp_path)
    (tmp_path / "model.xml").write_text("<net>")
    with pytest.raises(BundleError, match="does not load in OpenVINO"):
        OpenVino(tmp_path)


def test_without_openvino_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingDependencyError, match=r"sonotype\[openvino\]"):
        OpenVino(tmp_path)


def test_openvino_tells_nobody_that_it_is_used(tmp_path: Path) -> None:
    """Its package for that would note the use in the home folder, and send it."""
    pytest.importorskip("openvino")
    code = (
        "import sys\n"
        "from sonotype.runtime import import_openvino\n"
        "import_openvino()\n"
        "print([name for name in sys.modules if name.startswith('openvino_tel')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(tmp_path)},
    )
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []
