import numpy as np
import pytest
import soxr

from sonotype.dataset.checks.bandwidth import LongTermSpectrum, Wall


def wall_of(samples: np.ndarray, sample_rate: int) -> Wall | None:
    spectrum = LongTermSpectrum(sample_rate)
    spectrum.add(samples)
    return spectrum.find_wall()


def pink(rng: np.random.Generator, n: int) -> np.ndarray:
    """Noise that falls by 3 dB an octave, as most recordings about do."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    samples = np.fft.irfft(spectrum, n)
    return 0.3 * samples / np.abs(samples).max()


def as_16_bit(samples: np.ndarray) -> np.ndarray:
    return np.round(samples * 32768) / 32768


@pytest.mark.parametrize("quality", ["LQ", "MQ", "HQ", "VHQ"])
@pytest.mark.parametrize(
    ("old", "new"),
    [(8_000, 16_000), (16_000, 44_100), (22_050, 44_100), (22_050, 48_000)],
)
def test_upsampled_noise_is_found_with_its_old_rate(
    old: int, new: int, quality: str, rng: np.random.Generator
) -> None:
    narrow = pink(rng, 2 * old)
    found = wall_of(as_16_bit(soxr.resample(narrow, old, new, quality)), new)
    assert found is not None
    assert found.hertz == pytest.approx(old / 2, rel=0.12)
    assert found.drop_db > 30
    if quality != "LQ":  # its filter ends so early that the rate is not certain
        assert found.old_rate_hz() == old


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000])
def test_a_recording_at_its_own_rate_has_no_wall(
    sample_rate: int, rng: np.random.Generator
) -> None:
    assert wall_of(as_16_bit(pink(rng, 2 * sample_rate)), sample_rate) is None


@pytest.mark.parametrize("octave_db", [12, 24, 48])
def test_quiet_treble_is_no_wall(octave_db: float, rng: np.random.Generator) -> None:
    n = 32_000
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hertz = np.fft.rfftfreq(n, 1 / 16_000)
    octaves = np.maximum(np.log2(np.maximum(hertz, 1) / 2_000), 0)
    samples = np.fft.irfft(spectrum * 10 ** (-octave_db * octaves / 20), n)
    assert wall_of(as_16_bit(0.3 * samples / np.abs(samples).max()), 16_000) is None


def test_a_tone_is_no_wall(rng: np.random.Generator) -> None:
    time = np.arange(16_000) / 16_000
    assert wall_of(0.5 * np.sin(2 * np.pi * 3_500 * time), 16_000) is None


def test_silence_and_scraps_have_no_wall() -> None:
    assert wall_of(np.zeros(16_000), 16_000) is None
    assert wall_of(np.zeros(100), 16_000) is None
    assert wall_of(np.ones(4_000), 2_000) is None


@pytest.mark.parametrize(
    ("hertz", "rate"),
    [(3_750, 8_000), (7_900, 16_000), (10_700, 22_050), (6_900, None)],
)
def test_the_old_rate_that_fits(hertz: float, rate: int | None) -> None:
    assert Wall(hertz, 40.0).old_rate_hz() == rate
