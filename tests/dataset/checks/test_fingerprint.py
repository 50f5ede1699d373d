import itertools

import numpy as np
import pytest

from sonotype.dataset.checks.fingerprint import (
    HOP_SAMPLES,
    N_BITS,
    Fingerprint,
    Fingerprinter,
)


def fingerprint_of(samples: np.ndarray, *, sample_rate: int = 8_000) -> Fingerprint:
    fingerprinter = Fingerprinter(sample_rate)
    fingerprinter.add(samples.astype(np.float32))
    return fingerprinter.finish()


def bit_error_rate(first: Fingerprint, second: Fingerprint) -> float:
    n = min(len(first), len(second))
    different = first.bits[:n] ^ second.bits[:n]
    return sum(int(word).bit_count() for word in different) / (n * N_BITS)


def test_the_same_as_written_out_by_hand(rng: np.random.Generator) -> None:
    samples = rng.standard_normal(4_000).astype(np.float32)
    found = fingerprint_of(samples)
    padded = np.pad(samples, 512)
    edges = np.rint(np.geomspace(300, 3_400, N_BITS + 2) / 8_000 * 1_024).astype(int)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1_024) / 1_024)

    def bands(frame: int) -> np.ndarray:
        cut = padded[frame * HOP_SAMPLES :][:1_024] * window
        power = np.abs(np.fft.fft(cut)) ** 2
        return np.array([power[a:b].sum() for a, b in itertools.pairwise(edges)])

    for frame in (1, 20, len(found) - 1):
        now, before = bands(frame), bands(frame - 1)
        rises = (now[1:] - now[:-1]) > (before[1:] - before[:-1])
        assert int(found.bits[frame]) == sum(2**i for i in np.flatnonzero(rises))


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100])
def test_blocks_make_no_difference(sample_rate: int, rng: np.random.Generator) -> None:
    samples = rng.standard_normal(sample_rate).astype(np.float32)
    fingerprinter = Fingerprinter(sample_rate)
    for block in np.array_split(samples, 7):
        fingerprinter.add(block)
    parts, whole = (
        fingerprinter.finish(),
        fingerprint_of(samples, sample_rate=sample_rate),
    )
    assert len(parts) == len(whole) == 126
    assert bit_error_rate(parts, whole) < 0.001
    # Nothing comes before the first frame.
    assert not whole.heard[0]


def test_neither_gain_nor_rate_changes_much(rng: np.random.Generator) -> None:
    import scipy.signal

    samples = rng.standard_normal(16_000)
    first = fingerprint_of(samples)
    assert bit_error_rate(first, fingerprint_of(-0.01 * samples)) < 0.001
    faster = scipy.signal.resample(samples, 32_000)
    assert bit_error_rate(first, fingerprint_of(faster, sample_rate=16_000)) < 0.02


def test_two_noises_of_one_colour_are_strangers(rng: np.random.Generator) -> None:
    one, other = (fingerprint_of(rng.standard_normal(16_000)) for _ in range(2))
    assert bit_error_rate(one, other) == pytest.approx(0.5, abs=0.05)


def test_silence_is_not_heard(rng: np.random.Generator) -> None:
    assert not fingerprint_of(np.zeros(8_000)).heard.any()
    samples = np.concatenate([rng.standard_normal(8_000), np.zeros(8_000)])
    heard = fingerprint_of(samples).heard
    assert heard[1:125].all()
    assert not heard[140:].any()


def test_below_8_khz_there_is_nothing_to_look_at() -> None:
    assert len(fingerprint_of(np.ones(4_000), sample_rate=4_000)) == 0
