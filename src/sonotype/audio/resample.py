"""From one sample rate to another, through soxr."""

import numpy as np
import soxr

from sonotype.errors import SettingError


def resample(samples: np.ndarray, *, from_rate: int, to_rate: int) -> np.ndarray:
    """Return the same sound at another sample rate.

    soxr's "HQ" keeps the pass band flat to 20 bits, more than a 16-bit cache can hold;
    training and prediction both come through here, so they hear the same thing.

    Args:
        samples: Mono samples, shape `(n_samples,)`.
        from_rate: Sample rate of `samples`, in hertz.
        to_rate: Sample rate wanted, in hertz.

    Returns:
        Samples at `to_rate`; `samples` itself where the rates are equal.

    Raises:
        SettingError: If a rate is not positive.

    References:
        The SoX Resampler library, https://sourceforge.net/projects/soxr/

    Example:
        >>> resample(np.zeros(8000, np.float32), from_rate=8000, to_rate=16_000).shape
        (16000,)
    """
    if from_rate <= 0 or to_rate <= 0:
        raise SettingError(
            f"sample rates must be positive, but these are {from_rate} and {to_rate} Hz"
        )
    if from_rate == to_rate:
        return samples
    resampled: np.ndarray = soxr.resample(samples, from_rate, to_rate, quality="HQ")
    return resampled
