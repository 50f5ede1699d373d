import os
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from sonotype.dataset.cache.shards import ShardFolder
from sonotype.interfaces.cli.cache import cache


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(cache)
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for rate, n_clips in ((16_000, 3), (8_000, 2)):
        with ShardFolder(tmp_path / f"audio-v1-{rate}") as store:
            for i in range(n_clips):
                store.add(str(i), np.zeros(100_000, np.int16), 1.0)
    return tmp_path


def test_the_list_has_rates_clips_and_sizes(root: Path) -> None:
    result = run("list", "--cache", str(root))
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["8000", "Hz", "2", "0.4"] in lines
    assert ["16000", "Hz", "3", "0.6"] in lines
    assert ["all", "5", "1.0"] in lines
    assert str(root) in result.stderr
    assert "killed" not in result.stderr


def test_the_list_removes_what_killed_builds_left(root: Path) -> None:
    stray = root / "audio-v1-8000" / f"{'0' * 32}.i16"
    stray.write_bytes(bytes(1_000_000))
    assert "killed" not in run("list", "--cache", str(root)).stderr
    os.utime(stray, (1, 1))
    result = run("list", "--cache", str(root))
    assert "removed 1 files that killed builds left, 1.0 MB" in result.stderr
    assert ["8000", "Hz", "2", "0.4"] in [s.split() for s in result.stdout.splitlines()]
    assert not stray.exists()


def test_clearing_says_what_it_removed(root: Path) -> None:
    (root / "notes.txt").write_text("mine")
    result = run("clear", "--cache", str(root))
    assert result.stdout == f"removed 4 files, 1.0 MB, from {root}\n"
    assert [path.name for path in root.iterdir()] == ["notes.txt"]
    assert run("clear", "--cache", str(root)).stdout.startswith("removed 0 files")


def test_without_a_folder_it_is_the_default_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONOTYPE_CACHE", str(root))
    assert "16000 Hz" in run("list").stdout


def test_an_action_is_needed() -> None:
    assert run().exit_code == 2
    assert run("empty").exit_code == 2
