"""The windows of a recording that comes block by block."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sonotype.audio.windows import check_hop, fit_length

# Samples from the first window's start to the last one's of a stretch, at most.
_MOST_SAMPLES = 2**18


@dataclass(frozen=True)
class Stretch:
    """Samples that hold some windows, each a hop after the one before.

    They are handed on as one piece and not as windows, so that a model that is
    convolutional in time may go over what the windows share once.

    Args:
        start: Where in the recording the first window begins, in samples.
        samples: Shape `((n_windows - 1) * hop + n_samples,)`.
        n_samples: Length of a window.
        hop: Samples from one window's start to the next.

    Example:
        >>> Stretch(10, np.arange(5), n_samples=3, hop=2).windows()
        array([[0, 1, 2],
               [2, 3, 4]])
    """

    start: int
    samples: np.ndarray
    n_samples: int
    hop: int

    def __len__(self) -> int:
        """Return the number of windows."""
        return (len(self.samples) - self.n_samples) // self.hop + 1

    def starts(self) -> np.ndarray:
        """Return where in the recording each window begins, int64 in samples."""
        return self.start + self.hop * np.arange(len(self), dtype=np.int64)

    def windows(self) -> np.ndarray:
        """Return the windows, shape `(n_windows, n_samples)`, without copying them."""
        view = np.lib.stride_tricks.sliding_window_view(self.samples, self.n_samples)
        return view[:: self.hop]


def cut_stretches(
    blocks: Iterable[np.ndarray], n_samples: int, *, hop: int, most_windows: int = 32
) -> Iterator[Stretch]:
    """Yield stretches whose windows are those of `cut_windows`, in order.

    However short the blocks, stretches are long enough for whoever works on one to be
    busy for a while, and short enough for many to have one. Kept in memory are a
    stretch, a block, a window, and what the caller keeps.

    Args:
        blocks: Mono samples of shape `(n,)` each, at least one sample together.
        n_samples: Length of a window.
        hop: Samples from one window's start to the next.
        most_windows: Most windows in one stretch; fewer if they are far apart.

    Yields:
        All windows that begin a multiple of `hop` after the first sample, then the one
        that ends at the last sample, in a stretch of its own. A recording shorter than
        a window is one window that begins at 0, padded as by `fit_length`.

    Raises:
        SettingError: If `n_samples` or `hop` is below 1, or `hop` is longer than a
            window.

    Example:
        >>> blocks = [np.arange(3), np.arange(3, 7)]
        >>> [s.windows().tolist() for s in cut_stretches(blocks, 4, hop=2)]
        [[[0, 1, 2, 3], [2, 3, 4, 5]], [[3, 4, 5, 6]]]
    """
    check_hop(n_samples, hop)
    most_windows = max(1, min(most_windows, _MOST_SAMPLES // hop))
    # `kept` begins at sample `first` of the recording and ends at sample `n_seen`.
    kept: list[np.ndarray] = []
    first = n_seen = next_start = 0
    for block in blocks:
        kept.append(block)
        n_seen += len(block)
        # A window that ends at `n_seen` may be the last one, which comes by itself.
        n_ready = -(-(n_seen - n_samples - next_start) // hop)
        if n_ready < most_windows:
            continue
        joined = np.concatenate(kept) if len(kept) > 1 else block
        while n_ready >= most_windows:
            begin = next_start - first
            end = begin + (most_windows - 1) * hop + n_samples
            yield Stretch(next_start, joined[begin:end], n_samples, hop)
            next_start += most_windows * hop
            n_ready -= most_windows
        # A copy, or a few samples would keep a whole block in memory.
        keep_from = min(next_start, n_seen - n_samples)
        kept = [joined[keep_from - first :].copy()]
        first = keep_from
    if not n_seen:
        return
    joined = np.concatenate(kept)
    last = max(0, n_seen - n_samples)
    if next_start < last:
        n_windows = -(-(last - next_start) // hop)
        begin = next_start - first
        end = begin + (n_windows - 1) * hop + n_samples
        yield Stretch(next_start, joined[begin:end], n_samples, hop)
    yield Stretch(last, fit_length(joined[last - first :], n_samples), n_samples, hop)
