"""Windows and Fourier kernels as plain arrays; needs numpy only."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sonotype.errors import unknown_name

Window = Literal[
    "hann",
    "hann_symmetric",
    "hamming",
    "hamming_symmetric",
    "blackman",
    "rectangular",
]

# The weights of a sum of cosines, and how many samples short of its length the window
# repeats: 0 is periodic, for spectra; 1 is symmetric, with equal first and last sample.
WINDOWS: dict[str, tuple[tuple[float, ...], int]] = {
    "hann": ((0.5, 0.5), 0),
    "hann_symmetric": ((0.5, 0.5), 1),
    "hamming": ((0.54, 0.46), 0),
    "hamming_symmetric": ((0.54, 0.46), 1),
    "blackman": ((0.42, 0.5, 0.08), 0),
    "rectangular": ((1.0,), 0),
}


def window_samples(window: str, n_samples: int) -> NDArray[np.float64]:
    """Return the samples of a window by name.

    Args:
        window: A name in `WINDOWS`.
        n_samples: Length of the window, at least 2.

    Raises:
        SettingError: If there is no such window.

    References:
        Harris, Proceedings of the IEEE 66 (1978), on windows as sums of cosines.

    Example:
        >>> window_samples("hann", 4).round(6).tolist()
        [0.0, 0.5, 1.0, 0.5]
    """
    if window not in WINDOWS:
        raise unknown_name("window", window, WINDOWS)
    weights, short = WINDOWS[window]
    turns = np.arange(n_samples) / (n_samples - short)
    cosines = [
        (-1) ** order * weight * np.cos(2.0 * np.pi * order * turns)
        for order, weight in enumerate(weights)
    ]
    return np.sum(cosines, axis=0, dtype=np.float64)


def fourier_angles(frame_length: int, n_fft: int) -> NDArray[np.float64]:
    """Return how far each wave of a Fourier transform has come, in radians.

    Args:
        frame_length: Samples in a frame.
        n_fft: FFT length in samples.

    Returns:
        Angles from 0 to below two pi, `(frame_length, n_fft // 2 + 1)`.

    Example:
        >>> fourier_angles(3, 4).round(2).tolist()
        [[0.0, 0.0, 0.0], [0.0, 1.57, 3.14], [0.0, 3.14, 0.0]]
    """
    # Whole turns are taken off as integers: the angles of a long FFT stay exact.
    turns = np.outer(np.arange(frame_length), np.arange(n_fft // 2 + 1)) % n_fft
    angles: NDArray[np.float64] = 2 * np.pi * (turns / n_fft)
    return angles


def fourier_kernel(window: NDArray[np.float64], n_fft: int) -> NDArray[np.float32]:
    """Return the window times cosines and sines: a Fourier transform as a matrix.

    Args:
        window: Weights of the samples of a frame, of shape `(frame_length,)`.
        n_fft: FFT length in samples, at least that of the frame.

    Returns:
        Float32 `(frame_length, 2 * bins)`: the real parts of all bins, then the
        imaginary ones.

    Example:
        >>> fourier_kernel(window_samples("hann", 400), 512).shape
        (400, 514)
    """
    angles = fourier_angles(len(window), n_fft)
    waves = np.concatenate([np.cos(angles), -np.sin(angles)], 1)
    return (window[:, None] * waves).astype(np.float32)
