"""`sonotype export --to litert-dense` and `sonotype scan --dense`, as typed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sonotype.bundle import DENSE_GRAPH, read_bundle
from sonotype.errors import BundleError, SettingError
from sonotype.inference.score_file import read_scores
from sonotype.interfaces.cli.export import export
from sonotype.interfaces.cli.scan import scan

OLD = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(scan)
    app.command()(export)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, SettingError | BundleError):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("dense") / "tones.sonotype"
    shutil.copytree(OLD, folder)
    return folder, run("export", folder, "--to", "litert-dense")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.wav"
    path.parent.mkdir()
    seconds = np.arange(8_000) / 8_000
    parts = [0.3 * np.sin(2 * np.pi * hertz * seconds) for hertz in (440, 1_760, 440)]
    noise = 0.05 * np.random.default_rng(0).standard_normal(24_000)
    soundfile.write(path, np.concatenate(parts) + noise, 8_000)
    return path


def test_export_tells_how_far_the_scores_are(exported: tuple[Path, Result]) -> None:
    folder, result = exported
    assert result.exit_code == 0, result.output
    about = read_bundle(folder).manifest.exports[DENSE_GRAPH]
    assert f"{about['window_difference']:.3f} on average" in result.stderr
    assert f"{about['same_label']:.1%} of" in result.stderr


def test_a_dense_scan_finds_the_tones(
    exported: tuple[Path, Result], recording: Path
) -> None:
    hop = ["--hop", "40ms", "--format", "jsonl", "--threshold", "0.5"]
    result = run("scan", exported[0], recording, "--dense", *hop)
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in result.stdout.splitlines()]
    events.sort(key=lambda event: float(event["start_seconds"]))
    assert [event["label"] for event in events] == ["low", "high", "low"]
    ends = [event["end_seconds"] for event in events]
    np.testing.assert_allclose(ends, [1, 2, 3], atol=0.1)


def test_the_usual_hop_is_rounded_and_told(
    exported: tuple[Path, Result], recording: Path, tmp_path: Path
) -> None:
    result = run("scan", exported[0], recording, "--dense", "--out", tmp_path / "out")
    # The bundle's is 0.125 s, and the graph's stride 0.04 s.
    assert "windows begin every 0.12 s" in result.stderr
    info = read_scores(tmp_path / "out" / "a.wav.parquet").info
    assert info.hop_seconds == 0.12
    files = read_bundle(exported[0]).manifest.files
    assert info.graph_sha256 == files[DENSE_GRAPH].sha256


def test_another_hop_is_refused_with_the_nearest(
    exported: tuple[Path, Result], recording: Path
) -> None:
    with pytest.raises(SettingError, match=r"every 0\.04 s.* nearest hop is 0\.12 s"):
        run("scan", exported[0], recording, "--dense", "--hop", "0.125")


def test_a_folder_holds_dense_scores_or_others(
    exported: tuple[Path, Result], recording: Path, tmp_path: Path
) -> None:
    options = ["--hop", "0.12", "--out", str(tmp_path / "out")]
    first = run("scan", exported[0], recording.parent, "--dense", *options)
    assert "scanned 1 recordings" in first.stderr
    again = run("scan", exported[0], recording.parent, "--dense", *options)
    assert "1 recordings were scanned before" in again.stderr
    with pytest.raises(SettingError, match="other settings: graph_sha256"):
        run("scan", exported[0], recording.parent, *options)


def test_without_the_graph_it_is_refused(recording: Path, tmp_path: Path) -> None:
    for more in ([], ["--out", str(tmp_path / "out")]):
        with pytest.raises(BundleError, match="--to litert-dense"):
            run("scan", OLD, recording, "--dense", *more)
    assert not (tmp_path / "out").exists()
