"""Mel filters as a plain matrix; needs numpy only."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sonotype.errors import SettingError, unknown_name

MelScale = Literal["htk", "slaney", "kaldi"]
MelNorm = Literal["peak", "area"]
Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]

# Slaney's scale is linear up to 1 kHz (3 mel every 200 Hz) and logarithmic above,
# where 27 mel multiply the frequency by 6.4.
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def _htk_from_hz(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2595.0 * np.log10(1.0 + hz / 700.0)


def _hz_from_htk(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def _slaney_from_hz(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ_PER_MEL, above)


def _hz_from_slaney(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ_PER_MEL, above)


def _straight(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return hz


# From hertz to mel and back, and the axis along which the sides of a band are straight.
SCALES: dict[str, tuple[Curve, Curve, Curve]] = {
    "htk": (_htk_from_hz, _hz_from_htk, _straight),
    "slaney": (_slaney_from_hz, _hz_from_slaney, _straight),
    "kaldi": (_htk_from_hz, _hz_from_htk, _htk_from_hz),
}
NORMS: dict[str, Curve] = {
    "peak": np.ones_like,
    "area": lambda widths_hz: 2.0 / widths_hz,
}


def mel_filterbank(
    n_mels: int,
    *,
    n_fft: int,
    sample_rate: int,
    low_hz: float = 20.0,
    high_hz: float | None = None,
    scale: MelScale = "htk",
    norm: MelNorm = "peak",
) -> NDArray[np.float32]:
    """Build triangular filters that sum FFT bins into mel bands.

    Args:
        n_mels: Number of bands, at least 1.
        n_fft: FFT length in samples.
        sample_rate: Samples per second.
        low_hz: Lower edge of the first band.
        high_hz: Upper edge of the last band; `None` is half the sample rate.
        scale: `htk` is one logarithmic formula; `slaney` is linear below 1 kHz;
            `kaldi` is that of HTK, with triangles drawn over mel and not over hertz
            (those of torchaudio's Kaldi functions and of `tf.signal`).
        norm: `peak` lets every triangle reach 1 at its centre; `area` divides it by
            half its width in hertz, so that white noise is level across the bands.

    Returns:
        Weights of shape `(n_fft // 2 + 1, n_mels)`, none negative.

    Raises:
        SettingError: If the edges are out of order or above half the sample rate, a
            name is unknown, or a band is so narrow that it holds no FFT bin.

    References:
        O'Shaughnessy, Speech Communication (1987): mel = 2595 log10(1 + f / 700).
        Slaney, Auditory Toolbox (1998), for the other scale and the area norm.
        Povey et al., The Kaldi Speech Recognition Toolkit (2011).

    Example:
        >>> mel_filterbank(40, n_fft=512, sample_rate=16_000).shape
        (257, 40)
    """
    nyquist_hz = sample_rate / 2
    high_hz = nyquist_hz if high_hz is None else high_hz
    if n_mels < 1:
        raise SettingError(f"n_mels must be at least 1, not {n_mels}")
    if not 0 <= low_hz < high_hz <= nyquist_hz:
        raise SettingError(
            f"mel bands from {low_hz:g} to {high_hz:g} Hz are out of range; choose "
            f"0 <= low_hz < high_hz <= {nyquist_hz:g}, half the sample rate"
        )
    if scale not in SCALES:
        raise unknown_name("mel scale", scale, SCALES)
    if norm not in NORMS:
        raise unknown_name("mel norm", norm, NORMS)
    mel_from_hz, hz_from_mel, axis = SCALES[scale]
    low_mel, high_mel = mel_from_hz(np.array([low_hz, high_hz], dtype=np.float64))
    edges_hz = hz_from_mel(np.linspace(low_mel, high_mel, n_mels + 2))
    bins_hz = np.arange(n_fft // 2 + 1, dtype=np.float64) * (sample_rate / n_fft)
    triangles = _triangles(axis(bins_hz), axis(edges_hz))
    widths_hz = edges_hz[2:] - edges_hz[:-2]
    _refuse_empty(triangles, edges_hz, sample_rate / n_fft)
    weights: NDArray[np.float32] = (triangles * NORMS[norm](widths_hz)).astype(
        np.float32
    )
    return weights


def _triangles(
    bins: NDArray[np.float64], edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far each bin is up a side of each band, `(bins, mels)`."""
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - low) / (centre - low)
    falling = (high - bins[:, None]) / (high - centre)
    return np.maximum(0.0, np.minimum(rising, falling))


def _refuse_empty(
    triangles: NDArray[np.float64], edges_hz: NDArray[np.float64], bin_hz: float
) -> None:
    empty = np.flatnonzero(triangles.sum(axis=0) == 0)
    if empty.size:
        band, n_mels = empty[0], triangles.shape[1]
        raise SettingError(
            f"mel band {band + 1} of {n_mels} ({edges_hz[band]:.0f}-"
            f"{edges_hz[band + 2]:.0f} Hz) holds no FFT bin, as these are {bin_hz:g} "
            "Hz apart; use fewer bands or a longer FFT"
        )
