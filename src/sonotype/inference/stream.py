"""The scores of every window of sound that comes block by block, at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sonotype.audio.resample import resample_stream
from sonotype.audio.stretches import Stretch
from sonotype.audio.windows import check_hop, fit_length
from sonotype.errors import AudioError, DataError
from sonotype.inference.scan import RuntimePool, WindowScores

_MOST_WINDOWS = 64


@dataclass(frozen=True)
class Gap:
    """Samples that were lost between two blocks.

    Args:
        n_samples: How many, at the blocks' rate.
    """

    n_samples: int


@dataclass
class _Run:
    """Sound without a gap in it.

    Args:
        start: Its first sample, counted with those that were lost.
        rate: Samples per second.
    """

    start: int
    rate: int
    n_samples: int = 0
    is_over: bool = False
    gap: Gap | None = None

    def take(self, blocks: Iterator[np.ndarray | Gap]) -> Iterator[np.ndarray]:
        """Yield the blocks up to the next gap, as float32."""
        for block in blocks:
            if isinstance(block, Gap):
                self.gap = block
                break
            yield _checked(block, self.start + self.n_samples)
            self.n_samples += len(block)
        self.is_over = True

    @property
    def start_seconds(self) -> float:
        """When it begins."""
        return self.start / self.rate

    @property
    def end_seconds(self) -> float:
        """When it ends, so far."""
        return (self.start + self.n_samples) / self.rate


def stream_windows(
    blocks: Iterable[np.ndarray | Gap],
    pool: RuntimePool,
    *,
    from_rate: int,
    to_rate: int,
    hop: int,
) -> Iterator[WindowScores]:
    """Yield the scores of every window of sound, each as soon as it has all come.

    Windows and scores are those that `scan_stream` gives of all blocks joined, whatever
    their sizes. A gap ends one run of sound and begins another, whose windows begin
    where it does; no window holds sound of both sides. A run between gaps that is
    shorter than a window is left out.

    Args:
        blocks: Mono floats in -1..1 of shape `(n,)` each, and gaps between them.
        pool: What scores.
        from_rate: Sample rate of the blocks, in hertz.
        to_rate: The model's.
        hop: Samples from one window's start to the next, at the model's rate.

    Yields:
        The windows that the last block has completed, with times since the first
        sample, lost samples counted.

    Raises:
        AudioError: If a block is not as above.
        DataError: If a score is not a finite number.
        SettingError: If the hop is longer than a window, or a rate is not positive.
    """
    blocks = iter(blocks)
    start = 0
    while True:
        run = _Run(start, from_rate)
        sound = resample_stream(run.take(blocks), from_rate=from_rate, to_rate=to_rate)
        stretches = _cut_eagerly(sound, pool.n_samples, hop=hop)
        for stretch in stretches:
            if run.is_over:
                last = _last_ones([stretch, *stretches], run, pool, to_rate)
                yield from last
                break
            yield _scored(stretch, run, pool, to_rate)
        if run.gap is None:
            return
        start += run.n_samples + run.gap.n_samples


def _last_ones(
    stretches: list[Stretch], run: _Run, pool: RuntimePool, rate: int
) -> Iterator[WindowScores]:
    """Yield what comes once a run has ended; the last window ends where it does."""
    n_seconds = run.n_samples / run.rate
    is_whole = run.start == 0 and run.gap is None
    if not is_whole and n_seconds * rate < pool.n_samples - 0.5:
        return
    for position, stretch in enumerate(stretches, 1):
        windows = _scored(stretch, run, pool, rate)
        if position == len(stretches):
            # Resampling rounds the length, and padding adds to it.
            windows.end_seconds[-1] = run.end_seconds
        yield windows


def _scored(stretch: Stretch, run: _Run, pool: RuntimePool, rate: int) -> WindowScores:
    scores = pool.score(stretch)
    starts = stretch.starts()
    start = run.start_seconds + starts / rate
    is_finite = np.isfinite(scores).all(axis=1)
    if not is_finite.all():
        raise DataError(
            "the model gives no finite scores for the window at "
            f"{start[is_finite.argmin()]:.6g} s; train it again"
        )
    end = run.start_seconds + (starts + stretch.n_samples) / rate
    return WindowScores(start, end, scores)


def _cut_eagerly(
    blocks: Iterable[np.ndarray], n_samples: int, *, hop: int
) -> Iterator[Stretch]:
    """Yield the windows of `cut_stretches`, none later than its last sample has come.

    That one keeps a window back until it knows whether it is the last: a block late.
    """
    check_hop(n_samples, hop)
    # `kept` begins at sample `first` and ends at sample `n_seen`.
    kept = np.zeros(0, np.float32)
    n_seen = next_start = 0
    for block in blocks:
        kept = np.concatenate([kept, block]) if len(kept) else block
        n_seen += len(block)
        first = n_seen - len(kept)
        while (n_ready := (n_seen - n_samples - next_start) // hop + 1) > 0:
            n_windows = min(n_ready, _MOST_WINDOWS)
            begin = next_start - first
            end = begin + (n_windows - 1) * hop + n_samples
            yield Stretch(next_start, kept[begin:end], n_samples, hop)
            next_start += n_windows * hop
        # A copy, or a few samples would keep a whole block in memory.
        kept = kept[-n_samples:].copy()
    is_last_out = next_start > 0 and next_start - hop + n_samples == n_seen
    if n_seen and not is_last_out:
        first = n_seen - len(kept)
        yield Stretch(first, fit_length(kept, n_samples), n_samples, hop)


def _checked(block: np.ndarray, first: int) -> np.ndarray:
    if block.ndim != 1 or not np.issubdtype(block.dtype, np.floating):
        raise AudioError(
            "a block must be a 1-D array of floats in -1..1, but this one has shape "
            f"{block.shape} and dtype {block.dtype}"
        )
    is_finite = np.isfinite(block)
    if not is_finite.all():
        bad = int(is_finite.argmin())
        raise AudioError(
            f"sample {first + bad} is {block[bad]}, not a finite number; check what "
            "it comes from"
        )
    return block.astype(np.float32, copy=False)
