"""From one sample rate to another, through soxr."""

import threading
from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from sonotype.errors import SettingError

_QUALITY = "HQ"
_NOTHING = np.zeros(0, np.float32)


class _Last(threading.local):
    """The resampler that a thread used last: making one takes longer than a clip."""

    rates = (0, 0)
    stream: soxr.ResampleStream | None = None


_last = _Last()


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
    _check_rates(from_rate, to_rate)
    if from_rate == to_rate:
        return samples
    resampled: np.ndarray = soxr.resample(samples, from_rate, to_rate, quality=_QUALITY)
    return resampled


def resample_blocks(
    blocks: Iterable[np.ndarray],
    *,
    from_rate: int,
    to_rate: int,
    n_samples: int | None = None,
) -> np.ndarray:
    """Return a sound that comes block by block at another sample rate.

    Only what is returned need fit into memory.

    Args:
        blocks: float32 of shape `(n,)` each, done with before the next is asked for.
        from_rate: Sample rate of the blocks, in hertz.
        to_rate: Another sample rate, in hertz.
        n_samples: Samples of all blocks, if that is known: a single one is then not
            copied once more.

    Returns:
        To the last bit what `resample` makes of all blocks joined.

    Raises:
        SettingError: If a rate is not positive.

    Example:
        >>> blocks = [np.zeros(6000, np.float32), np.zeros(2000, np.float32)]
        >>> resample_blocks(blocks, from_rate=8000, to_rate=16_000).shape
        (16000,)
    """
    _check_rates(from_rate, to_rate)
    stream = _stream(from_rate, to_rate)
    pieces, n_seen = [], 0
    for block in blocks:
        n_seen += len(block)
        pieces.append(stream.resample_chunk(block, last=n_seen == n_samples))
    if n_seen != n_samples:
        pieces.append(stream.resample_chunk(_NOTHING, last=True))
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def resample_stream(
    blocks: Iterable[np.ndarray], *, from_rate: int, to_rate: int
) -> Iterator[np.ndarray]:
    """Yield a sound that comes block by block at another sample rate.

    Neither the sound nor what is made of it need fit into memory.

    Args:
        blocks: float32 of shape `(n,)` each, done with before the next is asked for.
        from_rate: Sample rate of the blocks, in hertz.
        to_rate: Sample rate wanted, in hertz.

    Yields:
        Blocks that are joined, to the last bit, what `resample` makes of all of
        `blocks` joined; at equal rates, the blocks themselves.

    Raises:
        SettingError: If a rate is not positive.

    Example:
        >>> blocks = [np.zeros(6000, np.float32), np.zeros(2000, np.float32)]
        >>> sum(map(len, resample_stream(blocks, from_rate=8000, to_rate=16_000)))
        16000
    """
    _check_rates(from_rate, to_rate)
    if from_rate == to_rate:
        yield from blocks
        return
    # One of its own: a stream may be put aside while its thread resamples another.
    stream = _make_stream(from_rate, to_rate)
    for block in blocks:
        piece = stream.resample_chunk(block)
        if len(piece):
            yield piece
    piece = stream.resample_chunk(_NOTHING, last=True)
    if len(piece):
        yield piece


def _check_rates(from_rate: int, to_rate: int) -> None:
    if from_rate <= 0 or to_rate <= 0:
        raise SettingError(
            f"sample rates must be positive, but these are {from_rate} and {to_rate} Hz"
        )


def _stream(from_rate: int, to_rate: int) -> soxr.ResampleStream:
    """Return a resampler at its start, the last one where the rates are the same."""
    if _last.stream is None or _last.rates != (from_rate, to_rate):
        _last.rates = (from_rate, to_rate)
        _last.stream = _make_stream(from_rate, to_rate)
    else:
        _last.stream.clear()
    return _last.stream


def _make_stream(from_rate: int, to_rate: int) -> soxr.ResampleStream:
    return soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality=_QUALITY)
