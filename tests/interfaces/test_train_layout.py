from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sonotype.clips import Clips
from sonotype.dataset.checks.findings import Finding
from sonotype.dataset.readers.layout import LAYOUTS, read_dataset
from sonotype.dataset.split import Split
from sonotype.errors import DataError, SettingError, SonotypeError
from sonotype.interfaces.cli.train import train
from sonotype.interfaces.workflow import Silent, attachments, train_folder
from sonotype.settings import Settings, read_settings

app = typer.Typer(rich_markup_mode=None)
app.command()(train)


class StoppedError(SonotypeError):
    """Raised where training would begin, which takes long."""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Thirty recordings of two classes, in a table that says their parts."""
    rows = ["file,label,split"]
    for number in range(30):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.full(800, 0.01 * number), 8_000)
        part = "test" if number < 10 else "train"
        rows.append(f"{path.name},{'xy'[number % 2]},{part}")
    (tmp_path / "birds.csv").write_text("\n".join(rows))
    return tmp_path / "birds.csv"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put a stand-in for the training; return what it was asked for."""
    calls: list[Any] = []

    def stand_in(data: Path, out: Path, settings: Settings, *_: Any, **__: Any) -> None:
        calls.append((data, settings))
        raise StoppedError

    monkeypatch.setattr("sonotype.interfaces.workflow.train_folder", stand_in)
    return calls


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_what_was_recognised_is_told(table: Path, asked: list[Any]) -> None:
    done = run(table, "--out", table.parent / "b.sonotype")
    assert isinstance(done.exception, StoppedError)
    assert done.stdout == ""
    assert done.stderr.strip() == f"{table}: layout table, because it is a file"
    ((data, settings),) = asked
    assert (data, settings.data.layout) == (table, "auto")


def test_a_layout_may_be_named_and_is_kept(table: Path, asked: list[Any]) -> None:
    run(table.parent, "--out", "b", "--layout", "folder")
    ((_, settings),) = asked
    config = table.parent / "settings.toml"
    config.write_text(settings.to_toml())
    assert read_settings(config=config).data.layout == "folder"
    done = run(table.parent, "--out", "b", "--config", config)
    assert "layout folder, because it was asked for" in done.stderr


def test_an_unknown_layout_is_one_error(table: Path, asked: list[Any]) -> None:
    done = run(table, "--out", "b", "--layout", "tables")
    assert isinstance(done.exception, SonotypeError)
    assert "did you mean 'table'?" in str(done.exception)
    assert asked == []


def test_the_help_names_every_layout() -> None:
    # Lines break at hyphens too.
    words = "".join(run("--help").stdout.split())
    for name in LAYOUTS:
        assert name.partition(":")[2] in words
        assert name.partition(":")[0] in words


class Listener(Silent):
    """Hears what the workflow tells, up to the split."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.split: Split | None = None
        self.found: tuple[Finding, ...] = ()

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def findings(self, found: tuple[Finding, ...]) -> None:
        self.found = found

    def parts(self, parts: Split) -> None:
        self.split = parts
        raise StoppedError


def test_given_parts_are_kept_and_told(table: Path) -> None:
    heard = Listener()
    with pytest.raises(StoppedError):
        train_folder(table, table.parent / "b", read_settings(), heard)
    reading, decoding, keeping = heard.stages
    assert (reading, keeping) == ("Reading", "Keeping the parts as given")
    assert decoding.endswith("MB of cache)")
    assert heard.split is not None
    assert {int(path.stem) for path in heard.split.test.paths()} == set(range(10))
    assert len(heard.split.validation) > 0


def test_every_layout_may_be_strict(table: Path) -> None:
    with table.open("a") as stream:
        stream.write("\ngone.wav,x,train")
    clips: Clips = read_dataset(table)
    assert len(clips.rejected) == 1
    with pytest.raises(DataError, match=r"1 files cannot be used; the first is .*gone"):
        train_folder(
            table, table.parent / "b", read_settings(), Listener(), strict=True
        )


def test_a_name_that_is_no_text_is_listed(tmp_path: Path) -> None:
    from sonotype.clips import Rejected

    rejected = (Rejected(tmp_path / "\udcff.wav", "its name is not valid UTF-8"),)
    assert rb"\udcff.wav,its name" in attachments(None, rejected)["rejected.csv"]


def folder_of(root: Path, names: dict[str, int], rng: np.random.Generator) -> Path:
    for label, n_files in names.items():
        (root / label).mkdir(parents=True)
        for number in range(n_files):
            path = root / label / f"{number}.wav"
            soundfile.write(path, 0.1 * rng.standard_normal(800), 8_000)
    return root


def test_what_is_wrong_is_told_before_training(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    root = folder_of(tmp_path / "data", {"Dog": 5, "dog": 5}, rng)
    (root / "Dog" / "copy.wav").write_bytes((root / "dog" / "0.wav").read_bytes())
    heard = Listener()
    with pytest.raises(StoppedError):
        train_folder(root, tmp_path / "b", read_settings(), heard)
    kinds = [finding.kind for finding in heard.found]
    assert kinds == ["label-conflict", "similar-labels"]


def test_what_cannot_work_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    root = folder_of(tmp_path / "data", {"dog": 5}, rng)
    with pytest.raises(DataError, match="'dog' is the only class"):
        train_folder(root, tmp_path / "b", read_settings(), Listener())


def test_near_copies_stay_in_one_part(tmp_path: Path, rng: np.random.Generator) -> None:
    root = folder_of(tmp_path / "data", {"no": 4, "yes": 4}, rng)
    samples = 0.1 * rng.standard_normal(8_000)
    for number, gain in enumerate((1, 2)):
        soundfile.write(root / "no" / f"take{number}.wav", gain * samples, 8_000)
    clips = read_dataset(root, group_by="near-duplicate")
    group_of = {clip.path.name: clip.group for clip in clips}
    assert group_of["take0.wav"] == group_of["take1.wav"]
    assert len(set(clips.groups())) == len(clips) - 1


def test_kinds_of_groups_that_published_sets_have(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    for speaker in ("ann", "bob"):
        path = tmp_path / f"7_{speaker}_0.wav"
        soundfile.write(path, 0.1 * rng.standard_normal(800), 8_000)
    speakers = read_dataset(tmp_path, layout="fsdd", group_by="speaker")
    assert speakers.groups() == ["ann", "bob"]
    with pytest.raises(SettingError, match="nothing here tells the grouping 'site'"):
        read_dataset(tmp_path, layout="fsdd", group_by="site")
