"""Scanning many windows at once, where a graph of a bundle does that.

The graph takes a stretch of sound of many windows and computes what they share once, so
the cost of a scan does not grow as windows overlap more. A window hears what is around
it in the recording, so its scores differ from those it has by itself; by how much is in
the bundle's `model.json`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import soundfile
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sonotype.audio.stretches import Stretch
from sonotype.audio.windows import check_hop, fit_length
from sonotype.bundle import DENSE_GRAPH, Bundle
from sonotype.errors import BundleError, SettingError
from sonotype.inference.graph import refuse_other_sizes
from sonotype.inference.scan import RuntimePool
from sonotype.runtime import LiteRT, Runtime

GOLDEN_TOLERANCE = 1e-3


class DenseLayout(BaseModel):
    """Where the windows of a stretch lie, in samples; kept in `model.json`.

    Args:
        window_samples: Length of a window.
        stretch_samples: Length of a stretch.
        stride_samples: From one window's start to the next.
        first_sample: Where in a stretch the first window begins.
        n_windows: How many windows of a stretch have scores.
        golden_scores: Those of the first window of the golden inputs one after another.
        window_difference: Mean difference to the scores of windows by themselves.
        same_label: Share of windows with the same top label.
    """

    model_config = ConfigDict(frozen=True)

    window_samples: int = Field(gt=0)
    stretch_samples: int = Field(gt=0)
    stride_samples: int = Field(gt=0)
    first_sample: int = Field(ge=0)
    n_windows: int = Field(gt=0)
    golden_scores: tuple[float, ...]
    window_difference: float
    same_label: float

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Return what a bundle says of its dense graph.

        Raises:
            BundleError: If it has none, or says what cannot be.
        """
        if DENSE_GRAPH not in bundle.manifest.files:
            raise BundleError(
                f"{bundle.path} has no graph for dense scanning; add one with: "
                f"sonotype export {bundle.path} --to litert-dense"
            )
        try:
            layout = cls.model_validate(bundle.manifest.exports.get(DENSE_GRAPH, {}))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BundleError(
                f"{bundle.path}: {DENSE_GRAPH}: {where}: {first['msg']}"
            ) from error
        end = layout.first_sample + (layout.n_windows - 1) * layout.stride_samples
        if (
            end + layout.window_samples > layout.stretch_samples
            or layout.window_samples != bundle.manifest.n_samples
        ):
            raise BundleError(
                f"{bundle.path}: {DENSE_GRAPH}: its windows do not fit into a stretch "
                "or are not those of the model; export it again with --force"
            )
        return layout

    def hops(self) -> list[int]:
        """Return the hops that a scan may have, in samples, the shortest first.

        They are multiples of the stride, which cost the same or less; and whole parts
        of it, for each of which the graph goes over the recording once.
        """
        stride = self.stride_samples
        parts = [stride // n for n in range(2, stride + 1) if stride % n == 0]
        return [*reversed(parts), *range(stride, self.window_samples + 1, stride)]

    def hop(self, wanted: int, *, sample_rate: int, exactly: bool = True) -> int:
        """Return the hop that is nearest to one, in samples.

        Args:
            wanted: The hop in samples.
            sample_rate: For the message.
            exactly: Whether it must be that one.

        Raises:
            SettingError: If it must be, but is not.
        """
        found = min(self.hops(), key=lambda hop: (abs(hop - wanted), -hop))
        if exactly and found != wanted:
            raise SettingError(
                f"windows of a dense scan begin every "
                f"{self.stride_samples / sample_rate:g} s, a multiple or a whole part "
                f"of that, not every {wanted / sample_rate:g} s; the nearest hop is "
                f"{found / sample_rate:g} s"
            )
        return found


@dataclass(frozen=True)
class DenseStretch(Stretch):
    """Samples that hold some windows and what a dense graph hears around them.

    Args:
        before: How many samples come before the first window.
        n_windows: How many windows there are; those that would follow are not asked
            for.
    """

    before: int
    n_windows: int

    def __len__(self) -> int:
        """Return the number of windows."""
        return self.n_windows

    def windows(self) -> np.ndarray:
        """Return the windows alone, shape `(n_windows, n_samples)`."""
        view = np.lib.stride_tricks.sliding_window_view(self.samples, self.n_samples)
        return view[self.before :: self.hop][: self.n_windows]


class DensePool(RuntimePool):
    """Copies of a dense graph, and of the one that scores the last window alone.

    Args:
        graphs: The copies, at least one.
        layout: Where the windows of a stretch lie.
        alone: What scores a window by itself: the one that ends with the recording.
    """

    def __init__(
        self, graphs: Sequence[Runtime], layout: DenseLayout, alone: RuntimePool
    ) -> None:
        super().__init__(graphs)
        self.n_samples = layout.window_samples
        self._layout = layout
        self._alone = alone

    def stretches(self, blocks: Iterable[np.ndarray], *, hop: int) -> Iterator[Stretch]:
        """Yield the stretches of a recording, as `cut_dense` does."""
        return cut_dense(blocks, self._layout, hop=hop)

    def score(self, stretch: Stretch) -> np.ndarray:
        """Return the scores of a stretch's windows, once a graph is free."""
        if not isinstance(stretch, DenseStretch):
            return self._alone.score(stretch)
        layout = self._layout
        passes, every = passes_and_step(layout, stretch.hop)
        length = layout.stretch_samples
        parts = np.stack(
            [
                stretch.samples[start : start + length]
                for start in range(0, passes * stretch.hop, stretch.hop)
            ]
        )
        with self.free() as graph:
            scores = graph.scores(parts)
        # (pass, window, label); windows of all passes take turns.
        scores = scores.reshape(passes, layout.n_windows, -1)[:, ::every]
        scores = scores.swapaxes(0, 1).reshape(-1, scores.shape[-1])
        return scores[: len(stretch)]


def passes_and_step(layout: DenseLayout, hop: int) -> tuple[int, int]:
    """Return how often the graph goes over a stretch, and which windows count.

    Args:
        layout: Where the windows of a stretch lie.
        hop: From one window's start to the next, one of `layout.hops()`.

    Example:
        >>> layout = DenseLayout(window_samples=16, stretch_samples=40, n_windows=4,
        ...     stride_samples=6, first_sample=2, golden_scores=(), same_label=1,
        ...     window_difference=0)
        >>> passes_and_step(layout, 12), passes_and_step(layout, 2)
        ((1, 2), (3, 1))
    """
    if hop >= layout.stride_samples:
        return 1, hop // layout.stride_samples
    return layout.stride_samples // hop, 1


def cut_dense(
    blocks: Iterable[np.ndarray], layout: DenseLayout, *, hop: int
) -> Iterator[Stretch]:
    """Yield stretches whose windows are those of `cut_windows`, in order.

    Before the recording and after it is silence. Where stretches begin depends on the
    layout and the hop alone.

    Args:
        blocks: Mono samples of shape `(n,)` each, at least one sample together.
        layout: Where the windows of a stretch lie.
        hop: From one window's start to the next, one of `layout.hops()`.

    Yields:
        All windows that begin a multiple of `hop` after the first sample, then the one
        that ends at the last sample, in an ordinary stretch of its own.
    """
    n_samples, before = layout.window_samples, layout.first_sample
    check_hop(n_samples, hop)
    passes, every = passes_and_step(layout, hop)
    most_windows = passes * -(-layout.n_windows // every)
    length = layout.stretch_samples + (passes - 1) * hop

    def cut(n_windows: int) -> DenseStretch:
        begin = next_start - before - first
        samples = kept[begin : begin + length]
        samples = np.pad(samples, (0, length - len(samples)))
        return DenseStretch(next_start, samples, n_samples, hop, before, n_windows)

    # `kept` begins at sample `first` of the recording and ends at sample `n_seen`.
    kept = np.zeros(before, np.float32)
    first, n_seen, next_start = -before, 0, 0
    for block in blocks:
        kept = np.concatenate([kept, block])
        n_seen += len(block)
        # A window that ends at `n_seen` may be the last one, which comes by itself.
        while next_start - before + length < n_seen:
            yield cut(most_windows)
            next_start += most_windows * hop
        keep = min(next_start - before, n_seen - n_samples)
        if keep > first:
            kept, first = kept[keep - first :].copy(), keep
    last = n_seen - n_samples
    while next_start < last:
        yield cut(min(most_windows, -(-(last - next_start) // hop)))
        next_start += most_windows * hop
    if n_seen:
        final = kept[-min(n_seen, n_samples) :]
        yield Stretch(max(0, last), fit_length(final, n_samples), n_samples, hop)


class DenseGraph:
    """The dense graph of a bundle, checked.

    Args:
        bundle: The opened bundle.

    Raises:
        BundleError: If it has none, or the graph is broken, edited, or gives other
            scores than where it was made.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.layout = DenseLayout.of(bundle)
        self._path = bundle.file(DENSE_GRAPH)
        self.sha256 = bundle.manifest.files[DENSE_GRAPH].sha256
        graph = self._open(1)[0]
        n_scores = self.layout.n_windows * len(bundle.manifest.labels)
        refuse_other_sizes(graph, self._path, self.layout.stretch_samples, n_scores)
        self._check_golden(bundle, graph)

    def pool(self, n_threads: int, alone: RuntimePool) -> DensePool:
        """Return copies of the graph for threads that score different stretches."""
        return DensePool(self._open(n_threads), self.layout, alone)

    def _open(self, n: int) -> list[LiteRT]:
        return [LiteRT(self._path, n_threads=1) for _ in range(n)]

    def _check_golden(self, bundle: Bundle, graph: LiteRT) -> None:
        clips: list[Any] = [
            soundfile.read(bundle.file(golden.file), dtype="float32")[0]
            for golden in bundle.manifest.golden
        ]
        stretch = np.resize(np.concatenate(clips), (1, self.layout.stretch_samples))
        found = graph.scores(stretch)[0, : len(bundle.manifest.labels)]
        expected = np.array(self.layout.golden_scores)
        if found.shape != expected.shape or not (
            np.abs(found - expected).max() <= GOLDEN_TOLERANCE
        ):
            raise BundleError(
                f"{self._path} gives other scores here than where it was made; "
                "export it again with --force"
            )
