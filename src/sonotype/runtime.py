"""Runtimes that turn a graph file into a function from samples to scores."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sonotype.errors import BundleError, MissingDependencyError
from sonotype.labels import Task

# Clips that ONNX Runtime takes at once: more take more memory and no less time.
CLIPS_AT_ONCE = 16

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
        path: The graph file; its input is one clip, `(1, n_samples)` float32, its
            outputs the scores and, in graphs that give one, the embedding.
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
        self._outputs = self._interpreter.get_output_details()
        shapes = tuple(self._input["shape"]), tuple(self._outputs[0]["shape"])
        if [len(shape) for shape in shapes] != [2, 2] or shapes[0][0] != 1:
            raise BundleError(
                f"{path} maps {shapes[0]} to {shapes[1]}; "
                "expected (1, n_samples) to (1, n_labels)"
            )
        self.n_samples = int(shapes[0][1])
        self.n_labels = int(shapes[1][1])
        # Numbers in an embedding; `None` in graphs that give none.
        self.n_channels = (
            int(self._outputs[1]["shape"][-1]) if len(self._outputs) > 1 else None
        )

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Score `(n_clips, n_samples)`, one clip after another."""
        return self._run(samples, self._outputs[0])

    def embeddings(self, samples: np.ndarray) -> np.ndarray:
        """Embed clips: float32 `(n_clips, n_samples)` to `(n_clips, n_channels)`.

        Raises:
            BundleError: If the graph gives no embedding.
        """
        if self.n_channels is None:
            raise BundleError("this graph gives scores alone, no embedding")
        return self._run(samples, self._outputs[1])

    def _run(self, samples: np.ndarray, output: dict[str, Any]) -> np.ndarray:
        result = np.empty((len(samples), output["shape"][-1]), dtype=np.float32)
        for row, clip in zip(result, samples, strict=True):
            self._interpreter.set_tensor(self._input["index"], clip[None])
            self._interpreter.invoke()
            row[:] = self._interpreter.get_tensor(output["index"])[0]
        return result


class OnnxRuntime:
    """An `.onnx` graph in ONNX Runtime, on the CPU.

    Args:
        path: The graph file; its input is any number of clips, `(n_clips, n_samples)`
            float32.
        n_threads: Threads that share the work; default: all cores this process may
            use.

    Raises:
        BundleError: If the file is no such graph.
        MissingDependencyError: If ONNX Runtime is not installed.
    """

    def __init__(self, path: Path, *, n_threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise MissingDependencyError("onnxruntime", "onnx") from error

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads or usable_cores()
        # Threads that wait in a busy loop take the cores of those that work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # what goes wrong comes as an exception anyway
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no class of their own in common
            reason = str(error).strip().partition("\n")[0]
            raise BundleError(
                f"{path} does not load in ONNX Runtime: {reason}"
            ) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shapes = [value.shape for value in (*inputs, *outputs)]
        if not _takes_clips(shapes) or inputs[0].type != "tensor(float)":
            raise BundleError(
                f"{path} maps {[value.shape for value in inputs]} to "
                f"{[value.shape for value in outputs]}; "
                "expected one (any, n_samples) to one (any, n_labels)"
            )
        self._input: str = inputs[0].name
        self.n_samples = int(shapes[0][1])
        self.n_labels = int(shapes[1][1])

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Score `(n_clips, n_samples)`, several clips at once."""
        result = np.empty((len(samples), self.n_labels), dtype=np.float32)
        for first in range(0, len(samples), CLIPS_AT_ONCE):
            some = slice(first, first + CLIPS_AT_ONCE)
            result[some] = self._session.run(None, {self._input: samples[some]})[0]
        return result


def _takes_clips(shapes: list[list[int | str | None]]) -> bool:
    """Return whether shapes are those of one input and one output, each of rows."""
    return len(shapes) == 2 and all(
        len(shape) == 2 and not isinstance(shape[0], int) and isinstance(shape[1], int)
        for shape in shapes
    )


class OpenVino:
    """A folder with `model.xml` and `model.bin` in OpenVINO, on the CPU.

    It is asked to compute in float32: of itself, it takes bfloat16 where the processor
    has it, and scores then differ by up to 0.01 (OpenVINO 2026.4).

    Args:
        path: The folder; the graph's input is any number of clips, `(n_clips,
            n_samples)` float32.
        n_threads: Threads within one clip; default: all cores this process may use.

    Raises:
        BundleError: If the folder holds no such graph.
        MissingDependencyError: If OpenVINO is not installed.
    """

    def __init__(self, path: Path, *, n_threads: int | None = None) -> None:
        openvino = import_openvino()
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": n_threads or usable_cores(),
            "NUM_STREAMS": 1,
            # Several of them would pin their threads to the same core.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            core = openvino.Core()
            graph = core.read_model(path / "model.xml")
            shapes = [value.partial_shape for value in (*graph.inputs, *graph.outputs)]
            (clips, scores) = shapes
            self.n_samples = clips[1].get_length()
            self.n_labels = scores[1].get_length()
            # Known sizes take less time, and no clip depends on others.
            graph.reshape([1, self.n_samples])
            compiled = core.compile_model(graph, "CPU", settings)
            self._request = compiled.create_infer_request()
        except Exception as error:  # its errors are RuntimeErrors, and whatever else
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            raise BundleError(f"{path} does not load in OpenVINO: {reason[0]}") from (
                error
            )

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Score `(n_clips, n_samples)`, one clip after another."""
        result = np.empty((len(samples), self.n_labels), dtype=np.float32)
        for row, clip in zip(result, samples, strict=True):
            row[:] = self._request.infer([clip[None]])[0][0]
        return result


def import_openvino() -> Any:
    """Return the package `openvino`, kept from telling anybody.

    It sends a message to Google Analytics as soon as it is imported, unless its package
    for that is missing (OpenVINO 2026.4).

    Raises:
        MissingDependencyError: If it is not installed.
    """
    is_here = "openvino_telemetry" in sys.modules
    if not is_here:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
    except ModuleNotFoundError as error:
        raise MissingDependencyError("openvino", "openvino") from error
    finally:
        if not is_here:
            del sys.modules["openvino_telemetry"]
    return openvino


@dataclass(frozen=True)
class GraphFile:
    """One form in which a bundle can carry its graph.

    `file` is a file of the bundle, or a folder; `open` loads it, with so many threads.
    `tolerance` is how far scores may be from those it gave where it was made: graphs of
    integers round to another side on another processor.
    """

    file: str
    open: Callable[..., Runtime]
    tolerance: float = 1e-3


GRAPHS: Mapping[str, GraphFile] = {
    "litert": GraphFile("model.tflite", LiteRT),
    "litert-float16": GraphFile("model-float16.tflite", LiteRT, 0.01),
    "litert-int8": GraphFile("model-int8.tflite", LiteRT, 0.05),
    "litert-int8-full": GraphFile("model-int8-full.tflite", LiteRT, 0.05),
    "onnx": GraphFile("model.onnx", OnnxRuntime),
    "openvino": GraphFile("openvino", OpenVino),
}
