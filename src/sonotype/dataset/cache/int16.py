"""Sound as int16: half the bytes of float32, and nothing lost that was 16-bit sound."""

import numpy as np

FULL_SCALE = 32_768
_FEW = 256
# Pieces stay in the processor's cache, and need no new memory from the system.
_PIECE = 2**14


def to_int16(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """Return samples as int16 and the factor that undoes it.

    What was 16-bit sound comes back exactly. Anything else is scaled to its own peak,
    so that a very quiet recording keeps its resolution and one above full scale, as
    floating-point files may be, is not clipped.

    Args:
        samples: float32 of shape `(n_samples,)`, all finite.

    Returns:
        int16 of the same shape, and the scale.

    Example:
        >>> stored, scale = to_int16(np.array([0.5, -2.0], np.float32))
        >>> (stored * scale).round(4)
        array([ 0.5, -2. ])
    """
    # Most sound that is not 16-bit shows it soon.
    if _is_whole(samples[:_FEW]) and _is_whole(samples):
        return (samples * np.float32(FULL_SCALE)).astype(np.int16), 1 / FULL_SCALE
    # -600 dB and below is silence; its scale would be too small for a float32.
    peak = max(float(samples.max()), -float(samples.min()), 1e-30)
    factor = np.float32((FULL_SCALE - 1) / peak)
    stored = np.empty(len(samples), np.int16)
    for at in range(0, len(samples), _PIECE):
        piece = samples[at : at + _PIECE] * factor
        stored[at : at + _PIECE] = np.rint(piece, out=piece)
    return stored, peak / (FULL_SCALE - 1)


def _is_whole(samples: np.ndarray) -> bool:
    """Return whether each is a whole number of 16-bit steps, and none too large."""
    # A product with a power of two is exact, but for infinity, which is too large.
    with np.errstate(over="ignore"):
        scaled = samples * np.float32(FULL_SCALE)
    return bool(
        scaled.min() >= -FULL_SCALE
        and scaled.max() < FULL_SCALE
        and (np.rint(scaled) == scaled).all()
    )
