"""What a microcontroller computes, on a computer: from sound to scores."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sonotype.errors import BundleError
from sonotype.exporters.micro.frontend_constants import Band, FrontendConstants
from sonotype.exporters.micro.operators import Quantization
from sonotype.runtime import quiet_stderr

GRAPH = "model.tflite"
CONSTANTS = "constants.json"


def write_constants(path: Path, constants: FrontendConstants, **about: Any) -> None:
    """Write the numbers of a front end, and what else is to be known, as JSON."""
    content = {**about, "frontend": asdict(constants)}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_constants(path: Path) -> tuple[FrontendConstants, dict[str, Any]]:
    """Read what `write_constants` wrote.

    Raises:
        BundleError: If it cannot be read or something is missing in it.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        frontend = about.pop("frontend")
        bands = tuple(
            Band(band["first_bin"], tuple(band["weights"]))
            for band in frontend.pop("bands")
        )
        window = tuple(frontend.pop("window"))
        return FrontendConstants(**frontend, window=window, bands=bands), about
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path} does not hold a front end: {error!r}") from error


class IntegerRuntime:
    """A graph from int8 features to int8 scores, in LiteRT.

    Args:
        content: The content of the `.tflite` file.

    Raises:
        BundleError: If it is no such graph.
    """

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with quiet_stderr():
                self._interpreter = Interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"the graph does not load in LiteRT: {error}") from error
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        kinds = [self._input["dtype"], self._output["dtype"]]
        if kinds != [np.int8, np.int8] or len(self._input["shape"]) != 4:
            raise BundleError("the graph is not one from int8 features to int8 scores")
        self.features = Quantization(*self._input["quantization"])
        self.scores = Quantization(*self._output["quantization"])
        self.n_labels = int(self._output["shape"][-1])

    def run(self, features: np.ndarray) -> np.ndarray:
        """Score features, int8 `(n_clips, time, frequency)` to `(n_clips, n_labels)`.

        Args:
            features: As `self.features` quantizes them.

        Returns:
            The scores, float32.
        """
        scores = np.empty((len(features), self.n_labels), np.int8)
        for row, clip in zip(scores, features, strict=True):
            self._interpreter.set_tensor(self._input["index"], clip[None, ..., None])
            self._interpreter.invoke()
            row[:] = self._interpreter.get_tensor(self._output["index"])[0]
        return self.scores.dequantize(scores)


class MicroRuntime:
    """A folder for microcontrollers: the same numbers and the same graph, no Keras.

    Args:
        folder: What `write_micro` made.

    Raises:
        BundleError: If a file of it is missing or is not what it should be.
    """

    def __init__(self, folder: Path) -> None:
        self._constants, _ = read_constants(folder / CONSTANTS)
        try:
            content = (folder / GRAPH).read_bytes()
        except OSError as error:
            raise BundleError(f"{folder / GRAPH} cannot be read: {error}") from error
        self._graph = IntegerRuntime(content)
        self.n_samples = self._constants.n_samples
        self.n_labels = self._graph.n_labels

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Score `(n_clips, n_samples)`, one clip after another."""
        features = self._constants.features(samples)
        return self._graph.run(self._graph.features.quantize(features))
