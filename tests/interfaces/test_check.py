import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sonotype.errors import DataError, SettingError
from sonotype.interfaces.cli.check import check

RATE = 8_000
app = typer.Typer()
app.command()(check)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    root = tmp_path / "data"
    for label in ("no", "yes"):
        (root / label).mkdir(parents=True)
        for speaker in range(8):
            for take in range(2):
                samples = 0.1 * rng.standard_normal(RATE)
                name = f"{speaker}_nohash_{take}.wav"
                soundfile.write(root / label / name, samples, RATE)
    return root


@pytest.fixture
def warned(folder: Path) -> Path:
    """With a warning: an exact copy."""
    content = (folder / "no" / "0_nohash_0.wav").read_bytes()
    (folder / "no" / "0_nohash_7.wav").write_bytes(content)
    return folder


@pytest.fixture
def broken(warned: Path) -> Path:
    """With a warning and an error: a file cut short."""
    path = warned / "yes" / "1_nohash_1.wav"
    path.write_bytes(path.read_bytes()[:9_000])
    return warned


def test_a_good_folder(folder: Path) -> None:
    done = run(folder)
    assert done.exit_code == 0
    assert "32, 0.01 hours" in done.stdout
    assert "0 errors, 0 warnings, 0 notes" in done.stdout


def test_findings_are_listed_with_advice(broken: Path) -> None:
    done = run(broken)
    assert done.exit_code == 1
    assert done.stdout.index("error: is cut short") < done.stdout.index(
        "warning: exact"
    )
    assert "2 files are equal byte for byte" in done.stdout
    assert "no/0_nohash_0.wav, no/0_nohash_7.wav" in done.stdout
    assert "-> Copy or download the file again" in done.stdout
    assert "1 error, 1 warning, 0 notes" in done.stdout
    assert "listening" in done.stderr
    assert "listening" not in done.stdout


@pytest.mark.parametrize(
    ("fixture", "fail_on", "code"),
    [
        ("folder", "warning", 0),
        ("warned", "error", 0),
        ("warned", "warning", 1),
        ("broken", "error", 1),
        ("broken", "never", 0),
    ],
)
def test_the_exit_code_follows_fail_on(
    fixture: str, fail_on: str, code: int, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(fixture)
    assert run(data, "--fail-on", fail_on).exit_code == code


def test_json_is_all_there_is_on_stdout(broken: Path) -> None:
    done = run(broken, "--format", "json")
    assert done.exit_code == 1
    plain = json.loads(done.stdout)
    assert plain["n_findings"] == {"error": 1, "warning": 1, "note": 0}
    assert plain["findings"][0]["kind"] == "truncated"


def test_a_page_is_written_also_when_it_fails(broken: Path, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    done = run(broken, "--page", page)
    assert done.exit_code == 1
    assert f"wrote {page}" in done.stderr
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_classes_and_groups_are_options(folder: Path) -> None:
    done = run(folder, "--classes", "yes", "--group-by", "file", "--format", "json")
    assert json.loads(done.stdout)["classes"] == [
        {"label": "yes", "n_clips": 16, "n_groups": 16}
    ]


def test_leakage_of_both_splits(warned: Path) -> None:
    shared = {}
    for form in ("random", "grouped"):
        done = run(warned, "--leakage", form, "--format", "json")
        assert done.exit_code == 0
        shared[form] = json.loads(done.stdout)["shared"]
    assert sum(row["n_in_shared_groups"] for row in shared["random"]) > 5
    assert sum(row["n_in_shared_groups"] for row in shared["grouped"]) == 0
    table = run(warned, "--leakage", "grouped").stdout
    assert "shared groups" in table
    assert "nearest neighbour" in table
    assert "random" in table.splitlines()[-1]


def test_what_a_random_split_is_worth(folder: Path) -> None:
    plain = json.loads(run(folder, "--leakage", "random", "--format", "json").stdout)
    assert plain["gap_problem"] is None
    assert [model["model"] for model in plain["gap"]["models"]] == [
        "nearest neighbour",
        "linear",
    ]
    assert (plain["gap"]["n_clips"], plain["gap"]["n_groups"]) == (32, 8)


def test_what_cannot_be_told_does_not_hide_the_rest(folder: Path) -> None:
    options = ("--leakage", "random", "--group-by", "file")
    done = run(folder, *options)
    assert done.exit_code == 0
    assert "shared groups" in done.stdout
    assert "cannot be told: every clip is a group of its own" in done.stdout
    plain = json.loads(run(folder, *options, "--format", "json").stdout)
    assert plain["gap"] is None
    assert plain["gap_problem"].startswith("every clip is a group of its own")


def test_near_copies_are_put_into_one_group(
    folder: Path, rng: np.random.Generator
) -> None:
    samples, rate = soundfile.read(folder / "no" / "0_nohash_0.wav")
    soundfile.write(folder / "no" / "louder_nohash_0.wav", 2 * samples, rate)
    n_groups = {}
    for form in ("speaker", "near-duplicate", "file", "file+near-duplicate"):
        done = run(folder, "--group-by", form, "--format", "json")
        n_groups[form] = json.loads(done.stdout)["n_groups"]
    assert n_groups == {
        "speaker": 9,
        "near-duplicate": 8,
        "file": 33,
        "file+near-duplicate": 32,
    }


def test_other_layouts_are_read(folder: Path, tmp_path: Path) -> None:
    rows = ["file,label,site"]
    for path in sorted(folder.rglob("*.wav")):
        name = path.relative_to(folder.parent).as_posix()
        rows.append(f"{name},{path.parent.name},{path.name[0]}")
    table = folder.parent / "words.csv"
    table.write_text("\n".join(rows))
    done = run(table, "--format", "json")
    assert "layout table, because it is a file" in done.stderr
    plain = json.loads(done.stdout)
    assert (plain["n_clips"], plain["n_groups"]) == (32, 8)
    wrong = run(folder, "--layout", "folders").exception
    assert isinstance(wrong, SettingError)
    assert "did you mean 'folder'?" in str(wrong)


def test_wrong_usage(folder: Path, tmp_path: Path) -> None:
    assert run(folder, "--fail-on", "notes").exit_code == 2
    assert isinstance(run(tmp_path / "gone").exception, DataError)
    lost = run(folder, "--page", tmp_path / "no" / "folder.html")
    assert isinstance(lost.exception, SettingError)
    assert "there is no folder" in str(lost.exception)
    both = run(folder, "--page", tmp_path / "x.html", "--leakage", "random")
    assert "leave one of them out" in str(both.exception)


def test_odd_names_stay_on_their_line(folder: Path) -> None:
    (folder / "a [bold]b").mkdir()
    (folder / "a [bold]b" / "one\ntwo.wav").write_bytes(b"RIFF")
    soundfile.write(folder / "a [bold]b" / "x.wav", np.full(RATE, 0.5), RATE)
    done = run(folder)
    assert "a [bold]b      1       1" in done.stdout
    assert r"one\ntwo.wav: cannot be read" in done.stdout


def test_names_that_cannot_be_printed(folder: Path) -> None:
    odd = folder / "no" / "a\udcff.wav"
    try:
        odd.write_bytes(b"RIFF")
    except OSError:
        pytest.skip("this file system refuses such names")
    done = run(folder)
    assert done.exit_code == 1
    assert "valid UTF-8" in done.stdout
