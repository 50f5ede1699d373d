import numpy as np
import pytest
from scipy.signal import resample_poly

from sonotype.audio.resample import resample
from sonotype.errors import SettingError


def tone(sample_rate: int, hertz: float, seconds: float = 1.0) -> np.ndarray:
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return np.sin(2 * np.pi * hertz * times).astype(np.float32)


@pytest.mark.parametrize(
    ("from_rate", "to_rate"), [(44_100, 16_000), (8_000, 16_000), (48_000, 32_000)]
)
def test_a_tone_is_the_same_tone_at_the_other_rate(
    from_rate: int, to_rate: int
) -> None:
    found = resample(tone(from_rate, 440.0), from_rate=from_rate, to_rate=to_rate)
    assert found.dtype == np.float32
    assert len(found) == to_rate
    # The ends, where the filter sees the silence outside, are left out.
    inside = slice(to_rate // 10, -to_rate // 10)
    np.testing.assert_allclose(
        found[inside], tone(to_rate, 440.0)[inside], atol=1e-4, rtol=0
    )


def test_it_agrees_with_scipy_on_a_chirp() -> None:
    times = np.arange(16_000) / 16_000
    chirp = np.sin(2 * np.pi * (100 + 400 * times) * times).astype(np.float32)
    found = resample(chirp, from_rate=16_000, to_rate=8_000)
    expected = resample_poly(chirp, 1, 2)
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=2e-3)


def test_what_the_new_rate_cannot_hold_is_removed() -> None:
    found = resample(tone(16_000, 6_000.0), from_rate=16_000, to_rate=8_000)
    assert np.abs(found[400:-400]).max() < 1e-4


@pytest.mark.parametrize("n_samples", [1, 2, 441, 44_099, 44_100, 44_101])
def test_the_length_is_scaled_by_the_rates(n_samples: int) -> None:
    samples = np.ones(n_samples, np.float32)
    found = resample(samples, from_rate=44_100, to_rate=16_000)
    assert abs(len(found) - n_samples * 16_000 / 44_100) < 1


def test_equal_rates_return_the_input() -> None:
    samples = tone(8_000, 440.0)
    assert resample(samples, from_rate=8_000, to_rate=8_000) is samples


@pytest.mark.parametrize(("from_rate", "to_rate"), [(0, 8_000), (8_000, -1)])
def test_rates_must_be_positive(from_rate: int, to_rate: int) -> None:
    with pytest.raises(SettingError, match=f"these are {from_rate} and {to_rate} Hz"):
        resample(np.zeros(8, np.float32), from_rate=from_rate, to_rate=to_rate)
