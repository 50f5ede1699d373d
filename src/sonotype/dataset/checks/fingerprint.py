"""An acoustic fingerprint: a few bits for each moment of a recording.

A bit says whether the difference in energy between two neighbouring bands rose or fell
since the frame before. Gain does not change it, a codec changes few, and a cut only
moves it. What stands still, such as hum or the mean spectrum of rain, does not enter,
so two recordings of the same kind of noise do not look alike.
"""

from dataclasses import dataclass

import numpy as np
import soxr

RATE_HZ = 8_000
HOP_SAMPLES = 64
HOP_SECONDS = HOP_SAMPLES / RATE_HZ
N_BITS = 24

# 128 ms: frames of two copies that are cut half a hop apart overlap by 97 %.
_FRAME_SAMPLES = 1_024
# The band of a telephone: whatever a recording has been through, this was kept.
_LOWEST_HZ, _HIGHEST_HZ = 300.0, 3_400.0
# Below the loudest frame by this much, codecs and dither decide, not the recording.
_FLOOR_DB = -50.0
_FRAMES_AT_ONCE = 4_096


@dataclass(frozen=True)
class Fingerprint:
    """The fingerprint of one recording.

    Args:
        bits: `N_BITS` bits a frame, uint32 of shape `(n_frames,)`.
        heard: Whether there was sound, bool of shape `(n_frames,)`.
    """

    bits: np.ndarray
    heard: np.ndarray

    def __len__(self) -> int:
        return len(self.bits)


class Fingerprinter:
    """Makes a fingerprint of sound that comes in blocks.

    Only the fingerprint is kept: eight bytes for each 8 ms. Sound with a rate below
    8 kHz has no band to look at and gets an empty fingerprint.

    Args:
        sample_rate: Rate of the sound, in hertz.

    References:
        Haitsma and Kalker, A Highly Robust Audio Fingerprinting System, ISMIR 2002,
        for the sign of the energy difference; bands, frame and hop are chosen here for
        clips of a second.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)
        >>> fingerprinter = Fingerprinter(8_000)
        >>> fingerprinter.add(noise)
        >>> len(fingerprinter.finish())
        126
    """

    def __init__(self, sample_rate: int) -> None:
        self._is_deaf = sample_rate < RATE_HZ
        self._resampler = (
            None
            if sample_rate <= RATE_HZ
            else soxr.ResampleStream(sample_rate, RATE_HZ, 1, dtype="float32")
        )
        # Half a frame of nothing, so that the first frame is centred on the start.
        self._pending = np.zeros(_FRAME_SAMPLES // 2, np.float32)
        self._last_difference: np.ndarray | None = None
        self._bits: list[np.ndarray] = []
        self._energies: list[np.ndarray] = []

    def add(self, samples: np.ndarray) -> None:
        """Go on with the next mono samples, float32 of shape `(n,)`."""
        if self._is_deaf:
            return
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        self._take(samples)

    def finish(self) -> Fingerprint:
        """Return the fingerprint of all that was added."""
        if self._is_deaf:
            return Fingerprint(np.zeros(0, np.uint32), np.zeros(0, np.bool_))
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            self._take(rest)
        self._take(np.zeros(_FRAME_SAMPLES // 2, np.float32))
        bits = np.concatenate([*self._bits, np.zeros(0, np.uint32)])
        energies = np.concatenate([*self._energies, np.zeros(0, np.float32)])
        floor = energies.max(initial=0.0) * 10 ** (_FLOOR_DB / 10)
        heard = (energies > floor) & (energies > 0)
        # Nothing comes before the first frame, so nothing rises in it.
        heard[:1] = False
        return Fingerprint(bits, heard)

    def _take(self, samples: np.ndarray) -> None:
        self._pending = np.concatenate([self._pending, samples])
        while len(self._pending) >= _FRAME_SAMPLES:
            n_frames = (len(self._pending) - _FRAME_SAMPLES) // HOP_SAMPLES + 1
            n_frames = min(n_frames, _FRAMES_AT_ONCE)
            end = (n_frames - 1) * HOP_SAMPLES + _FRAME_SAMPLES
            self._add_frames(self._pending[:end])
            self._pending = self._pending[n_frames * HOP_SAMPLES :]

    def _add_frames(self, samples: np.ndarray) -> None:
        windows = np.lib.stride_tricks.sliding_window_view(samples, _FRAME_SAMPLES)
        spectra = np.fft.rfft(windows[::HOP_SAMPLES] * _WINDOW)  # (frames, bins)
        power = (spectra.real**2 + spectra.imag**2)[:, _EDGES[0] : _EDGES[-1]]
        bands = np.add.reduceat(power, _EDGES[:-1] - _EDGES[0], axis=1)
        difference = np.diff(bands, axis=1)  # (frames, N_BITS)
        before = self._last_difference
        if before is None:
            before = difference[:1]
        rises = np.diff(difference, axis=0, prepend=before) > 0
        self._last_difference = difference[-1:]
        self._bits.append(rises @ _PLACES)
        self._energies.append(bands.sum(axis=1, dtype=np.float32))


_WINDOW = np.hanning(_FRAME_SAMPLES + 1)[:-1].astype(np.float32)
# N_BITS + 1 bands, equally wide on a logarithmic scale.
_EDGES = np.rint(
    np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, N_BITS + 2) * _FRAME_SAMPLES / RATE_HZ
).astype(np.int64)
_PLACES = (1 << np.arange(N_BITS)).astype(np.uint32)
