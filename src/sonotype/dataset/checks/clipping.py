"""Flat tops: where a recording was too loud for its format."""

import numpy as np

# Two equal samples at the top happen; three are rare unless something held them down.
_SHORTEST_PLATEAU = 3
# The step up to a plateau, in steps of the format and as a share of the peak: a low
# tone, or eight bits, has flat tops as well, but no such step up to them.
_LEAST_STEPS = 3
_LEAST_STEP_SHARE = 0.002
_FULL_SCALE = 2**15
# Below -26 dBFS the steps of a 16-bit format come near that share.
_LEAST_PEAK = 0.05


class Plateaus:
    """Counts the samples of one channel that lie on flat tops, block by block.

    Both sides are looked at, each at its own extreme, so a recording that was clipped
    and turned down afterwards is found as well. A plateau across two blocks counts as
    two.

    Example:
        >>> tone = 2 * np.sin(np.arange(8_000) * 0.3)
        >>> plateaus = Plateaus()
        >>> plateaus.add(np.clip(tone, -1, 1))
        >>> plateaus.n_plateaus > 700, 0.5 < plateaus.n_samples / 8_000 < 0.7
        (True, True)
    """

    def __init__(self) -> None:
        self._extremes = [_LEAST_PEAK, _LEAST_PEAK]
        self._counts = [(0, 0), (0, 0)]

    @property
    def n_plateaus(self) -> int:
        """How many there are."""
        return sum(n_plateaus for n_plateaus, _ in self._counts)

    @property
    def n_samples(self) -> int:
        """How many samples lie on them."""
        return sum(n_samples for _, n_samples in self._counts)

    def add(self, samples: np.ndarray) -> None:
        """Go on with the next samples, shape `(n,)`."""
        for side, extreme in enumerate((samples.max(), -samples.min())):
            if extreme < self._extremes[side]:
                continue
            counted = (0, 0)
            if extreme == self._extremes[side]:
                counted = self._counts[side]
            found = _count(samples if side == 0 else -samples, extreme)
            self._extremes[side] = extreme
            self._counts[side] = (counted[0] + found[0], counted[1] + found[1])


def _count(samples: np.ndarray, top: float) -> tuple[int, int]:
    """Return how many plateaus are at `top`, and how many samples lie on them."""
    at = np.flatnonzero(samples == top)
    if len(at) < _SHORTEST_PLATEAU:
        return 0, 0
    breaks = np.flatnonzero(np.diff(at) > 1)
    first = at[np.concatenate([[0], breaks + 1])]
    last = at[np.concatenate([breaks, [len(at) - 1]])]
    lengths = last - first + 1
    step = top - samples[np.maximum(first - 1, 0)]
    # What all samples are multiples of: 256 for eight bits that are stored as sixteen.
    format_step = int(np.gcd.reduce(np.rint(samples * _FULL_SCALE).astype(np.int64)))
    least = max(_LEAST_STEPS * format_step / _FULL_SCALE, _LEAST_STEP_SHARE * top)
    is_plateau = (lengths >= _SHORTEST_PLATEAU) & (step >= least)
    return int(is_plateau.sum()), int(lengths[is_plateau].sum())
