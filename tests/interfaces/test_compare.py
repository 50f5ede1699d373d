"""`sonotype compare`, as a person types it: with a tiny network for every name."""

import csv
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sonotype.errors import SettingError, SonotypeError, WeightsError
from sonotype.interfaces.cli.compare import COLUMNS, compare
from sonotype.settings import Settings
from sonotype.training.transfer import compare as trials


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(compare)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, SonotypeError):
        raise result.exception
    return result


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch, tiny_settings: Settings) -> None:
    monkeypatch.setattr(trials, "settings_for", lambda *_: tiny_settings)
    monkeypatch.setattr(trials, "backbones_at_hand", lambda: (["a", "b"], ["c", "d"]))


def test_every_backbone_at_hand_is_a_row(tone_folder: Path) -> None:
    done = run(tone_folder, "--format", "json")
    assert done.exit_code == 0
    rows = json.loads(done.stdout)
    assert sorted(row["backbone"] for row in rows) == ["a", "b"]
    for row in rows:
        assert tuple(row) == COLUMNS
        assert row["clips"] == 90
        # Random convolutions are enough to tell two tones from noise.
        assert 0.8 < row["low"] <= row["score"] <= row["high"] <= 1
    assert rows[0]["score"] >= rows[1]["score"]
    assert "not at hand: c, d; see `sonotype models`" in done.stderr
    for name in "ab":
        assert f"  {name}   " in done.stderr


def test_only_these_classes_are_heard(tone_folder: Path) -> None:
    done = run(tone_folder, "--classes", "high,low", "--format", "csv")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["clips"] for row in rows] == ["60", "60"]


def test_without_weights_it_says_where_they_come_from(
    tone_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "backbones_at_hand", lambda: ([], ["c"]))
    with pytest.raises(WeightsError, match="no pre-trained backbone is at hand; `sono"):
        run(tone_folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "efficientat_mn40",
            "'efficientat_mn40' is unknown .did you mean 'efficientat_mn",
        ),
        ("residual", "backbone residual has no weights to start from"),
    ],
)
def test_names_are_checked_before_any_work(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        run(tmp_path / "no such folder", "--backbones", f"speech_embedding, {name}")
