"""Clips of any length to clips of one length."""

import numpy as np

from sonotype.errors import SettingError


def fit_length(samples: np.ndarray, n_samples: int) -> np.ndarray:
    """Return `samples` padded or cropped to `n_samples`, around its centre.

    The centre, because that is where the sound of a labelled clip most often is, and
    because it needs no random number: evaluation must give the same scores twice.

    Args:
        samples: Mono samples, shape `(n,)`, of any number type.
        n_samples: Length wanted, at least 1.

    Returns:
        Shape `(n_samples,)`. A shorter input has zeros on both sides, the odd one at
        the end; a longer one loses both ends; an equal one is returned as it is.

    Raises:
        SettingError: If `n_samples` is below 1.

    Example:
        >>> fit_length(np.array([1, 2, 3]), 6)
        array([0, 1, 2, 3, 0, 0])
        >>> fit_length(np.array([1, 2, 3, 4, 5]), 3)
        array([2, 3, 4])
    """
    if n_samples < 1:
        raise SettingError(f"a clip needs at least 1 sample, but {n_samples} was asked")
    missing = n_samples - len(samples)
    if missing == 0:
        return samples
    if missing < 0:
        start = -missing // 2
        return samples[start : start + n_samples]
    before = missing // 2
    return np.pad(samples, (before, missing - before))


def cut_windows(samples: np.ndarray, n_samples: int, *, hop: int) -> np.ndarray:
    """Return overlapping windows that together hold every sample.

    Args:
        samples: Mono samples, shape `(n,)`.
        n_samples: Length of a window.
        hop: Samples from one window's start to the next.

    Returns:
        Shape `(n_windows, n_samples)`. The last window ends at the last sample, so it
        may start less than a hop after the one before; a recording shorter than a
        window is one window, padded as by `fit_length`.

    Raises:
        SettingError: If `n_samples` or `hop` is below 1, or `hop` is longer than a
            window, which would leave samples out.

    Example:
        >>> cut_windows(np.arange(7), 4, hop=2)
        array([[0, 1, 2, 3],
               [2, 3, 4, 5],
               [3, 4, 5, 6]])
    """
    check_hop(n_samples, hop)
    last = len(samples) - n_samples
    if last <= 0:
        return fit_length(samples, n_samples)[None]
    starts = [*range(0, last, hop), last]
    return np.stack([samples[start : start + n_samples] for start in starts])


def check_hop(n_samples: int, hop: int) -> None:
    """Check that windows a hop apart leave no sample out.

    Args:
        n_samples: Length of a window.
        hop: Samples from one window's start to the next.

    Raises:
        SettingError: If they do.
    """
    if not 1 <= hop <= n_samples:
        raise SettingError(
            f"hop must be from 1 to the window's {n_samples} samples, not {hop}"
        )
