import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.interfaces.cli.main import VERBS, main
from sonotype.settings import Settings


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run the command in this process; return exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    code = stopped.value.code
    return (code if isinstance(code, int) else 0), captured.out, captured.err


@pytest.fixture
def config(tiny_settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(tiny_settings.to_toml(), encoding="utf-8")
    return path


@pytest.fixture
def nasty_folder(tone_folder: Path, tmp_path: Path) -> Path:
    """The tones, and four files that cannot be used."""
    root = tmp_path / "nasty"
    for folder in tone_folder.iterdir():
        (root / folder.name).mkdir(parents=True)
        for file in folder.iterdir():
            (root / folder.name / file.name).hardlink_to(file)
    whole = next((root / "low").iterdir()).read_bytes()
    (root / "low" / "truncated.wav").write_bytes(whole[: len(whole) // 2])
    (root / "low" / "empty.wav").write_bytes(b"")
    (root / "high" / "text.wav").write_text("these are words, not sound")
    soundfile.write(root / "high" / "none.wav", np.zeros(0), 8_000)
    return root


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(f"  {verb.__name__} " in out for verb in VERBS)


def test_train_sets_bad_files_aside_and_writes_a_bundle(
    capsys: pytest.CaptureFixture[str],
    nasty_folder: Path,
    config: Path,
    tmp_path: Path,
) -> None:
    out_path = tmp_path / "tones.sonotype"
    code, out, err = run(
        capsys, "train", nasty_folder, "--out", out_path, "--config", config
    )
    assert code == 0
    assert out.count("accuracy 1.000") == 2  # Keras and LiteRT
    assert "4 files were set aside" in err
    reasons = (out_path / "rejected.csv").read_text()
    for name in ("truncated.wav", "empty.wav", "text.wav", "none.wav"):
        assert name in reasons
    for name in ("model.json", "settings.toml", "model.tflite", "model.keras"):
        assert (out_path / name).is_file()
    assert (out_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
    # The split is printed with counts per class and groups.
    assert "groups" in err
    assert "validation" in err


def test_train_strict_refuses_bad_files(
    capsys: pytest.CaptureFixture[str],
    nasty_folder: Path,
    config: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "tones.sonotype"
    code, _, err = run(
        capsys, "train", nasty_folder, "--out", out, "--config", config, "--strict"
    )
    assert code == 1
    assert "4 files cannot be used" in err
    assert not out.exists()


def test_train_again_from_the_settings_of_a_bundle(
    capsys: pytest.CaptureFixture[str],
    tone_folder: Path,
    bundle_path: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "again.sonotype"
    settings = bundle_path / "settings.toml"
    code, _, _ = run(capsys, "train", tone_folder, "--out", out, "--config", settings)
    assert code == 0
    assert (out / "settings.toml").read_text() == settings.read_text()


def test_train_does_not_replace_a_bundle_unasked(
    capsys: pytest.CaptureFixture[str], tone_folder: Path, bundle_path: Path
) -> None:
    code, _, err = run(capsys, "train", tone_folder, "--out", bundle_path)
    assert code == 2
    assert "pass --force" in err


def test_evaluate_leaves_out_what_was_heard(
    capsys: pytest.CaptureFixture[str], tone_folder: Path, bundle_path: Path
) -> None:
    code, out, err = run(
        capsys, "evaluate", bundle_path, tone_folder, "--format", "json"
    )
    assert code == 0
    reports = json.loads(out)
    metrics = json.loads((bundle_path / "model.json").read_text())["test_metrics"]
    assert reports["LiteRT"]["n_clips"] == metrics["n_clips"] < 90
    assert reports["LiteRT"]["accuracy"] == reports["Keras"]["accuracy"] == 1.0
    assert f"left out {90 - metrics['n_clips']} clips" in err


def test_evaluate_prints_classes_and_confusions(
    capsys: pytest.CaptureFixture[str], tone_folder: Path, bundle_path: Path
) -> None:
    code, out, _ = run(
        capsys, "evaluate", bundle_path, tone_folder, "--all", "--no-keras"
    )
    assert code == 0
    assert "on 90 clips of 10 groups" in out
    assert "95 % interval" in out
    assert [line.split() for line in out.splitlines() if line.startswith("high")] == [
        ["high", "30", "1.000", "1.000", "1.000"],
        ["high", "30", ".", "."],
    ]


def test_evaluate_leaves_out_classes_the_model_does_not_know(
    capsys: pytest.CaptureFixture[str],
    tone_folder: Path,
    bundle_path: Path,
    tmp_path: Path,
) -> None:
    for label, source in {"low": "low", "thunder": "noise", "rain": "noise"}.items():
        (tmp_path / label).mkdir()
        for file in (tone_folder / source).iterdir():
            (tmp_path / label / file.name).hardlink_to(file)
    options = ["--all", "--no-keras", "--format", "json"]
    code, out, err = run(capsys, "evaluate", bundle_path, tmp_path, *options)
    assert code == 0
    assert json.loads(out)["LiteRT"]["n_clips"] == 30
    assert "no such class: rain, thunder" in err
    shutil.rmtree(tmp_path / "low")
    code, _, err = run(capsys, "evaluate", bundle_path, tmp_path, *options)
    assert code == 1
    assert "none of the model's classes" in err


def test_evaluate_refuses_a_test_set_that_was_all_heard(
    capsys: pytest.CaptureFixture[str],
    trained: object,
    bundle_path: Path,
    tmp_path: Path,
) -> None:
    heard = trained.heard  # type: ignore[attr-defined]
    for clip in heard:
        folder = tmp_path / clip.labels[0]
        folder.mkdir(exist_ok=True)
        (folder / f"renamed_{clip.path.name}").hardlink_to(clip.path)
    code, _, err = run(capsys, "evaluate", bundle_path, tmp_path)
    assert code == 1
    assert "were used in training" in err


def test_predict_prints_a_row_a_file_and_names_the_bad_one(
    capsys: pytest.CaptureFixture[str], bundle_path: Path, nasty_folder: Path
) -> None:
    files = [
        next((nasty_folder / "low").glob("*nohash*")),
        nasty_folder / "low/empty.wav",
    ]
    code, out, err = run(capsys, "predict", bundle_path, *files, "--format", "csv")
    assert code == 0
    header, row = out.splitlines()
    assert header == "path,label,score,score_high,score_low,score_noise"
    assert row.startswith(f"{files[0]},low,")
    assert "empty.wav" in err
    assert run(capsys, "predict", bundle_path, *files, "--strict")[0] == 1
    assert run(capsys, "predict", bundle_path, files[1])[0] == 1


def test_info_of_a_bundle_and_of_a_file(
    capsys: pytest.CaptureFixture[str], bundle_path: Path, tone_folder: Path
) -> None:
    _, out, _ = run(capsys, "info", bundle_path, "--format", "json")
    facts = json.loads(out)
    assert facts["labels"] == ["high", "low", "noise"]
    assert facts["sample_rate_hz"] == 8_000
    assert facts["golden_difference"] < 1e-4
    _, out, _ = run(capsys, "info", next(tone_folder.rglob("*.wav")))
    assert "8000" in out
    assert "WAV PCM_16" in out


def test_plot_writes_a_picture_once(
    capsys: pytest.CaptureFixture[str], tone_folder: Path, tmp_path: Path
) -> None:
    clip, out = next(tone_folder.rglob("*.wav")), tmp_path / "a.png"
    assert run(capsys, "plot", clip, "--out", out)[0] == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    code, _, err = run(capsys, "plot", clip, "--out", out)
    assert code == 2
    assert "pass --force" in err


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["predict", "absent.sonotype", "a.wav"], 1, "not a bundle"),
        (["train", "absent", "--out", "b.sonotype"], 1, "absent"),
        (["train", ".", "--out", "b", "--recipe", "artcle"], 2, "choose from article"),
        (["train", ".", "--out", "b", "--epochs", "0"], 2, "training.epochs"),
        (["train", ".", "--out", "b", "--epochs", "many"], 2, "valid integer"),
        (["info", "absent.wav"], 1, "absent.wav"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_wrong_usage_is_a_sentence_and_an_exit_code(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, *arguments)
    assert found == code
    assert out == ""
    assert reason in err
    assert "Traceback" not in err


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    from sonotype.errors import BundleError

    with pytest.raises(BundleError):
        main(["predict", str(tmp_path), "a.wav", "--debug"])


def test_data_goes_to_stdout_and_nothing_else(
    bundle_path: Path, tone_folder: Path
) -> None:
    """As a shell sees it: LiteRT's own notes must not mix with the rows."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from sonotype.interfaces.cli.main import main; main()",
            "predict",
            bundle_path,
            next((tone_folder / "low").iterdir()),
            "--format",
            "json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)[0]["label"] == "low"


def test_a_prediction_does_not_wait_for_what_it_does_not_need(
    bundle_path: Path, tone_folder: Path
) -> None:
    code = (
        "import atexit, sys\n"
        "slow = {'keras', 'matplotlib', 'polars', 'scipy', 'sklearn', 'tensorflow'}\n"
        "atexit.register(lambda: print(slow & set(sys.modules), file=sys.stderr))\n"
        "from sonotype.interfaces.cli.main import main; main()"
    )
    clip = next((tone_folder / "low").iterdir())
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", bundle_path, clip],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "set()\n"
