"""Runtimes that turn a graph file into a function from samples to scores."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from sonotype.errors import BundleError
from sonotype.labels import Task

_STDERR = threading.RLock()


class Runtime(Protocol):
    """A loaded graph: raw audio in, scores out."""

    n_samples: int
    n_labels: int

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Score clips: float32 `(n_clips, n_samples)` to `(n_clips, n_labels)`."""
        ...


def pool_windows(scores: np.ndarray, task: Task) -> np.ndarray:
    """Return a clip's scores from those of its windows.

    One label a clip: the mean, for every window is of the same sound. Any number: the
    highest, for a call in one window is a call in the clip.

    Args:
        scores: One row a window, `(n_windows, n_labels)`.
        task: What the scores mean.

    Example:
        >>> pool_windows(np.array([[0.25, 0.75], [0.75, 0.25]]), "single-label")
        array([0.5, 0.5])
        >>> pool_windows(np.array([[0.25, 0.75], [0.75, 0.25]]), "multi-label")
        array([0.75, 0.75])
    """
    pooled: np.ndarray
    pooled = scores.max(axis=0) if task == "multi-label" else scores.mean(axis=0)
    return pooled


def usable_cores() -> int:
    """Return how many cores this process may use, which can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what C code writes to stderr from the user, for a moment.

    LiteRT 2.3 announces its CPU delegate there (google-ai-edge/LiteRT#7420) and
    TensorFlow 2.21 its CPU features, both with no way to turn it off; what goes wrong
    comes as an exception anyway.
    """
    with _STDERR, open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - no file
        kept = os.dup(2)
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class LiteRT:
    """A `.tflite` graph in the LiteRT interpreter.

    Args:
        path: The graph file; its input is one clip, `(1, n_samples)` float32.
        n_threads: Threads within one clip; default: all cores this process may use.

    Raises:
        BundleError: If the file is no such graph.
    """

    def __init__(self, path: Path, *, n_threads: int | None = None) -> None:
        # Imported here: 50 ms that `info` and `--help` need not pay.
        from ai_edge_litert.interpreter import Interpreter

        try:
            with quiet_stderr():
                self._interpreter = Interpreter(
                    model_path=str(path), num_threads=n_threads or usable_cores()
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"{path} does not load in LiteRT: {error}") from error
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        shapes = tuple(self._input["shape"]), tuple(self._output["shape"])
        if [len(shape) for shape in shapes] != [2, 2] or shapes[0][0] != 1:
            raise BundleError(
                f"{path} maps {shapes[0]} to {shapes[1]}; "
                "expected (1, n_samples) to (1, n_labels)"
            )
        self.n_samples = int(shapes[0][1])
        self.n_labels = int(shapes[1][1])

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Score `(n_clips, n_samples)`, one clip after another."""
        result = np.empty((len(samples), self.n_labels), dtype=np.float32)
        for row, clip in zip(result, samples, strict=True):
            self._interpreter.set_tensor(self._input["index"], clip[None])
            self._interpreter.invoke()
            row[:] = self._interpreter.get_tensor(self._output["index"])[0]
        return result
