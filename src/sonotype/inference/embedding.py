"""Embeddings: what a network makes of each window of sound, before its last layer."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from sonotype.audio.stretches import cut_stretches
from sonotype.errors import BundleError
from sonotype.inference.scan import RuntimePool, WindowScores
from sonotype.runtime import LiteRT, Runtime


@dataclass(frozen=True)
class Embeddings:
    """One vector for each window of a recording.

    Args:
        start_seconds: Where each window begins, float64 of shape `(n_windows,)`.
        end_seconds: Where each ends; the last one where the recording does.
        vectors: float32 of shape `(n_windows, n_channels)`.
        path: The file, if they came from one.

    Example:
        >>> two = Embeddings(np.zeros(2), np.ones(2), np.array([[0, 2], [1, 4]]))
        >>> len(two), two.mean
        (2, array([0.5, 3. ]))
    """

    start_seconds: np.ndarray
    end_seconds: np.ndarray
    vectors: np.ndarray
    path: Path | None = None

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def mean(self) -> np.ndarray:
        """One vector for the whole recording: the mean of its windows'."""
        mean: np.ndarray = self.vectors.mean(axis=0)
        return mean

    @classmethod
    def of(cls, windows: Iterable[WindowScores], path: Path | None = None) -> Self:
        """Join what windows gave, at least one."""
        joined = WindowScores.join(windows)
        return cls(joined.start_seconds, joined.end_seconds, joined.scores, path)


class EmbeddingRuntime:
    """A runtime whose scores are the embeddings of another, to scan recordings with.

    Args:
        runtime: A loaded graph.
        bundle: What it is of, for the message.

    Raises:
        BundleError: If the graph gives no embedding.
    """

    def __init__(self, runtime: Runtime, bundle: Path) -> None:
        if not isinstance(runtime, LiteRT) or runtime.n_channels is None:
            raise BundleError(
                f"{bundle} gives no embeddings, for its graph was written before there "
                f"were any; write it again: sonotype export {bundle} --to litert "
                "--force"
            )
        self.n_samples = runtime.n_samples
        self.n_labels = runtime.n_channels
        self._runtime = runtime

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Embed clips: float32 `(n_clips, n_samples)` to `(n_clips, n_channels)`."""
        return self._runtime.embeddings(samples)


def embed_samples(
    samples: np.ndarray, pool: RuntimePool, *, hop: int, sample_rate: int
) -> Embeddings:
    """Embed every window of samples that are in memory.

    Args:
        samples: Mono, `(n_samples,)`, at the model's rate.
        pool: Runtimes whose scores are embeddings.
        hop: Samples from one window's start to the next.
        sample_rate: The model's rate, in hertz.
    """
    stretches = list(cut_stretches([samples], pool.n_samples, hop=hop))
    starts = np.concatenate([stretch.starts() for stretch in stretches])
    # Only where it is padded, a window reaches beyond the end.
    ends = np.minimum(starts + pool.n_samples, len(samples))
    vectors = np.concatenate([pool.score(stretch) for stretch in stretches])
    return Embeddings(starts / sample_rate, ends / sample_rate, vectors)
