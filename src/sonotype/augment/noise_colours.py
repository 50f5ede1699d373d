"""Noise with a falling spectrum, made from a seed; needs numpy only."""

import numpy as np
from numpy.typing import NDArray

# Below 1/800 of the sample rate (20 Hz at 16 kHz) the spectrum stays level: otherwise
# nearly all power of brown noise would lie where nothing is heard.
LEVEL_BELOW = 1 / 800


def coloured_noise(
    n_samples: int, *, exponent: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Make Gaussian noise whose power falls with frequency.

    Args:
        n_samples: Length, at least 2.
        exponent: The power falls as frequency to minus this: 0 is white, 1 pink and
            2 brown noise.
        rng: Where the random numbers come from.

    Returns:
        Noise of mean 0 and variance 1, of shape `(n_samples,)`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> noise = coloured_noise(16_000, exponent=1.0, rng=rng)
        >>> noise.shape, bool(abs(noise.std() - 1) < 1e-3)
        ((16000,), True)
    """
    white = rng.standard_normal(n_samples)
    spectrum = np.fft.rfft(white)
    frequencies = np.maximum(np.fft.rfftfreq(n_samples), LEVEL_BELOW)
    spectrum *= frequencies ** (-exponent / 2)
    spectrum[0] = 0.0
    noise = np.fft.irfft(spectrum, n_samples)
    scaled: NDArray[np.float32] = (noise / noise.std()).astype(np.float32)
    return scaled
