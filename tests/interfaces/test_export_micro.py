import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from sonotype.bundle import read_bundle
from sonotype.errors import SettingError
from sonotype.interfaces.cli.export import chosen_formats, export

OLD = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"
app = typer.Typer()
app.command()(export)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "tones.sonotype"))


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Ten clips of each class, none of them heard in training."""
    rng = np.random.default_rng(8)
    seconds = np.arange(2_000) / 8_000
    for label, hertz in {"high": 1_760.0, "low": 440.0}.items():
        (tmp_path / "tones" / label).mkdir(parents=True)
        for take in range(10):
            clip = 0.3 * np.sin(2 * np.pi * hertz * rng.uniform(0.95, 1.05) * seconds)
            clip += 0.05 * rng.standard_normal(len(clip))
            soundfile.write(tmp_path / "tones" / label / f"{take}.wav", clip, 8_000)
    return tmp_path / "tones"


def test_a_folder_for_microcontrollers_comes_into_the_bundle(
    bundle: Path, tones: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    arguments = [bundle, "--to", "micro", "--data", tones, "--format", "json"]
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.exception
    (row,) = json.loads(done.stdout)
    assert (row["file"], row["agreement"]["n_clips"]) == ("micro", 20)
    assert abs(row["accuracy_change"]) < 0.1
    assert row["facts"]["arena_bytes"] > 1_000
    listed = read_bundle(bundle).manifest.files
    assert listed["micro/model.tflite"].n_bytes == row["facts"]["graph_bytes"]


def test_it_is_made_when_asked_for_and_of_recordings_only(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert "micro" not in [row.name for row in chosen_formats("all", has_data=True)]
    done = CliRunner().invoke(app, [str(bundle), "--to", "micro"])
    with pytest.raises(SettingError, match=r"micro learns the range.*with --data"):
        raise done.exception or AssertionError
