"""`sonotype events --against`, as a person types it."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from sonotype.errors import DataError, SettingError
from sonotype.inference.scan import WindowScores
from sonotype.inference.score_file import ScanInfo, write_scores
from sonotype.interfaces.cli.events import events

HOP = 0.1
N_WINDOWS = 100
CALLS = {"dawn": ((1.0, 2.0), (5.0, 6.0)), "dusk": ((3.0, 4.5),), "noon": ()}
# How sure the model is where there is a call, where there is none, and where it errs.
SURE, UNSURE, WRONG = 0.8, 0.1, 0.55


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(events)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, SettingError | DataError):
        raise result.exception
    return result


def scan_info(recording: str, labels: tuple[str, ...]) -> ScanInfo:
    return ScanInfo(
        recording=recording,
        n_bytes=1,
        modified_ns=1,
        labels=labels,
        task="multi-label",
        sample_rate=8_000,
        window_seconds=HOP,
        hop_seconds=HOP,
        graph_sha256="0" * 64,
        sonotype_version="0.1.0",
    )


def write_made(
    folder: Path, name: str, *, wrong: tuple[float, float], labels: tuple[str, ...]
) -> None:
    """Write scores that are right but for one stretch."""
    start = HOP * np.arange(N_WINDOWS)
    scores = np.full((N_WINDOWS, len(labels)), UNSURE, np.float32)
    first, end = wrong
    scores[round(first / HOP) : round(end / HOP), 0] = WRONG
    for first, end in CALLS[name]:
        scores[round(first / HOP) : round(end / HOP), 0] = SURE
    folder.mkdir(parents=True, exist_ok=True)
    windows = WindowScores(start, start + HOP, scores)
    info = scan_info(f"recordings/{name}.wav", labels)
    write_scores(folder / f"{name}.wav.parquet", info, [windows])


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    folder = tmp_path / "scores"
    for name in CALLS:
        write_made(folder, name, wrong=(8.0, 9.0), labels=("wren",))
    return folder


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Selection tables without their recordings, one of them empty."""
    folder = tmp_path / "raven"
    folder.mkdir()
    for name, calls in CALLS.items():
        lines = ["Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation"]
        lines += [
            f"{n}\t{start}\t{end}\twren" for n, (start, end) in enumerate(calls, 1)
        ]
        path = folder / f"{name}.Table.1.selections.txt"
        path.write_text("\n".join(lines) + "\n")
    return folder


