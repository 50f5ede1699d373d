"""Filter clips by multiplying their spectra: each clip by a curve of its own."""

import keras
from keras import ops

# What a filter smears beyond the end of a clip must not come in again at its start;
# a filter at 20 Hz rings for about this long.
TAIL_SECONDS = 0.125
# Instead of 0 Hz, which has no logarithm: no high-pass lets anything through there.
LEAST_HZ = 1e-6


def fft_length(n_samples: int) -> int:
    """Return an even length of at least `n_samples` whose transform is fast.

    Example:
        >>> fft_length(18_000), fft_length(16_384)
        (20480, 16384)
    """
    # 4 to 7 times a power of two: prime factors up to 7, at most a quarter too long.
    power = max(2, 1 << max(0, (n_samples - 1).bit_length() - 3))
    return next(
        multiple * power for multiple in range(4, 9) if multiple * power >= n_samples
    )


def frequencies_hz(n_fft: int, sample_rate: int) -> keras.KerasTensor:
    """Return the frequency of each bin, `(n_fft // 2 + 1,)`."""
    return ops.arange(n_fft // 2 + 1, dtype="float32") * (sample_rate / n_fft)


def padded_length(n_samples: int, sample_rate: int) -> int:
    """Return a transform's length with room for what a filter smears."""
    return fft_length(n_samples + round(TAIL_SECONDS * sample_rate))


def multiply_spectra(
    audio: keras.KerasTensor, gain: keras.KerasTensor, n_fft: int
) -> keras.KerasTensor:
    """Filter clips by real gains, which move nothing in time.

    Args:
        audio: Shape `(batch, samples)`.
        gain: Factor of each bin, `(batch, n_fft // 2 + 1)`.
        n_fft: Length of the transform, from `padded_length`.

    Returns:
        Shape `(batch, samples)`.
    """
    real, imaginary = ops.rfft(audio, fft_length=n_fft)
    filtered = ops.irfft((real * gain, imaginary * gain), fft_length=n_fft)
    return filtered[:, : audio.shape[1]]


def convolve(
    audio: keras.KerasTensor, responses: keras.KerasTensor
) -> keras.KerasTensor:
    """Convolve each clip with a response of its own.

    Args:
        audio: Shape `(batch, samples)`.
        responses: Shape `(batch, response_samples)`.

    Returns:
        The first samples of the convolution, `(batch, samples)`.

    Example:
        >>> audio = keras.ops.array([[1.0, 2.0, 0.0]])
        >>> late = convolve(audio, keras.ops.array([[0.0, 1.0]]))
        >>> [round(float(sample), 3) for sample in late[0, 1:]]
        [1.0, 2.0]
    """
    n_fft = fft_length(audio.shape[1] + responses.shape[1])
    a_real, a_imaginary = ops.rfft(audio, fft_length=n_fft)
    b_real, b_imaginary = ops.rfft(responses, fft_length=n_fft)
    product = (
        a_real * b_real - a_imaginary * b_imaginary,
        a_real * b_imaginary + a_imaginary * b_real,
    )
    return ops.irfft(product, fft_length=n_fft)[:, : audio.shape[1]]


def low_pass_gain(
    frequency_hz: keras.KerasTensor, cutoff_hz: keras.KerasTensor, order: int
) -> keras.KerasTensor:
    """Return Butterworth's curve: 3 dB down at the cut-off, then 6 dB an octave.

    Args:
        frequency_hz: Shape `(bins,)`.
        cutoff_hz: Shape `(batch, 1)`.
        order: Times 6 dB an octave.

    Returns:
        Shape `(batch, bins)`.

    References:
        Butterworth, On the theory of filter amplifiers, Wireless Engineer 1930.
    """
    # 1 / sqrt(1 + (f / c) ** 2n), by logarithms: powers take several times as long.
    return ops.sqrt(ops.sigmoid(2.0 * order * _below(frequency_hz, cutoff_hz)))


def high_pass_gain(
    frequency_hz: keras.KerasTensor, cutoff_hz: keras.KerasTensor, order: int
) -> keras.KerasTensor:
    """Return the mirror image of `low_pass_gain`: nothing passes at 0 Hz."""
    return ops.sqrt(ops.sigmoid(-2.0 * order * _below(frequency_hz, cutoff_hz)))


def _below(
    frequency_hz: keras.KerasTensor, cutoff_hz: keras.KerasTensor
) -> keras.KerasTensor:
    """Return the logarithm of how far frequencies are below the cut-off."""
    return ops.log(cutoff_hz) - ops.log(ops.maximum(frequency_hz, LEAST_HZ))
