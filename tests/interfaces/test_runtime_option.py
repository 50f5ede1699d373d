"""`--runtime`: another graph of the bundle, by the name it was exported as."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sonotype.errors import BundleError, SettingError
from sonotype.inference.classifier import load
from sonotype.inference.score_file import read_scores
from sonotype.interfaces.cli.evaluate import evaluate
from sonotype.interfaces.cli.export import export
from sonotype.interfaces.cli.listen import listen
from sonotype.interfaces.cli.predict import predict
from sonotype.interfaces.cli.scan import scan

app = typer.Typer()
for verb in (evaluate, export, listen, predict, scan):
    app.command()(verb)


def run(*words: Path | str) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_predict_and_evaluate_use_the_graph_that_is_named(
    bundle_path: Path, tone_folder: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(bundle_path, tmp_path / "copy.sonotype"))
    files = sorted(tone_folder.rglob("*.wav"))[:3]
    scores = {}
    assert run("export", bundle, "--to", "litert-float16").exit_code == 0
    for name in ("litert", "litert-float16"):
        done = run("predict", bundle, *files, "--runtime", name, "--format", "json")
        assert done.exit_code == 0, done.exception
        scores[name] = [row["scores"] for row in json.loads(done.stdout)]
        options = ["--runtime", name, "--format", "json", "--all", "--no-keras"]
        done = run("evaluate", bundle, tone_folder, *options)
        assert done.exit_code == 0, done.exception
        assert len(json.loads(done.stdout)) == 1
    assert name in json.loads(done.stdout)
    first, second = scores.values()
    assert first != second
    for one, other in zip(first, second, strict=True):
        assert other == pytest.approx(one, abs=0.01)


def test_a_name_that_is_none_or_not_there_is_refused(
    bundle_path: Path, tone_folder: Path
) -> None:
    file = next(tone_folder.rglob("*.wav"))
    for name, kind in (("tflight", SettingError), ("onnx", BundleError)):
        done = run("predict", bundle_path, file, "--runtime", name)
        with pytest.raises(kind, match=r"choose from litert, |--to onnx"):
            raise done.exception or AssertionError


def test_a_bad_file_is_listed_and_the_others_are_predicted(
    bundle_path: Path, tone_folder: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    good = sorted(tone_folder.rglob("*.wav"))[:4]
    done = run("predict", bundle_path, *good[:2], bad, *good[2:], "--format", "json")
    assert done.exit_code == 0
    assert [row["path"] for row in json.loads(done.stdout)] == [str(f) for f in good]
    assert "bad.wav" in done.stderr
    assert run("predict", bundle_path, *good, bad, "--strict").exit_code == 1
    assert run("predict", bundle_path, bad).exit_code == 1


def test_a_scan_and_listening_use_the_graph_that_is_named(
    bundle_path: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(bundle_path, tmp_path / "copy.sonotype"))
    assert run("export", bundle, "--to", "litert-float16").exit_code == 0
    rng = np.random.default_rng(0)
    recording = tmp_path / "long.wav"
    rate = load(bundle).sample_rate
    soundfile.write(recording, 0.1 * rng.standard_normal(4 * rate), rate)
    scores = {}
    for name in ("litert", "litert-float16"):
        expected = np.concatenate(
            [part.scores for part in load(bundle, runtime=name).scan(recording)]
        )
        out = tmp_path / name
        done = run("scan", bundle, recording, "--out", out, "--runtime", name)
        assert done.exit_code == 0, done.exception
        scores[name] = read_scores(out / "long.wav.parquet").scores
        np.testing.assert_allclose(scores[name], expected, atol=1e-3)  # float16
        windows = ["--fast", "--lines", "windows", "--runtime", name]
        done = run("listen", bundle, recording, *windows)
        assert done.exit_code == 0, done.exception
        heard = [json.loads(line)["scores"] for line in done.stdout.splitlines()]
        found = np.array([list(row.values()) for row in heard])
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert not np.array_equal(scores["litert"], scores["litert-float16"])
    # Scores of one graph are not continued with those of another.
    done = run(
        "scan", bundle, recording, "--out", tmp_path / "litert", "--runtime", name
    )
    assert isinstance(done.exception, SettingError)


def test_a_dense_scan_has_a_graph_of_its_own(bundle_path: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(bundle_path, tmp_path / "copy.sonotype"))
    assert run("export", bundle, "--to", "litert-float16").exit_code == 0
    recording = tmp_path / "long.wav"
    soundfile.write(recording, np.zeros(40_000), load(bundle).sample_rate)
    done = run("scan", bundle, recording, "--dense", "--runtime", "litert-float16")
    with pytest.raises(SettingError, match="leave out either the runtime litert-floa"):
        raise done.exception or AssertionError
