"""Two classifiers that take a second: enough to compare splits, not to ship.

They bracket what a model can do with clips it knows. The nearest neighbour remembers
every one of them; the linear model has a straight line for each class and can remember
none. Both see the same few numbers of a clip. numpy only, so `sonotype check` needs no
TensorFlow.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from sonotype.audio.io import read_audio, read_info
from sonotype.clips import Clips
from sonotype.frontend.mel import mel_filterbank
from sonotype.runtime import usable_cores

QuickModel = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

SAMPLE_RATE = 16_000
LONGEST_SECONDS = 10.0
_FRAME_SAMPLES, _HOP_SAMPLES = 512, 256
_N_MELS = 40
# Far below 16 bits: digital silence must not be minus infinity.
_LOG_FLOOR = 1e-6
_CLIPS_AT_ONCE = 16
_TESTED_AT_ONCE = 512
# Of 0.001, 0.01 and 0.1 the best on three sets; nothing depends much on it.
_SHRINKAGE = 0.1
_SMALLEST_SPREAD = 1e-6


def clip_features(
    clips: Clips, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> np.ndarray:
    """Return what the quick models see of each clip.

    That is the mean and the standard deviation of 40 log-mel bands over time, and the
    standard deviation of their change from frame to frame. Of a clip of more than ten
    seconds, the middle ten are heard.

    Args:
        clips: The clips.
        on_progress: Called with the clips heard so far and their number.

    Returns:
        float32 of shape `(n_clips, 120)`.

    Raises:
        AudioError: If a clip cannot be decoded.
    """
    columns = clips.frame.select("path", "start_seconds", "end_seconds")
    places = columns.rows()
    tasks = [
        places[at : at + _CLIPS_AT_ONCE] for at in range(0, len(places), _CLIPS_AT_ONCE)
    ]
    rows: list[np.ndarray] = []
    with ThreadPoolExecutor(usable_cores()) as pool:
        for found in pool.map(_features_of, tasks):
            rows += found
            on_progress(len(rows), len(places))
    return np.stack(rows)


def sound_features(samples: np.ndarray) -> np.ndarray:
    """Return the features of one sound at `SAMPLE_RATE`, float32 of shape `(120,)`."""
    short = max(0, _FRAME_SAMPLES - len(samples))
    padded = np.pad(samples, (0, short)) if short else samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FRAME_SAMPLES)
    spectra = np.fft.rfft(windows[::_HOP_SAMPLES] * _WINDOW)  # (frames, bins)
    power = (spectra.real**2 + spectra.imag**2).astype(np.float32)
    log_mel = np.log(power @ _mel_bands() + _LOG_FLOOR)  # (frames, mels)
    changes = np.diff(log_mel, axis=0, prepend=log_mel[:1])
    return np.concatenate([log_mel.mean(axis=0), log_mel.std(axis=0), changes.std(0)])


def nearest_neighbour(
    known: np.ndarray, classes: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Return the class of the nearest known clip.

    Args:
        known: Features of the clips to learn from, shape `(n_known, n_features)`.
        classes: Their classes, int64 of shape `(n_known,)`.
        asked: Features of other clips, shape `(n_asked, n_features)`.

    Returns:
        A class for each, int64 of shape `(n_asked,)`.

    Example:
        >>> known = np.array([[0.0, 1.0], [4.0, 5.0]])
        >>> nearest_neighbour(known, np.array([0, 1]), np.array([[3.5, 4.0]]))
        array([1])
    """
    known, asked = _standardised(known, asked)
    lengths = np.square(known).sum(axis=1)
    nearest = [
        # The length of what is asked is the same for every known clip.
        (lengths - 2 * asked[at : at + _TESTED_AT_ONCE] @ known.T).argmin(axis=1)
        for at in range(0, len(asked), _TESTED_AT_ONCE)
    ]
    found: np.ndarray = classes[np.concatenate(nearest)]
    return found


def linear(known: np.ndarray, classes: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the class whose mean is nearest, in units of the spread within classes.

    This is linear discriminant analysis with a shrunk covariance and equal priors.

    Args:
        known: Features of the clips to learn from, shape `(n_known, n_features)`.
        classes: Their classes, int64 of shape `(n_known,)`.
        asked: Features of other clips, shape `(n_asked, n_features)`.

    Returns:
        A class for each, int64 of shape `(n_asked,)`.

    References:
        Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 4.3.
    """
    known, asked = _standardised(known, asked)
    present, positions = np.unique(classes, return_inverse=True)
    sums = np.zeros((len(present), known.shape[1]))
    np.add.at(sums, positions, known)
    means = sums / np.bincount(positions)[:, None]  # (classes, features)
    within = known - means[positions]
    covariance = within.T @ within / len(known)
    variance = max(float(np.trace(covariance)) / len(covariance), _SMALLEST_SPREAD)
    covariance *= 1 - _SHRINKAGE
    covariance[np.diag_indices(len(covariance))] += _SHRINKAGE * variance
    weights = np.linalg.solve(covariance, means.T)  # (features, classes)
    scores = asked @ weights - (means.T * weights).sum(axis=0) / 2
    found: np.ndarray = present[scores.argmax(axis=1)]
    return found


QUICK_MODELS: dict[str, QuickModel] = {
    "nearest neighbour": nearest_neighbour,
    "linear": linear,
}


def _features_of(
    places: list[tuple[str, float | None, float | None]],
) -> list[np.ndarray]:
    return [sound_features(_read(*place)) for place in places]


def _read(path: str, start: float | None, end: float | None) -> np.ndarray:
    begin = start or 0.0
    until = read_info(path).duration_seconds if end is None else end
    surplus = until - begin - LONGEST_SECONDS
    if surplus > 0:
        start, end = begin + surplus / 2, until - surplus / 2
    return read_audio(path, SAMPLE_RATE, start_seconds=start, end_seconds=end)


def _standardised(
    known: np.ndarray, asked: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return features without the mean and spread of the known ones."""
    mean, spread = known.mean(axis=0), known.std(axis=0)
    # Sound from a lower rate has bands in which nothing ever differs.
    spread = np.where(spread > _SMALLEST_SPREAD, spread, 1.0)
    return (known - mean) / spread, (asked - mean) / spread


@cache
def _mel_bands() -> np.ndarray:
    return mel_filterbank(_N_MELS, n_fft=_FRAME_SAMPLES, sample_rate=SAMPLE_RATE)


_WINDOW = np.hanning(_FRAME_SAMPLES + 1)[:-1].astype(np.float32)
