"""Any number of labels a clip, from a table on disk to predictions."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from sonotype.bundle import read_bundle
from sonotype.evaluation.multi_label import MultiLabelReport
from sonotype.inference.classifier import load
from sonotype.interfaces.cli.main import app
from sonotype.interfaces.workflow import Outcome, Silent, train_folder
from sonotype.settings import Settings
from sonotype.training.load import load_trained

SAMPLE_RATE = 8_000
N_SAMPLES = 2_000
TONES_HZ = {"high": 1_760.0, "low": 440.0}
N_SITES = 10


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips with a high tone, a low one, both or none, and a table that says which."""
    root = tmp_path_factory.mktemp("chords")
    generator = np.random.default_rng(0)
    seconds = np.arange(N_SAMPLES) / SAMPLE_RATE
    rows = ["path,label,group"]
    for site in range(N_SITES):
        for take in range(12):
            heard = [name for bit, name in enumerate(TONES_HZ) if take >> bit & 1]
            clip = 0.05 * generator.standard_normal(N_SAMPLES)
            for name in heard:
                pitch = TONES_HZ[name] * generator.uniform(0.95, 1.05)
                clip += 0.3 * np.sin(2 * np.pi * pitch * seconds)
            soundfile.write(root / f"{site}-{take}.wav", clip, SAMPLE_RATE)
            rows.append(f'{site}-{take}.wav,"{";".join(heard)}",site-{site}')
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root / "labels.csv"


@pytest.fixture(scope="module")
def outcome(
    table: Path, tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    training = tiny_settings.training.model_copy(update={"epochs": 20})
    settings = tiny_settings.model_copy(update={"training": training})
    out = tmp_path_factory.mktemp("bundles") / "chords.sonotype"
    return train_folder(table, out, settings, Silent())


def test_it_learns_which_tones_are_there(outcome: Outcome) -> None:
    assert isinstance(outcome.report, MultiLabelReport)
    assert outcome.report.mean_average_precision > 0.98
    assert outcome.report.macro_f1 > 0.9
    assert isinstance(outcome.shipped, MultiLabelReport)
    assert str(outcome.shipped) == str(outcome.report)


def test_the_bundle_says_so_and_its_graphs_agree(outcome: Outcome) -> None:
    bundle = read_bundle(outcome.bundle.path)
    assert bundle.manifest.task == "multi-label"
    assert set(bundle.manifest.thresholds or {}) == set(TONES_HZ)
    assert 'task = "multi-label"' in bundle.file("settings.toml").read_text()
    assert bundle.file("labels.png").stat().st_size > 5_000
    card = bundle.file("README.md").read_text()
    assert "any number" in card
    assert "| high |" in card
    test = outcome.parts.test
    np.testing.assert_allclose(
        load(bundle.path).scores(test), load_trained(bundle).scores(test), atol=1e-4
    )


def test_a_prediction_lists_what_is_heard(outcome: Outcome) -> None:
    classifier = load(outcome.bundle.path)
    right = 0
    for clip in outcome.parts.test:
        heard = classifier.predict(clip.path).heard
        right += set(heard or ()) == set(clip.labels)
    assert right >= 0.8 * len(outcome.parts.test)


def test_a_sound_in_one_part_of_a_long_clip_is_in_the_clip(outcome: Outcome) -> None:
    classifier = load(outcome.bundle.path)
    long = 0.05 * np.random.default_rng(1).standard_normal(20 * N_SAMPLES)
    seconds = np.arange(N_SAMPLES) / SAMPLE_RATE
    call = 0.3 * np.sin(2 * np.pi * TONES_HZ["high"] * seconds)
    long[10 * N_SAMPLES : 11 * N_SAMPLES] += call
    assert classifier.predict(long).heard == ("high",)


def test_the_commands_speak_of_labels(outcome: Outcome, table: Path) -> None:
    bundle = str(outcome.bundle.path)
    runner = CliRunner()
    clip = next(clip for clip in outcome.parts.test if len(clip.labels) == 2)
    ran = runner.invoke(app, ["predict", bundle, str(clip.path), "--format", "json"])
    (row,) = json.loads(ran.stdout)
    assert set(row["heard"]) == {"high", "low"}
    ran = runner.invoke(app, ["predict", bundle, str(clip.path), "--format", "csv"])
    assert ran.stdout.startswith("path,label,score,heard,score_high,score_low\n")
    ran = runner.invoke(app, ["predict", bundle, str(clip.path)])
    assert "high" in ran.stdout
    assert "low" in ran.stdout
    options = ["--no-keras", "--all"]
    ran = runner.invoke(app, ["evaluate", bundle, str(table), *options])
    assert ran.exit_code == 0, ran.output
    assert "mean average precision" in ran.stdout
    assert "threshold" in ran.stdout
    ran = runner.invoke(app, ["info", bundle, "--format", "json"])
    assert json.loads(ran.stdout)["test_mean_average_precision"] > 0.98
