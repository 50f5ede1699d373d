"""What `sonotype train` makes of the options that say how to choose a network."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sonotype.errors import SettingError, SonotypeError
from sonotype.interfaces.cli.train import train
from sonotype.interfaces.workflow import Auto
from sonotype.settings import Settings

app = typer.Typer(rich_markup_mode=None)
app.command()(train)


class StoppedError(SonotypeError):
    """Raised where training would begin, which takes long."""


def asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *options: str
) -> tuple[Settings, Auto | None]:
    """Return what the options make of the settings, and what auto may do."""
    calls: list[tuple[Settings, Auto | None]] = []

    def stand_in(
        data: Path, out: Path, settings: Settings, *_: Any, auto: Auto | None, **__: Any
    ) -> None:
        calls.append((settings, auto))
        raise StoppedError

    monkeypatch.setattr("sonotype.interfaces.workflow.train_folder", stand_in)
    (tmp_path / "class").mkdir(exist_ok=True)
    done = CliRunner().invoke(app, [str(tmp_path), "--out", "b", *options])
    if isinstance(done.exception, SettingError):
        raise done.exception
    assert isinstance(done.exception, StoppedError), done.output
    return calls[0]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), Auto()),
        (("--recipe", "auto"), Auto()),
        (("--transfer", "auto"), Auto()),
        (("--transfer", "finetune"), Auto()),
        (("--transfer", "frozen"), Auto(finetune=False)),
        (("--budget", "90s"), Auto(budget_seconds=90)),
        (("--budget", "1.5m"), Auto(budget_seconds=90)),
        (("--budget", "1h", "--transfer", "frozen"), Auto(3600, finetune=False)),
        (("--seed", "3"), Auto()),
    ],
)
def test_auto_chooses_unless_told_how(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: tuple[str, ...],
    expected: Auto,
) -> None:
    settings, auto = asked(monkeypatch, tmp_path, *options)
    assert auto == expected
    # What is trained if no pre-trained backbone is at hand.
    assert (settings.recipe, settings.training.transfer) == ("default", "scratch")


@pytest.mark.parametrize(
    ("options", "recipe", "transfer"),
    [
        (("--transfer", "scratch"), "default", "scratch"),
        (("--epochs", "3"), "default", "scratch"),
        (("--weights", "none"), "default", "scratch"),
        (("--recipe", "article"), "article", "scratch"),
        (("--recipe", "speech_embedding"), "speech_embedding", "finetune"),
        (
            ("--recipe", "speech_embedding", "--transfer", "frozen"),
            "speech_embedding",
            "frozen",
        ),
        (
            ("--recipe", "efficientat", "--transfer", "auto"),
            "efficientat",
            "frozen",
        ),
        (
            ("--recipe", "efficientat", "--transfer", "scratch", "--weights", "none"),
            "efficientat",
            "scratch",
        ),
    ],
)
def test_told_how_auto_stays_out(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: tuple[str, ...],
    recipe: str,
    transfer: str,
) -> None:
    settings, auto = asked(monkeypatch, tmp_path, *options)
    assert auto is None
    assert (settings.recipe, settings.training.transfer) == (recipe, transfer)


def test_a_config_says_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text('recipe = "efficientat"\n')
    settings, auto = asked(monkeypatch, tmp_path, "--config", str(config))
    assert (settings.recipe, auto) == ("efficientat", None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--recipe", "default", "--budget", "2m"), "--budget is for --recipe auto"),
        (("--epochs", "3", "--budget", "2m"), "--budget is for --recipe auto"),
        (("--transfer", "scratch", "--budget", "2m"), "--budget is for --recipe auto"),
        (("--recipe", "auto", "--epochs", "3"), "--epochs does not go with --recipe a"),
        (("--recipe", "auto", "--weights", "x"), "--weights does not go with --recipe"),
        (
            ("--recipe", "auto", "--transfer", "scratch"),
            "--transfer scratch does not go with --recipe auto",
        ),
        (("--budget", "0"), "--budget must be above 0"),
        (("--recipe", "default", "--transfer", "frozen"), "nothing to transfer"),
        (
            ("--recipe", "efficientat", "--transfer", "finetune", "--weights", "none"),
            "nothing to transfer",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: tuple[str, ...],
    message: str,
) -> None:
    with pytest.raises(SettingError, match=message):
        asked(monkeypatch, tmp_path, *options)


def test_a_budget_that_is_no_time_is_wrong_usage(tmp_path: Path) -> None:
    arguments = [str(tmp_path), "--out", "b", "--budget", "soon"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert "'soon' is no time; write it as 0.5s, 500ms or 2min" in done.stderr
