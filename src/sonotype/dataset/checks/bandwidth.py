"""Where the treble of a recording ends, if it ends at a wall."""

from dataclasses import dataclass

import numpy as np

# What recordings are resampled from, in hertz.
OLD_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
# The cut of a resampler lies below the old Nyquist frequency, by a tenth at most.
_LOWEST_SHARE, _HIGHEST_SHARE = 0.88, 1.02

_FRAME_SAMPLES = 1_024
_FRAMES_AT_ONCE = 1_024
_SMOOTHED_BINS = 5
# A wall: within a seventh of an octave the level falls by this much ...
_LEAST_DROP_DB = 30.0
# ... to an even floor. Voices end as steeply now and then, but with something behind.
_MOST_UNEVEN_DB = 10.0
# Most of what lies below stands out: a single tone ends steeply as well.
_LEAST_DROP_OF_MOST_DB = 25.0
_SILENCE = 1e-10
_BELOW, _ABOVE = (0.85, 0.95), 1.05
_LOWEST_HZ = 3_000.0
# Every recorder filters near its own Nyquist frequency.
_HIGHEST_OF_NYQUIST = 0.76


@dataclass(frozen=True)
class Wall:
    """A frequency above which there is nothing.

    Args:
        hertz: Where the level falls.
        drop_db: By how much.
    """

    hertz: float
    drop_db: float

    def old_rate_hz(self) -> int | None:
        """Return the sample rate whose Nyquist frequency this is, if there is one.

        Example:
            >>> Wall(3_800.0, 50.0).old_rate_hz(), Wall(19_000.0, 50.0).old_rate_hz()
            (8000, None)
        """
        for rate in OLD_RATES_HZ:
            if _LOWEST_SHARE <= self.hertz / (rate / 2) <= _HIGHEST_SHARE:
                return rate
        return None


class LongTermSpectrum:
    """The mean power spectrum of sound that comes in blocks, in constant memory.

    Args:
        sample_rate: Rate of the sound, in hertz.

    Example:
        >>> spectrum = LongTermSpectrum(8_000)
        >>> spectrum.add(np.random.default_rng(0).standard_normal(8_000))
        >>> spectrum.find_wall() is None
        True
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._power = np.zeros(_FRAME_SAMPLES // 2 + 1)
        self._n_frames = 0

    def add(self, samples: np.ndarray) -> None:
        """Go on with the next mono samples; what does not fill a frame is left out."""
        n_frames = len(samples) // _FRAME_SAMPLES
        frames = samples[: n_frames * _FRAME_SAMPLES].reshape(n_frames, _FRAME_SAMPLES)
        for start in range(0, n_frames, _FRAMES_AT_ONCE):
            spectra = np.fft.rfft(frames[start : start + _FRAMES_AT_ONCE] * _WINDOW)
            self._power += (spectra.real**2 + spectra.imag**2).sum(axis=0)
        self._n_frames += n_frames

    def find_wall(self) -> Wall | None:
        """Return where the level falls and nothing follows, or `None`."""
        level_db = self._level_db()
        # The loudest from each bin to the end: nothing may follow a wall. The last
        # bins are left out, where the smoothing meets the end.
        loudest = np.maximum.accumulate(level_db[::-1])[::-1]
        hertz_per_bin = self._sample_rate / _FRAME_SAMPLES
        places = np.arange(
            int(_LOWEST_HZ / hertz_per_bin),
            int(_HIGHEST_OF_NYQUIST * _FRAME_SAMPLES / 2),
        )
        if self._n_frames == 0 or len(places) == 0:
            return None
        low, high = (_BELOW[0] * places).astype(int), (_BELOW[1] * places).astype(int)
        sums = np.concatenate([[0.0], np.cumsum(level_db)])
        before = (sums[high + 1] - sums[low]) / (high + 1 - low)
        drops = before - loudest[(_ABOVE * places).astype(int) + 1]
        drop_db, at = float(drops.max()), int(places[drops.argmax()])
        beyond = int(_ABOVE * at) + 1
        unevenness_db = loudest[beyond] - np.quantile(level_db[beyond:], 0.1)
        if drop_db < _LEAST_DROP_DB or unevenness_db > _MOST_UNEVEN_DB:
            return None
        below = level_db[int(_BELOW[0] * at) : int(_BELOW[1] * at) + 1]
        if np.quantile(below, 0.25) - loudest[beyond] < _LEAST_DROP_OF_MOST_DB:
            return None
        # The wall itself: where half of the fall is behind.
        near = int(_BELOW[0] * at)
        halfway = loudest[beyond] + drop_db / 2
        foot = near + int(np.argmax(loudest[near:] < halfway))
        return Wall(foot * hertz_per_bin, drop_db)

    def _level_db(self) -> np.ndarray:
        """Return the smoothed spectrum but for its last bins, shape `(n_bins,)`."""
        kernel = np.full(_SMOOTHED_BINS, 1 / _SMOOTHED_BINS)
        mean = self._power / max(1, self._n_frames)
        smooth = np.convolve(mean, kernel, mode="same")[:-_SMOOTHED_BINS]
        # A floor far below 16 bits: digital silence must not be minus infinity.
        level_db: np.ndarray = 10 * np.log10(smooth + _SILENCE)
        return level_db


_WINDOW = np.hanning(_FRAME_SAMPLES + 1)[:-1].astype(np.float32)
