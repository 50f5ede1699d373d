"""Background noise sounds like what its file name says."""

from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from sonotype.dataset.spoken.espeak import Espeak
from sonotype.dataset.spoken.spoken_background import SECONDS, make_background

pytest.importorskip("espeakng_loader")

RATE = 16_000
KINDS = ("babble", "hum", "pink_noise", "white_noise")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("noise") / "made"
    with Espeak() as espeak:
        make_background(espeak, folder, RATE, seed=0)
    return folder


def read(folder: Path, kind: str) -> np.ndarray:
    samples, sample_rate = soundfile.read(folder / f"{kind}.wav")
    assert sample_rate == RATE
    return np.asarray(samples)


def test_every_kind_is_there_and_nothing_else(folder: Path) -> None:
    assert sorted(path.stem for path in folder.iterdir()) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_length_and_level(folder: Path, kind: str) -> None:
    assert soundfile.info(folder / f"{kind}.wav").subtype == "PCM_16"
    samples = read(folder, kind)
    assert samples.shape == (SECONDS * RATE,)
    assert np.sqrt(np.square(samples).mean()) == pytest.approx(0.05, rel=0.01)
    assert np.abs(samples).max() < 0.9


@pytest.mark.parametrize(("kind", "slope"), [("white_noise", 0), ("pink_noise", -1)])
def test_noise_has_its_colour(folder: Path, kind: str, slope: int) -> None:
    hertz, power = scipy.signal.welch(read(folder, kind), RATE, nperseg=2048)
    heard = (hertz > 100) & (hertz < 6000)
    fitted, _ = np.polyfit(np.log(hertz[heard]), np.log(power[heard]), 1)
    assert fitted == pytest.approx(slope, abs=0.1)


def test_hum_is_in_the_harmonics_of_the_mains(folder: Path) -> None:
    hertz, power = scipy.signal.periodogram(read(folder, "hum"), RATE)
    harmonic = (hertz % 50 < 0.5) & (hertz > 0) & (hertz < 1001)
    assert power[harmonic].sum() > 0.9 * power.sum()


def test_babble_is_many_voices_without_a_pause(folder: Path) -> None:
    frames = read(folder, "babble").reshape(-1, RATE // 5)
    levels_db = 10 * np.log10(np.square(frames).mean(axis=1))
    assert levels_db.min() > levels_db.max() - 15