def report(*arguments: str | Path) -> dict[str, object]:
    done = run(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def test_the_report_is_printed(scores: Path, tables: Path) -> None:
    done = run(scores, "--against", tables, "--threshold", "0.5")
    assert done.exit_code == 0, done.output
    # Three calls, and one false alarm in each of three recordings.
    assert done.stdout.startswith("event F1 0.667 (95 % interval ")
    assert "on 3 events of 3 recordings, beginning within 0.2 s, end" in done.stdout
    assert done.stdout.splitlines()[-1].split() == [
        *("wren", "3", "3", "0", "3"),
        *("0.500", "1.000", "0.667"),
    ]
    assert done.stderr == ""


def test_thresholds_are_chosen_and_can_be_pasted(scores: Path, tables: Path) -> None:
    done = run(scores, "--against", tables, "--choose-threshold")
    assert done.exit_code == 0, done.output
    options = shlex.split(done.stdout)
    assert options[0] == "--threshold"
    label, _, value = options[1].partition("=")
    assert label == "wren"
    assert WRONG < float(value) <= SURE
    names = "'dawn.wav', 'dusk.wav', 'noon.wav'"
    assert f"report results on other recordings than {names}" in done.stderr
    told = report(scores, "--against", tables, *options)
    assert told["macro_f1"] == 1.0
    assert told["segment_f1"] == 1.0


def test_events_last_down_to_off(scores: Path, tables: Path) -> None:
    options = ("--against", tables, "--choose-threshold", "--off")
    done = run(scores, *options, "0.7")
    assert 0.7 <= float(done.stdout.partition("=")[2]) <= SURE
    with pytest.raises(SettingError, match=r"--off 0\.995 leaves no threshold"):
        run(scores, *options, "0.995")


def test_a_table_that_names_recordings(scores: Path, tmp_path: Path) -> None:
    table = tmp_path / "calls.csv"
    table.write_text(
        "path,start_seconds,end_seconds,label\n"
        "D:/field/dawn.wav,1.3,2.2,wren\nD:/field/dawn.wav,5,6,wren\n"
        "D:/field/gone.wav,5,6,wren\n"
    )
    options = (scores / "dawn.wav.parquet", "--against", table, "--threshold", "0.7")
    told = report(*options)
    assert told["n_recordings"] == 1
    assert told["overall"]["n_hits"] == 1  # type: ignore[index]
    for more in (("--collar", "400ms"), ("--overlap", "0.5")):
        assert report(*options, *more)["macro_f1"] == 1.0
    assert report(*options, "--onset-only")["macro_f1"] == 0.5
    done = run(scores, "--against", table)
    assert "dusk.wav: was scanned, but has no annotations" in done.stderr
    assert " of 1 recording, " in done.stdout


def test_annotated_events_that_touch_are_one(scores: Path, tables: Path) -> None:
    path = tables / "dusk.Table.1.selections.txt"
    head = path.read_text().splitlines()[0]
    path.write_text(f"{head}\n1\t3\t3.7\twren\n2\t3.7\t4.5\twren\n")
    told = report(scores, "--against", tables, "--threshold", "0.7")
    assert told["overall"]["n_annotated"] == 3  # type: ignore[index]
    assert told["macro_f1"] == 1.0


def test_labels_that_the_model_does_not_know(tables: Path, tmp_path: Path) -> None:
    folder = tmp_path / "others"
    write_made(folder, "dawn", wrong=(8, 9), labels=("robin", "owl"))
    with pytest.raises(DataError, match="does not know: 'wren'; name those to comp"):
        run(folder, "--against", tables)
    told = report(folder, "--against", tables, "--classes", "owl")
    assert told["macro_f1"] is None
    with pytest.raises(DataError, match="none of the model's labels is annotated"):
        run(folder, "--against", tables, "--choose-threshold", "--classes", "owl")


def test_scores_of_several_models(scores: Path, tables: Path, tmp_path: Path) -> None:
    write_made(tmp_path / "others", "dawn", wrong=(8, 9), labels=("robin", "owl"))
    with pytest.raises(DataError, match="are of models with different labels"):
        run(scores, tmp_path / "others", "--against", tables)
    with pytest.raises(SettingError, match=r"dawn.wav is among the scores more than"):
        run(scores, scores / "dawn.wav.parquet", "--against", tables)


def test_annotations_that_are_about_nothing(scores: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder or file"):
        run(scores, "--against", tmp_path / "x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no annotations of the recordings that were"):
        run(scores, "--against", tmp_path / "empty")
    answers = tmp_path / "empty" / "found.csv"
    answers.write_text("path,start_seconds,end_seconds,label,score\ndawn.wav,1,2,w,1\n")
    with pytest.raises(
        DataError, match=r"found\.csv: tells scores, so it holds answers"
    ):
        run(scores, "--against", tmp_path / "empty")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--choose-threshold",), "--choose-threshold needs annotations"),
        (("--against", "x", "--out", "y"), "no events; leave out --out"),
        (("--against", "x", "--count-by", "day"), "leave out --count-by"),
    ],
)
def test_options_that_do_not_go_together(
    options: tuple[str, ...], problem: str, scores: Path
) -> None:
    with pytest.raises(SettingError, match=problem):
        run(scores, *options)


def test_a_threshold_cannot_be_both_given_and_chosen(
    scores: Path, tables: Path
) -> None:
    options = ("--against", tables, "--choose-threshold", "--threshold", "0.5")
    with pytest.raises(SettingError, match="leave out --threshold"):
        run(scores, *options)
