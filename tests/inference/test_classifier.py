import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal
import soundfile

from sonotype.bundle import MANIFEST
from sonotype.errors import AudioError, BundleError
from sonotype.inference.classifier import load


def tone(rate: int, *, hertz: float, n_seconds: float = 0.25) -> np.ndarray:
    """Return what the model has learned at 8 kHz, resampled by somebody else."""
    seconds = np.arange(round(8_000 * n_seconds)) / 8_000
    noise = np.random.default_rng(0).standard_normal(len(seconds))
    wave = 0.3 * np.sin(2 * np.pi * hertz * seconds) + 0.05 * noise
    resampled: np.ndarray = scipy.signal.resample_poly(wave, rate, 8_000)
    return resampled


def copy_of(bundle: Path, folder: Path) -> Path:
    return Path(shutil.copytree(bundle, folder / "copy.sonotype"))


def edit_manifest(bundle: Path, **changes: Any) -> None:
    content = json.loads((bundle / MANIFEST).read_text()) | changes
    (bundle / MANIFEST).write_text(json.dumps(content))


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_any_rate_channels_and_format(
    bundle_path: Path, tmp_path: Path, rate: int, channels: int, suffix: str
) -> None:
    classifier = load(bundle_path)
    for label, hertz in {"low": 440.0, "high": 1_760.0}.items():
        path = tmp_path / f"{label}{suffix}"
        clip = tone(rate, hertz=hertz)
        soundfile.write(path, np.stack([clip] * channels, axis=1), rate)
        assert classifier.predict(path).label == label


def test_samples_give_the_scores_of_their_file(
    bundle_path: Path, tmp_path: Path
) -> None:
    classifier = load(bundle_path)
    clip = np.round(tone(8_000, hertz=440.0) * 32768) / 32768
    soundfile.write(tmp_path / "a.wav", clip, 8_000)
    assert dict(classifier.predict(tmp_path / "a.wav")) == dict(
        classifier.predict(clip)
    )


def test_samples_of_another_rate_are_resampled(bundle_path: Path) -> None:
    prediction = load(bundle_path).predict(
        tone(48_000, hertz=1_760.0), sample_rate=48_000
    )
    assert prediction.label == "high"


def test_a_long_clip_is_the_mean_of_its_windows(bundle_path: Path) -> None:
    classifier = load(bundle_path)
    first, second = tone(8_000, hertz=440.0), tone(8_000, hertz=1_760.0)
    joined = np.concatenate([first, second])
    middle = joined[1_000:3_000]
    windows = [dict(classifier.predict(part)) for part in (first, middle, second)]
    mean = {label: np.mean([part[label] for part in windows]) for label in windows[0]}
    assert dict(classifier.predict(joined)) == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros((2, 100)), r"1-D array .* shape \(2, 100\)"),
        (np.zeros(100, np.int16), "dtype int16"),
        (np.zeros(0), "at least one"),
        (np.full(100, np.nan), "finite"),
    ],
)
def test_samples_that_are_no_clip_are_refused(
    bundle_path: Path, samples: np.ndarray, reason: str
) -> None:
    with pytest.raises(AudioError, match=reason):
        load(bundle_path).predict(samples)


def test_predict_many_is_predict_of_each(bundle_path: Path, tone_folder: Path) -> None:
    files = sorted(tone_folder.rglob("*_nohash_0.wav"))[:4]
    classifier = load(bundle_path)
    assert list(classifier.predict_many(files)) == [
        classifier.predict(f) for f in files
    ]


def test_a_swapped_graph_is_refused(bundle_path: Path, tmp_path: Path) -> None:
    copy = copy_of(bundle_path, tmp_path)
    graph = bytearray((copy / "model.tflite").read_bytes())
    graph[len(graph) // 2] ^= 1
    (copy / "model.tflite").write_bytes(graph)
    with pytest.raises(BundleError, match="not the file this bundle was written with"):
        load(copy)


def test_other_golden_scores_are_refused(bundle_path: Path, tmp_path: Path) -> None:
    copy = copy_of(bundle_path, tmp_path)
    golden = json.loads((copy / MANIFEST).read_text())["golden"]
    golden[0]["scores"] = golden[0]["scores"][::-1]
    edit_manifest(copy, golden=golden)
    with pytest.raises(BundleError, match="gives other scores here"):
        load(copy)


def test_labels_that_do_not_fit_the_graph_are_refused(
    bundle_path: Path, tmp_path: Path
) -> None:
    copy = copy_of(bundle_path, tmp_path)
    edit_manifest(copy, labels=["one", "two"])
    with pytest.raises(
        BundleError, match=r"to 3 scores, but model\.json says .* and 2"
    ):
        load(copy)


def test_a_graph_that_is_none_is_refused(bundle_path: Path, tmp_path: Path) -> None:
    from sonotype.bundle import describe_file

    copy = copy_of(bundle_path, tmp_path)
    (copy / "model.tflite").write_bytes(b"no graph at all")
    files = json.loads((copy / MANIFEST).read_text())["files"]
    files["model.tflite"] = describe_file(copy / "model.tflite").model_dump()
    edit_manifest(copy, files=files)
    with pytest.raises(BundleError, match="does not load in LiteRT"):
        load(copy)


def test_predicting_imports_neither_tensorflow_nor_keras(
    bundle_path: Path, tone_folder: Path
) -> None:
    clip = next(tone_folder.rglob("*.wav"))
    code = (
        "import sys, sonotype\n"
        "prediction = sonotype.load(sys.argv[1]).predict(sys.argv[2])\n"
        "print(prediction.label, {'tensorflow', 'keras', 'polars'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, bundle_path, clip],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[1:] == ["set()"]
