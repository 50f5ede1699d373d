"""`sonotype hear`: the sounds, the picture, and what is printed."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sonotype.errors import AudioError, SettingError
from sonotype.interfaces.cli.hear import hear

RATE = 8_000
CONFIG = """
[audio]
sample_rate = 8000
clip_seconds = 0.25

[[frontend]]
layer = "log_mel"
n_mels = 20

[[augment.waveform]]
layer = "gain"
low_db = -12.0
high_db = 0.0
probability = 0.5

[[augment.waveform]]
layer = "shift"
max_seconds = 0.05

[[augment.spectrogram]]
layer = "{layer}"
"""
app = typer.Typer()
app.command()(hear)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(CONFIG.format(layer="mixup"))
    return path


@pytest.fixture
def recording(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * rng.standard_normal(2_000), RATE, subtype="FLOAT")
    return path


def test_sounds_are_the_recording_with_what_was_printed(
    recording: Path, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "heard"
    done = run(recording, "--config", config, "--out", out, "--count", "12")
    assert done.exit_code == 0, done.output
    names = [f"1-a-{number:02}.wav" for number in range(13)]
    assert sorted(path.name for path in out.iterdir()) == [*names, "versions.png"]
    original, _ = soundfile.read(out / "1-a-00.wav")
    np.testing.assert_allclose(original, soundfile.read(recording)[0], atol=1e-7)
    told = done.stdout.split("1-a-")[1:]
    assert len(told) == 12
    for name, text in zip(names[1:], told, strict=True):
        version, rate = soundfile.read(out / name)
        assert rate == RATE
        lines = [line.strip().split() for line in text.splitlines()[1:]]
        drawn = {line[1]: float(line[2]) for line in lines}
        later = int(drawn["later_samples"])
        expected = np.zeros(2_000)
        if later >= 0:
            expected[later:] = original[: 2_000 - later]
        else:
            expected[:later] = original[-later:]
        expected *= 10 ** (drawn.get("gain_db", 0.0) / 20)
        # Four digits of the gain are printed.
        np.testing.assert_allclose(version, expected, rtol=1e-3, atol=1e-7)
    assert 0 < done.stdout.count("gain: ") < 12
    assert "mixup: give several files to see clips mixed" in done.stderr


def test_the_picture_has_a_panel_for_each_version(
    recording: Path, config: Path, tmp_path: Path
) -> None:
    from sonotype.interfaces.cli.hear import contact_sheet, read_clips
    from sonotype.settings import read_settings
    from sonotype.training.versions import make_versions, plain_features

    settings = read_settings(config=config)
    clips = read_clips([recording, recording], RATE, settings.n_samples)
    versions = make_versions(clips, settings, count=4)
    plain = plain_features(clips, settings)
    figure = contact_sheet(["a", "$5"], plain, versions, clip_seconds=0.25)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == [
        *("a, as it is", "1", "2", "3", "4"),
        *("$5, as it is", "1", "2", "3", "4"),
    ]
    np.testing.assert_array_equal(shown[0].images[0].get_array(), plain[0].T)
    np.testing.assert_array_equal(
        shown[9].images[0].get_array(), versions[7].features.T
    )


def test_the_same_seed_writes_the_same_sounds(
    recording: Path, config: Path, tmp_path: Path
) -> None:
    for name, seed in (("one", "4"), ("two", "4"), ("three", "5")):
        options = ("--config", config, "--count", "1", "--seed", seed)
        assert run(recording, *options, "--out", tmp_path / name).exit_code == 0
    # The samples, not the file: libsndfile 1.2 writes the time of day into its header.
    one, two, three = (
        soundfile.read(tmp_path / name / "1-a-1.wav")[0]
        for name in ("one", "two", "three")
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, three)


def test_a_folder_in_the_way_is_kept(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    done = run(recording, "--out", tmp_path / "out")
    assert isinstance(done.exception, SettingError)
    assert "pass --force" in str(done.exception)


def test_wrong_files_and_layers_write_nothing(
    recording: Path, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    missing = run(tmp_path / "none.wav", "--config", config, "--out", out)
    assert isinstance(missing.exception, AudioError)
    config.write_text(CONFIG.format(layer="spec_augmnt"))
    misspelt = run(recording, "--config", config, "--out", out)
    assert isinstance(misspelt.exception, SettingError)
    assert "did you mean 'spec_augment'" in str(misspelt.exception)
    assert not out.exists()
