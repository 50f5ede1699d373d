"""`sonotype scan` and `sonotype events`, as a person types them."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sonotype.dataset.annotations.formats import read_annotations
from sonotype.errors import SettingError
from sonotype.interfaces.cli.event_options import parse_scores
from sonotype.interfaces.cli.events import events
from sonotype.interfaces.cli.options import parse_seconds
from sonotype.interfaces.cli.scan import scan

BUNDLE = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(scan)
    app.command()(events)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, SettingError):
        raise result.exception
    return result


def tones(path: Path, *hertz: float) -> Path:
    """Write a second of each tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = np.arange(8_000) / 8_000
    noise = 0.05 * np.random.default_rng(0).standard_normal(8_000 * len(hertz))
    parts = [0.3 * np.sin(2 * np.pi * pitch * seconds) for pitch in hertz]
    soundfile.write(path, np.concatenate(parts) + noise, 8_000)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "recordings"
    tones(root / "hill" / "20240131_053000.WAV", 440, 1_760, 440)
    tones(root / "LAKE_20240131_063000+0100.wav", 1_760, 440)
    return root


def table(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_events_are_printed(folder: Path) -> None:
    path = folder / "hill" / "20240131_053000.WAV"
    rows = table(run("scan", BUNDLE, path, "--hop", "50ms"))
    assert [row["label"] for row in rows] == ["low", "high", "low"]
    times = [(float(r["start_seconds"]), float(r["end_seconds"])) for r in rows]
    np.testing.assert_allclose(times, [(0, 1), (1, 2), (2, 3)], atol=0.1)
    assert rows[0]["begins_at"] == "2024-01-31T05:30:00.000"


def test_scanning_into_a_folder_and_events_are_what_is_printed(
    folder: Path, tmp_path: Path
) -> None:
    options = ("--threshold", "0.8", "--off", "high=0.4", "--gap", "0.2s")
    printed = run("scan", BUNDLE, folder, *options)
    done = run("scan", BUNDLE, folder, "--out", tmp_path / "out", "--workers", "1")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "scanned 2 recordings" in done.stderr
    again = run("events", tmp_path / "out", *options)
    assert table(again) == table(printed)
    assert len(table(again)) >= 5
    again = run("scan", BUNDLE, folder, "--out", tmp_path / "out")
    assert "2 recordings were scanned before" in again.stderr


def test_one_bad_file_is_told_and_costs_no_other(folder: Path, tmp_path: Path) -> None:
    (folder / "bad.wav").write_text("no sound")
    for options in ((), ("--out", tmp_path / "out")):
        done = run("scan", BUNDLE, folder, "x.wav", *options)
        assert done.exit_code == 0
        assert "2 files were set aside:" in done.stderr
        assert "bad.wav: cannot be read: it is not audio" in done.stderr
        assert "x.wav: " in done.stderr
        assert run("scan", BUNDLE, folder, "--strict", *options).exit_code == 1
    assert run("scan", BUNDLE, folder / "bad.wav").exit_code == 1


@pytest.mark.parametrize("form", ["csv", "jsonl", "raven", "parquet"])
def test_written_events_are_read_back(form: str, folder: Path, tmp_path: Path) -> None:
    run("scan", BUNDLE, folder, "--out", tmp_path / "out", "--workers", "1")
    rows = table(run("events", tmp_path / "out"))
    to = tmp_path / "events" if form == "raven" else tmp_path / f"events.{form}"
    done = run("events", tmp_path / "out", "--format", form, "--out", to)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    files = sorted(to.rglob("*.txt")) if form == "raven" else [to]
    found = [event for file in files for event in read_annotations(file)]
    assert sorted((e.label, round(e.start_seconds, 3)) for e in found) == sorted(
        (row["label"], round(float(row["start_seconds"]), 3)) for row in rows
    )


def test_a_track_for_each_recording(folder: Path, tmp_path: Path) -> None:
    run("scan", BUNDLE, folder, "--out", tmp_path / "out", "--workers", "1")
    tracks = tmp_path / "tracks"
    run("events", tmp_path / "out", "--format", "audacity", "--out", tracks)
    names = [file.relative_to(tracks).as_posix() for file in tracks.rglob("*.txt")]
    assert sorted(names) == [
        "recordings/LAKE_20240131_063000+0100.wav.txt",
        "recordings/hill/20240131_053000.WAV.txt",
    ]
    with pytest.raises(SettingError, match="about one recording, but these are 2"):
        run("events", tmp_path / "out", "--format", "audacity")
    with pytest.raises(SettingError, match="parquet cannot be printed"):
        run("events", tmp_path / "out", "--format", "parquet")


def test_counts_and_a_picture(folder: Path, tmp_path: Path) -> None:
    run("scan", BUNDLE, folder, "--out", tmp_path / "out", "--workers", "1")
    picture = tmp_path / "a.png"
    options = ("--count-by", "site,hour", "--picture", picture)
    rows = table(run("events", tmp_path / "out", *options))
    found = {(row["site"], row["hour"], row["label"]): row["n_events"] for row in rows}
    assert found["hill", "5", "low"] == "2"
    assert found["LAKE", "6", "high"] == "1"
    assert picture.stat().st_size > 1_000


def test_only_some_labels(folder: Path, tmp_path: Path) -> None:
    run("scan", BUNDLE, folder, "--out", tmp_path / "out", "--workers", "1")
    rows = table(run("events", tmp_path / "out", "--classes", "low"))
    assert {row["label"] for row in rows} == {"low"}
    with pytest.raises(SettingError, match="label 'lowe' is unknown"):
        run("events", tmp_path / "out", "--classes", "lowe")


def test_files_that_hold_no_scores(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    done = run("events", tmp_path / "a.parquet", folder)
    assert done.exit_code == 1
    assert "a.parquet: is no whole Parquet file" in done.stderr
    assert "recordings: holds no scores; make them with" in done.stderr


@pytest.mark.parametrize(
    "option", [("--gap", "1s"), ("--format", "csv"), ("--classes", "low")]
)
def test_options_of_events_do_not_go_with_scores(
    option: tuple[str, str], folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=f"{option[0]} is about events, but --out"):
        run("scan", BUNDLE, folder, "--out", tmp_path / "out", *option)
    assert not (tmp_path / "out").exists()


def test_a_scan_that_is_stopped_says_how_it_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sonotype.inference.folder.scan_folder.scan_folder", stop)
    done = run("scan", BUNDLE, folder, "--out", tmp_path / "out")
    assert done.exit_code == 130
    assert "the same command goes on from here" in done.stderr


def test_events_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    run("scan", BUNDLE, folder, "--out", tmp_path / "out", "--workers", "1")
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"a\.csv cannot be written"):
        run("events", tmp_path / "out", "--out", tmp_path / "file" / "a.csv")


@pytest.mark.skipif(os.name != "posix", reason="names are bytes")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = tones(tmp_path / "a.wav", 440)
    try:
        odd = path.rename(tmp_path / os.fsdecode(b"\xff.wav"))
    except OSError:
        pytest.skip("this file system refuses such a name")
    for options in ((), ("--out", tmp_path / "out", "--workers", "1")):
        done = run("scan", BUNDLE, odd, *options)
        assert done.exit_code == 1
        assert "its name is not valid UTF-8" in done.stderr


def test_json_is_an_array(folder: Path) -> None:
    done = run("scan", BUNDLE, folder, "--format", "json")
    assert {row["site"] for row in json.loads(done.stdout)} == {"hill", "LAKE"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0.5", 0.5), ("0.5s", 0.5), ("500ms", 0.5), (".5 s", 0.5), ("2min", 120.0)],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1e3", "1 day", "nan"])
def test_what_is_no_time_is_wrong_usage(text: str) -> None:
    done = run("events", "x", "--gap", text)
    assert done.exit_code == 2
    assert "is no time" in done.stderr


def test_scores_of_labels() -> None:
    labels = ("a", "b", "c=d")
    assert parse_scores(None, labels, "--off") is None
    assert parse_scores(["b=0.25", "0.5"], labels, "--off") == {
        "a": 0.5,
        "b": 0.25,
        "c=d": 0.5,
    }
    assert parse_scores(["c=d=1"], labels, "--off") == {"c=d": 1.0}
    with pytest.raises(SettingError, match="--off 'high' is neither a score nor"):
        parse_scores(["high"], labels, "--off")
    with pytest.raises(SettingError, match="label 'x' is unknown"):
        parse_scores(["x=1"], labels, "--off")
