"""Convolution against numpy, and lengths that transform fast."""

import numpy as np
import pytest

from sonotype.augment.frequency_domain import convolve, fft_length


@pytest.mark.parametrize(("n_samples", "n_response"), [(1_000, 300), (5, 5), (3, 200)])
def test_each_clip_is_convolved_with_its_own_response(
    n_samples: int, n_response: int
) -> None:
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((4, n_samples)).astype(np.float32)
    responses = rng.standard_normal((4, n_response)).astype(np.float32)
    expected = [
        np.convolve(clip, response)[:n_samples]
        for clip, response in zip(audio, responses, strict=True)
    ]
    np.testing.assert_allclose(convolve(audio, responses), expected, atol=1e-4)


def test_lengths_are_even_and_a_quarter_too_long_at_most() -> None:
    for n_samples in [*range(1, 3_000), 16_000, 44_100, 160_001]:
        length = fft_length(n_samples)
        assert length % 2 == 0
        assert n_samples <= length <= max(8, 1.25 * n_samples)
        while length % 2 == 0:
            length //= 2
        assert length in (1, 3, 5, 7)
