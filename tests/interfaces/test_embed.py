"""`sonotype embed`, as a person types it."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sonotype.errors import BundleError, SettingError
from sonotype.inference.classifier import load
from sonotype.interfaces.cli.embed import embed

DATA = Path(__file__).parents[1] / "data"
BUNDLE = DATA / "tones_embedding_v1.sonotype"


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(embed)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, SettingError | BundleError):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a long recording and a file that is none."""
    root = tmp_path / "recordings"
    root.mkdir()
    generator = np.random.default_rng(0)
    soundfile.write(root / "long.wav", generator.normal(scale=0.1, size=8_000), 8_000)
    (root / "text.wav").write_text("no sound at all")
    return root


def test_every_window_is_a_row_of_parquet(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    low, long = DATA / "low.wav", folder / "long.wav"
    result = run(BUNDLE, low, folder, "--out", out, "--hop-seconds", "0.25")
    assert result.exit_code == 0
    assert "1 file was set aside:" in result.stderr
    assert "text.wav: " in result.stderr
    assert "wrote 5 embeddings" in result.stderr
    table = pl.read_parquet(out)
    assert table["path"].to_list() == [str(low), *[str(long)] * 4]
    assert table["start_seconds"].to_list() == [0, 0, 0.25, 0.5, 0.75]
    classifier = load(BUNDLE)
    expected = [classifier.embed(path, hop_seconds=0.25) for path in (low, long)]
    np.testing.assert_array_equal(
        table["embedding"].to_numpy(),
        np.concatenate([each.vectors for each in expected]),
    )


def test_an_array_has_a_table_beside_it(folder: Path, tmp_path: Path) -> None:
    result = run(BUNDLE, folder / "long.wav", "--out", tmp_path / "e.npy", "--hop=.1s")
    assert result.exit_code == 0
    assert np.load(tmp_path / "e.npy").shape == (9, 4)
    assert len(pl.read_csv(tmp_path / "e.csv")) == 9


def test_a_bad_file_is_fatal_only_if_asked(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.npy"
    assert run(BUNDLE, folder, "--out", out, "--strict").exit_code == 1
    assert run(BUNDLE, folder, "--out", out).exit_code == 0
    alone = run(BUNDLE, folder / "text.wav", "--out", tmp_path / "none.npy")
    assert alone.exit_code == 1
    assert not (tmp_path / "none.npy").exists()


def test_wrong_options_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"ending '\.txt' is unknown"):
        run("no-such-bundle", DATA / "low.wav", "--out", tmp_path / "e.txt")
    with pytest.raises(SettingError, match="the hop is 9 s"):
        run(BUNDLE, DATA / "low.wav", "--out", tmp_path / "e.npy", "--hop", "9s")
    old = DATA / "tones_v1.sonotype"
    with pytest.raises(BundleError, match="gives no embeddings"):
        run(old, DATA / "low.wav", "--out", tmp_path / "e.npy")
    assert not list(tmp_path.iterdir())
