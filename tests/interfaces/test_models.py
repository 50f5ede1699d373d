"""`sonotype models`: a row a backbone, without building one."""

import csv
import io
import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from sonotype.interfaces.cli.models import models
from sonotype.models.listing import read_listing

app = typer.Typer()
app.command()(models)
NAMES = [backbone.name for backbone in read_listing()]


@pytest.fixture(autouse=True)
def _no_folder_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SONOTYPE_WEIGHTS", raising=False)


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_the_table_has_a_row_a_backbone() -> None:
    title, *rows = printed().splitlines()
    assert title.split()[:2] == ["name", "what"]
    assert [row.split()[0] for row in rows] == NAMES
    tagger = rows[NAMES.index("efficientat_mn04")]
    for fact in ("526 k", "12.3 M", "32000 Hz", "AudioSet", "MIT"):
        assert fact in tagger
    assert "any" in rows[NAMES.index("residual")]
    # Columns are aligned: the rate ends in the same place everywhere.
    end = title.index("rate") + len("rate")
    assert all(row[end - 1] in "yz" and row[end] == " " for row in rows)


def test_csv_and_json_hold_the_same_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(printed("--format", "csv"))))
    facts = json.loads(printed("--format", "json"))
    assert [row["name"] for row in rows] == [fact["name"] for fact in facts] == NAMES
    for row, fact in zip(rows, facts, strict=True):
        texts = {key: "" if item is None else str(item) for key, item in fact.items()}
        assert row == texts
    words = facts[NAMES.index("speech_embedding")]
    assert words["parameters"] == 328_128
    assert words["sample_rate_hz"] == 16_000
    assert words["licence"] == "Apache-2.0"
    assert facts[0]["weights_path"] is None


def test_it_imports_no_keras() -> None:
    code = (
        "import sys\n"
        "from sonotype.interfaces.cli.models import models\n"
        "models()\n"
        "print({'keras', 'tensorflow', 'numpy', 'polars'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
