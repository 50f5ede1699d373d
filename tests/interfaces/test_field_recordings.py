"""From annotated field recordings to events in another one, as the how-to page does."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sonotype.interfaces.cli.main import app

SHARED = Path(__file__).parents[3] / "shared"
PIHA = SHARED / "data" / "screaming_piha"
WEIGHTS = SHARED / "weights"
PARTS = {
    "train": ("2.mp3", "3.wav", "4.wav", "5.mp3"),
    "choose": ("1.wav",),
    "test": ("6.wav",),
}
CONFIG = """
[audio]
clip_seconds = 0.5
[data]
task = "multi-label"
test = 0.0
[data.options]
complete = true
hop_seconds = 0.1
"""


def run(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return done


@pytest.mark.slow
@pytest.mark.skipif(
    not (PIHA.is_dir() and WEIGHTS.is_dir()),
    reason="the recordings or the weights are not here",
)
def test_calls_are_found_in_a_recording_that_took_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONOTYPE_WEIGHTS", str(WEIGHTS))
    for part, names in PARTS.items():
        (tmp_path / part).mkdir()
        for name in names:
            stem = f"ScreamingPiha{name.partition('.')[0]}"
            shutil.copy(PIHA / "audio" / f"ScreamingPiha{name}", tmp_path / part)
            table = PIHA / "raven" / f"{stem}.Table.1.selections.txt"
            shutil.copy(table, tmp_path / part)
    config, bundle = tmp_path / "calls.toml", tmp_path / "piha.sonotype"
    config.write_text(CONFIG)
    setup = ("--recipe", "efficientat", "--config", config)
    where = ("--out", bundle, "--cache", tmp_path / "cache")
    run("train", tmp_path / "train", *setup, *where)
    scores = tmp_path / "scores"
    heard = (tmp_path / "choose", tmp_path / "test")
    run("scan", bundle, *heard, "--hop", "0.1s", "--out", scores, "--workers", "1")

    rule = ("--gap", "0.1s", "--min", "0.2s")
    choose = ("events", scores / "choose", "--against", tmp_path / "choose")
    chosen = shlex.split(run(*choose, *rule, "--choose-threshold").stdout)
    report = ("events", scores / "test", "--against", tmp_path / "test")
    told = json.loads(run(*report, *rule, *chosen, "--format", "json").stdout)
    # Some of the 19 annotated calls touch. The same calls at random times have an F1
    # of 0.02; calls everywhere have a segment F1 of 0.66.
    assert told["overall"]["n_annotated"] == 12
    assert told["overall"]["f1"] > 0.2
    assert told["segment_f1"] > 0.7
