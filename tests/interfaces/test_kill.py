"""`kill -9` at any moment of a training leaves no half-written bundle."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sonotype.inference.classifier import load
from sonotype.settings import Settings

TRAIN = """
import os, sys
from pathlib import Path
import sonotype.exporters.export as exporting
import sonotype.training.callbacks as callbacks
from sonotype.interfaces.cli.main import main

def stop_here(*args, **options):
    Path(os.environ["REACHED"]).touch()
    import time
    time.sleep(60)

if os.environ["WHERE"] == "training":
    callbacks.ReportProgress.on_epoch_end = stop_here
else:
    exporting.write_manifest = stop_here
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["training", "writing"])
def test_killed_training_leaves_the_last_good_bundle(
    where: str,
    bundle_path: Path,
    tone_folder: Path,
    tiny_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import shutil

    out, reached = tmp_path / "tones.sonotype", tmp_path / "reached"
    shutil.copytree(bundle_path, out)
    (tmp_path / "tiny.toml").write_text(tiny_settings.to_toml(), encoding="utf-8")
    monkeypatch.setenv("REACHED", str(reached))
    monkeypatch.setenv("WHERE", where)
    options: list[str | Path] = ["--config", tmp_path / "tiny.toml", "--force"]
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN, "train", tone_folder, "--out", out, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            if reached.exists() or process.poll() is not None:
                break
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert reached.exists()
    assert load(out).labels.names == ("high", "low", "noise")
