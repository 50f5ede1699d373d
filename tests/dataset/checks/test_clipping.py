import numpy as np
import pytest

from sonotype.dataset.checks.clipping import Plateaus

RATE = 16_000


def tone(hertz: float, peak: float, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return peak * np.sin(2 * np.pi * hertz * time)


def as_16_bit(samples: np.ndarray) -> np.ndarray:
    return (np.clip(np.round(samples * 32768), -32768, 32767) / 32768).astype("f4")


def measured(*blocks: np.ndarray) -> Plateaus:
    plateaus = Plateaus()
    for block in blocks:
        plateaus.add(block)
    return plateaus


def test_counts_what_arithmetic_says() -> None:
    # 100 Hz at twice full scale: 200 tops a second, each two thirds of the half wave.
    found = measured(as_16_bit(tone(100, 2.0)))
    assert found.n_plateaus == 200
    assert found.n_samples / RATE == pytest.approx(2 / 3, abs=0.01)


def test_finds_clipping_that_was_turned_down_afterwards() -> None:
    clipped = np.clip(tone(300, 2.0), -1, 1)
    assert measured(as_16_bit(0.3 * clipped)).n_plateaus == 600


def test_finds_clipping_on_one_side() -> None:
    assert measured(as_16_bit(np.minimum(tone(300, 1.0), 0.5))).n_plateaus == 300


@pytest.mark.parametrize("hertz", [20, 50, 440, 4_000])
@pytest.mark.parametrize("peak", [0.06, 0.5, 1.0])
def test_a_tone_within_full_scale_is_not_clipped(hertz: float, peak: float) -> None:
    assert measured(as_16_bit(tone(hertz, peak * 32767 / 32768))).n_plateaus == 0


def test_eight_bits_are_not_clipping() -> None:
    coarse = np.round(tone(60, 0.3) * 128) / 128
    assert measured(coarse.astype(np.float32)).n_plateaus == 0


def test_blocks_make_no_difference_where_no_top_is_cut() -> None:
    samples = as_16_bit(tone(100, 2.0))
    whole, parts = measured(samples), measured(samples[:8_000], samples[8_000:])
    assert (whole.n_plateaus, whole.n_samples) == (parts.n_plateaus, parts.n_samples)


def test_a_higher_top_later_on_starts_the_count_again() -> None:
    low = as_16_bit(np.clip(tone(300, 1.0), -0.5, 0.5))
    assert measured(low, as_16_bit(tone(300, 0.9))).n_plateaus == 0
