import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sonotype.bundle import read_bundle
from sonotype.errors import DataError, ExportError, SettingError
from sonotype.exporters import formats
from sonotype.interfaces.cli.export import chosen_formats, export

OLD = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"
app = typer.Typer()
app.command()(export)


@pytest.fixture(autouse=True)
def _same_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what the verb sets for its own process."""
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "tones.sonotype"))


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Twenty clips of each class, none of them heard in training."""
    rng = np.random.default_rng(8)
    seconds = np.arange(2_000) / 8_000
    for label, hertz in {"high": 1_760.0, "low": 440.0}.items():
        (tmp_path / "tones" / label).mkdir(parents=True)
        for take in range(20):
            clip = 0.3 * np.sin(2 * np.pi * hertz * rng.uniform(0.95, 1.05) * seconds)
            clip += 0.05 * rng.standard_normal(len(clip))
            path = tmp_path / "tones" / label / f"{take}.wav"
            soundfile.write(path, clip, 8_000)
    return tmp_path / "tones"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_format_is_added_and_shown(bundle: Path) -> None:
    done = run(bundle, "--to", "litert-float16")
    assert done.exit_code == 0, done.exception
    head, row = done.stdout.splitlines()
    assert head.split() == ["format", "file", "MB", "differ", "ops", "ms"]
    assert row.split()[:3] == ["litert-float16", "model-float16.tflite", "0.02"]
    assert "golden inputs alone" in done.stderr
    assert "model-float16.tflite" in read_bundle(bundle).manifest.files


def test_with_recordings_the_change_of_accuracy_is_shown(
    bundle: Path, tones: Path
) -> None:
    names = "litert-int8, litert-int8-full"
    done = run(bundle, "--to", names, "--data", tones, "--format", "json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert [row["name"] for row in found] == ["litert-int8", "litert-int8-full"]
    # Integers have learned nothing of the golden inputs.
    assert [row["agreement"]["n_clips"] for row in found] == [3 + 40, 40]
    for row in found:
        assert row["accuracy"] > 0.9
        assert abs(row["accuracy_change"]) < 0.1
    assert "the Keras model: accuracy 1.000" in done.stderr


def test_all_is_every_format_there_can_be(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    done = run(bundle, "--to", "all")
    assert done.exit_code == 0, done.exception
    names = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert names == ["litert-float16", "litert-int8", "saved-model"]
    assert "left out onnx: onnx is not installed (sonotype[onnx])" in done.stderr
    assert "left out litert-int8-full: it needs recordings (--data)" in done.stderr


def test_names_are_checked_before_any_work(bundle: Path) -> None:
    for to, message in (
        ("onx", "format 'onx' is unknown .did you mean 'onnx'"),
        (",", "--to names no format"),
        ("litert-int8-full", "give some with --data"),
        ("litert", "holds model.tflite already; pass --force"),
    ):
        done = run(bundle, "--to", to)
        with pytest.raises(SettingError, match=message):
            raise done.exception or AssertionError
        assert "writing" not in done.stderr


def test_one_that_fails_does_not_keep_the_others_back(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    row = formats.FORMATS["litert-int8"]
    strict = dataclasses.replace(row, tolerance=0.0)
    monkeypatch.setitem(formats.FORMATS, "litert-int8", strict)
    done = run(bundle, "--to", "litert-int8,litert-float16")
    with pytest.raises(ExportError, match="litert-int8: the exported file disagrees"):
        raise done.exception or AssertionError
    assert "model-float16.tflite" in done.stdout
    listed = read_bundle(bundle).manifest.files
    assert "model-float16.tflite" in listed
    assert "model-int8.tflite" not in listed


def test_clips_that_were_heard_do_not_tell(bundle: Path, tones: Path) -> None:
    from sonotype.bundle import describe_file
    from sonotype.dataset.heard import COLUMNS

    rows = [
        ",".join([describe_file(path).sha256, path.name, "high", "1", "train"])
        for path in sorted(tones.rglob("*.wav"))
    ]
    table = bundle / "heard.csv"
    table.write_text("\n".join([",".join(COLUMNS), *rows[:-2]]))
    done = run(bundle, "--to", "litert-int8-full", "--data", tones, "--format", "json")
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout)[0]["agreement"]["n_clips"] == 2
    assert "left out 38 clips that were used in training" in done.stderr
    table.write_text("\n".join([",".join(COLUMNS), *rows]))
    done = run(bundle, "--to", "litert-int8", "--data", tones)
    with pytest.raises(DataError, match="all 40 clips were used in training"):
        raise done.exception or AssertionError
    done = run(bundle, "--to", "litert-int8", "--data", tones, "--all")
    assert done.exit_code == 0, done.exception


def test_a_folder_for_microcontrollers_comes_into_the_bundle(
    bundle: Path, tones: Path
) -> None:
    done = run(bundle, "--to", "micro", "--data", tones, "--format", "json")
    assert done.exit_code == 0, done.exception
    (row,) = json.loads(done.stdout)
    assert (row["file"], row["agreement"]["n_clips"]) == ("micro", 40)
    assert abs(row["accuracy_change"]) < 0.1
    assert row["facts"]["arena_bytes"] > 1_000
    listed = read_bundle(bundle).manifest.files
    assert listed["micro/model.tflite"].n_bytes == row["facts"]["graph_bytes"]


def test_one_for_microcontrollers_is_made_when_asked_for_and_of_recordings_only(
    bundle: Path,
) -> None:
    assert "micro" not in [row.name for row in chosen_formats("all", has_data=True)]
    done = run(bundle, "--to", "micro")
    with pytest.raises(SettingError, match=r"micro learns the range.*with --data"):
        raise done.exception or AssertionError
