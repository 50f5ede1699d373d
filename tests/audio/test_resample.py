from collections.abc import Iterator

import numpy as np
import pytest
import soxr
from scipy.signal import resample_poly

from sonotype.audio.resample import resample, resample_blocks, resample_stream
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


@pytest.mark.parametrize("n_samples", [1, 5, 441, 4_097, 100_003])
@pytest.mark.parametrize("to_rate", [16_000, 48_000])
def test_blocks_are_resampled_as_one(n_samples: int, to_rate: int) -> None:
    samples = np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    whole = soxr.resample(samples, 44_100, to_rate, quality="HQ")
    for n_blocks in (1, 2, 5):
        for known in (None, n_samples):
            found = resample_blocks(
                filter(len, np.array_split(samples, n_blocks)),
                from_rate=44_100,
                to_rate=to_rate,
                n_samples=known,
            )
            np.testing.assert_array_equal(found, whole)


def test_a_resampler_forgets_a_sound_that_broke_off() -> None:
    def breaks_off() -> Iterator[np.ndarray]:
        yield np.ones(1_000, np.float32)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        resample_blocks(breaks_off(), from_rate=44_100, to_rate=16_000)
    found = resample_blocks(
        [np.zeros(1_000, np.float32)], from_rate=44_100, to_rate=16_000
    )
    assert not found.any()


def test_rates_of_blocks_are_positive() -> None:
    with pytest.raises(SettingError, match="must be positive, but these are 0 and"):
        resample_blocks([], from_rate=0, to_rate=16_000)


@pytest.mark.parametrize("to_rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("n_block", [1, 7, 160, 5_000, 60_000])
def test_a_stream_is_to_the_last_bit_the_whole(
    to_rate: int, n_block: int, rng: np.random.Generator
) -> None:
    samples = rng.standard_normal(20_011 if n_block > 1 else 2_000).astype(np.float32)
    blocks = (samples[at : at + n_block] for at in range(0, len(samples), n_block))
    pieces = list(resample_stream(blocks, from_rate=16_000, to_rate=to_rate))
    whole = soxr.resample(samples, 16_000, to_rate, quality="HQ")
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert all(map(len, pieces))


def test_a_stream_between_no_rates_is_refused() -> None:
    with pytest.raises(SettingError, match="must be positive, but these are 0"):
        list(resample_stream([], from_rate=0, to_rate=8_000))
