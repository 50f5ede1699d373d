"""Which runtime scores clips fastest, on all cores that this process may use.

    python benchmarks/inference.py

Four networks with random weights; clips of noise, ready in memory. A measurement is a
process of its own: importing the runtime, loading the graph and scoring the first clip
is the cold start; then one clip at a time, for the latency; then as many as it can, for
the clips per second. Memory is the highest the process had (VmHWM). All ways take
turns, and numbers are medians over turns; latencies are those of all turns' clips.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from results import save

NETWORKS = {  # name: recipe
    "default": "default",
    "speech_embedding": "speech_embedding",
    "mn04": "efficientat",
    "EfficientNetB0": "article",
}
Score = Callable[[np.ndarray], object]


class Way(NamedTuple):
    """A way to score clips: so many runtimes, each with its threads and batches.

    `n_runtimes` or `n_threads` of 0 is one for each core.
    """

    format: str
    n_runtimes: int
    n_threads: int
    batch: int = 1


WAYS = (
    Way("litert", 1, 0),
    Way("litert", 0, 1),
    Way("litert-int8", 0, 1),
    Way("onnx", 1, 0),
    Way("onnx", 1, 0, 16),
    Way("onnx", 0, 1),
    Way("onnx", 0, 1, 16),
    Way("openvino", 1, 0),
    Way("openvino", 0, 1),
    Way("saved-model", 1, 0, 16),
    Way("keras", 1, 0, 16),
)
FORMATS = ("litert", "litert-int8", "onnx", "openvino", "saved-model")
PACKAGES = {"onnx": "onnxruntime", "openvino": "openvino"}
SLOW_TO_START = ("saved-model", "keras")


def write_graphs(folder: Path, network: str) -> None:
    """Write one network in every format; run in a process of its own."""
    import keras

    from sonotype.exporters.formats import FORMATS as ROWS
    from sonotype.settings import read_settings
    from sonotype.training.build import build_model

    overrides = {"model.weights": "none", "training.transfer": "scratch"}
    settings = read_settings(NETWORKS[network], overrides=overrides)
    keras.utils.set_random_seed(0)
    model = build_model(settings, n_classes=8)
    for name in FORMATS:
        if ROWS[name].missing() is None:
            ROWS[name].write(model, None, folder / ROWS[name].file)
    model.save(folder / "model.keras")
    noise = np.random.default_rng(0).standard_normal((32, model.input_shape[1]))
    np.save(folder / "clips.npy", (0.1 * noise).astype(np.float32))


def open_way(folder: Path, way: Way) -> list[Score]:
    """Load a graph as often as a way asks for."""
    from sonotype.runtime import GRAPHS, usable_cores

    if way.format == "keras":
        from sonotype.training.load import load_model

        model = load_model(folder / "model.keras")
        return [lambda clips: model.predict(clips, batch_size=way.batch, verbose=0)]
    if way.format == "saved-model":
        from sonotype.exporters.saved_model import SavedModel

        return [SavedModel(folder / "saved_model").scores]
    graph = GRAPHS[way.format]
    return [
        graph.open(
            folder / graph.file, n_threads=way.n_threads or usable_cores()
        ).scores
        for _ in range(way.n_runtimes or usable_cores())
    ]


def measure(folder: Path, way: Way, seconds: float, began: float) -> dict[str, Any]:
    """Return what one process finds; `began` is when it was started."""
    clips = np.load(folder / "clips.npy")
    scorers = open_way(folder, way)
    scorers[0](clips[:1])
    cold = time.time() - began
    for score in scorers:
        score(clips[: way.batch])
    latencies = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.perf_counter()
        scorers[0](clips[:1])
        latencies.append(time.perf_counter() - start)
    batches = np.split(clips, len(clips) // way.batch)

    def work(score: Score) -> int:
        n_done = 0
        while time.perf_counter() < until:
            score(batches[n_done % len(batches)])
            n_done += 1
        return n_done * way.batch

    with ThreadPoolExecutor(len(scorers)) as threads:
        start = time.perf_counter()
        until = start + seconds
        n_clips = sum(threads.map(work, scorers))
        per_second = n_clips / (time.perf_counter() - start)
    return {
        "clips_per_second": per_second,
        "latencies": latencies,
        "peak_mb": peak_mb(),
        "cold": cold,
    }


def peak_mb() -> float:
    """Return the most memory this process has had; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    lines = status.read_text().splitlines()
    found = next(line for line in lines if line.startswith("VmHWM"))
    return int(found.split()[1]) / 1024


def run_once(folder: Path, way: Way, seconds: float) -> dict[str, Any]:
    """Measure a way once, in a process of its own."""
    task = json.dumps([str(folder), way, seconds, time.time()])
    done = subprocess.run(
        [sys.executable, __file__, "--measure", task],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row_of(network: str, way: Way, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of one way."""
    latencies = 1e3 * np.concatenate([run["latencies"] for run in runs])
    medians = {
        name: float(np.median([run[name] for run in runs]))
        for name in ("clips_per_second", "peak_mb", "cold")
    }
    return {
        "network": network,
        "format": way.format,
        "runtimes": way.n_runtimes or "cores",
        "threads_each": way.n_threads or "cores",
        "batch": way.batch,
        "clips_per_second": round(medians["clips_per_second"], 1),
        "p50_ms": round(float(np.percentile(latencies, 50)), 3),
        "p99_ms": round(float(np.percentile(latencies, 99)), 3),
        "peak_mb": round(medians["peak_mb"]),
        "cold_start_seconds": round(medians["cold"], 2),
        "turns": len(runs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.6)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    parser.add_argument("--dry", action="store_true", help="write no results")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        folder, way, seconds, began = json.loads(options.measure)
        print(json.dumps(measure(Path(folder), Way(*way), seconds, began)))
        return
    with tempfile.TemporaryDirectory() as name:
        rows = take_turns(Path(name), options)
    for row in rows:
        print(json.dumps(row))
    if not options.dry:
        print("wrote", save("inference", rows))


def take_turns(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Write the networks, measure every way in turns, and return the rows."""
    for network in options.networks:
        (folder / network).mkdir()
        process = multiprocessing.get_context("spawn").Process(
            target=write_graphs, args=(folder / network, network)
        )
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"{network} was not written")
    ways = [way for way in WAYS if find_spec(PACKAGES.get(way.format, "numpy"))]
    found: dict[tuple[str, Way], list[dict[str, Any]]] = {
        (network, way): [] for network in options.networks for way in ways
    }
    for turn in range(options.turns):
        for (network, way), runs in found.items():
            # What takes seconds to start has one turn.
            if not turn or way.format not in SLOW_TO_START:
                runs.append(run_once(folder / network, way, options.seconds))
    return [row_of(network, way, runs) for (network, way), runs in found.items()]


if __name__ == "__main__":
    main()
