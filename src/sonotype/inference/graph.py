"""Which of a bundle's graphs is used, and what its scores must be."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from sonotype.bundle import Bundle
from sonotype.errors import BundleError, unknown_name
from sonotype.runtime import GRAPHS, LiteRT, OnnxRuntime, OpenVino, Runtime


def graph_files(bundle: Bundle, name: str) -> list[str]:
    """Return the listed files of a graph, which may be a folder of several.

    Args:
        bundle: The bundle.
        name: One of `GRAPHS`.

    Raises:
        BundleError: If the bundle has no such graph.
        SettingError: If there is no such name.
    """
    if name not in GRAPHS:
        raise unknown_name("runtime", name, GRAPHS)
    file = GRAPHS[name].file
    listed = bundle.manifest.files_of(file)
    if not listed:
        raise BundleError(
            f"{bundle.path} has no {file}; add it with: "
            f"sonotype export {bundle.path} --to {name}"
        )
    return listed


def open_graph(bundle: Bundle, name: str, *, n_threads: int | None = None) -> Runtime:
    """Load a graph of a bundle after checking its files.

    Args:
        bundle: The bundle.
        name: One of `GRAPHS`.
        n_threads: Threads within one clip; default: all cores this process may use.

    Raises:
        BundleError: If it is missing, broken or edited, or not of this model.
        MissingDependencyError: If what runs it is not installed.
        SettingError: If there is no such name.
    """
    for file in graph_files(bundle, name):
        bundle.file(file)
    path = bundle.path / GRAPHS[name].file
    runtime = GRAPHS[name].open(path, n_threads=n_threads)
    manifest = bundle.manifest
    refuse_other_sizes(runtime, path, manifest.n_samples, len(manifest.labels))
    return runtime


def refuse_other_sizes(
    runtime: Runtime, path: Path, n_samples: int, n_scores: int
) -> None:
    """Raise if a loaded graph is not the one that `model.json` speaks of.

    Raises:
        BundleError: If it takes or gives another number of values.
    """
    if (runtime.n_samples, runtime.n_labels) != (n_samples, n_scores):
        raise BundleError(
            f"{path} takes {runtime.n_samples} samples to {runtime.n_labels} scores, "
            f"but model.json says {n_samples} and {n_scores}"
        )


def graph_sha256(bundle: Bundle, name: str) -> str:
    """Return what tells a graph from others: its hash, or that of its files' hashes."""
    files = bundle.manifest.files
    hashes = [files[file].sha256 for file in graph_files(bundle, name)]
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def copies(
    runtime: Runtime, bundle: Bundle, name: str, n_threads: int
) -> list[Runtime]:
    """Return as many runtimes as threads can use, each at most one at a time.

    Args:
        runtime: A loaded graph.
        bundle: Where it came from.
        name: Which of its graphs it is.
        n_threads: How many.

    Returns:
        Runtimes with a thread each, or `runtime` itself where that is better.
    """
    if isinstance(runtime, OnnxRuntime):
        # Several calls may share it, and fewer threads may change the last bit.
        return [runtime] * n_threads
    if isinstance(runtime, LiteRT | OpenVino):
        return [open_graph(bundle, name, n_threads=1) for _ in range(n_threads)]
    return [runtime]


def check_golden(
    bundle: Bundle, name: str, score: Callable[[np.ndarray], np.ndarray]
) -> float:
    """Score the golden inputs of a bundle and return the largest difference.

    Args:
        bundle: The bundle.
        name: Which of its graphs scores.
        score: Samples of a clip to its scores.

    Raises:
        BundleError: If the scores here are not those the graph was saved with.
    """
    largest = 0.0
    expected = _golden_scores(bundle, name)
    for golden, scores in zip(bundle.manifest.golden, expected, strict=True):
        clip, _ = soundfile.read(bundle.file(golden.file), dtype="float32")
        largest = max(largest, float(np.abs(score(clip) - scores).max()))
    if not largest <= GRAPHS[name].tolerance:
        raise BundleError(
            f"{bundle.path} gives other scores here than where it was made: they "
            f"differ by {largest:.2g} on its golden inputs; export it again"
        )
    return largest


def _golden_scores(bundle: Bundle, name: str) -> np.ndarray:
    """Return what a graph must say of the golden inputs, one row each.

    A graph that rounds has scores of its own, those that it gave where it was made.

    Raises:
        BundleError: If `model.json` has none that fit.
    """
    golden = bundle.manifest.golden
    about = bundle.manifest.exports.get(GRAPHS[name].file, {})
    kept = about.get("golden_scores", [each.scores for each in golden])
    try:
        scores = np.array(kept, np.float64)
    except (TypeError, ValueError):
        scores = np.empty(0)
    shape = len(golden), len(bundle.manifest.labels)
    if scores.shape != shape and len(golden):
        raise BundleError(
            f"{bundle.path}: the golden scores of {GRAPHS[name].file} are not "
            f"{shape[0]} times {shape[1]} numbers; export it again with --force"
        )
    return scores
