"""How fast long recordings are scanned: against real time, and against bare LiteRT.

    python benchmarks/scan.py

The model is the default recipe's with random weights, windows overlap by half. Bare
inference scores the same windows, ready in memory, with the same interpreters and
nothing else. The two take turns, and the ratio is the median over turns. A recording at
the model's own rate is read; one at 48 kHz is resampled as well.
"""

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from made import untrained_bundle
from results import save
from sonotype.audio.io import read_audio
from sonotype.audio.windows import cut_windows
from sonotype.inference.classifier import Classifier, load


def noise_file(path: Path, *, sample_rate: int, minutes: float) -> Path:
    """Write a recording of noise, minute by minute."""
    generator = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", sample_rate, 1, "PCM_16") as sound:
        for _ in range(round(minutes)):
            sound.write(0.1 * generator.standard_normal(60 * sample_rate))
    return path


def scan_seconds(classifier: Classifier, path: Path) -> float:
    """Time scanning a recording."""
    began = time.perf_counter()
    for _ in classifier.scan(path):
        pass
    return time.perf_counter() - began


def bare_seconds(classifier: Classifier, windows: np.ndarray) -> float:
    """Time scoring windows that are ready, one share for each interpreter."""
    runtimes = classifier.runtimes().runtimes
    shares = np.array_split(windows, len(runtimes))
    with ThreadPoolExecutor(len(runtimes)) as pool:
        began = time.perf_counter()
        jobs = [
            pool.submit(runtime.scores, share)
            for runtime, share in zip(runtimes, shares, strict=True)
        ]
        for job in jobs:
            job.result()
        return time.perf_counter() - began


def measure(
    classifier: Classifier, path: Path, *, minutes: float, turns: int
) -> dict[str, Any]:
    """Return the row of one recording."""
    samples = read_audio(path, classifier.sample_rate)
    n_samples = classifier.bundle.manifest.n_samples
    windows = cut_windows(samples, n_samples, hop=classifier.hop_samples())
    scan_seconds(classifier, path)  # the file is then in memory
    scans, bares = [], []
    for _ in range(turns):
        bares.append(bare_seconds(classifier, windows))
        scans.append(scan_seconds(classifier, path))
    ratios = [bare / scan for bare, scan in zip(bares, scans, strict=True)]
    return {
        "recording_hz": soundfile.info(path).samplerate,
        "model_hz": classifier.sample_rate,
        "minutes": minutes,
        "windows": len(windows),
        "scan_times_real_time": round(60 * minutes / statistics.median(scans)),
        "bare_windows_per_second": round(len(windows) / statistics.median(bares)),
        "ratio": round(statistics.median(ratios), 3),
        "turns": turns,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=11)
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--bundle", type=Path, help="instead of an untrained one")
    parser.add_argument("--dry", action="store_true", help="write no results")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = options.bundle or untrained_bundle(folder, "default")
        classifier = load(bundle)
        for rate in (classifier.sample_rate, 48_000):
            path = noise_file(
                folder / f"{rate}.wav", sample_rate=rate, minutes=options.minutes
            )
            row = measure(
                classifier, path, minutes=options.minutes, turns=options.turns
            )
            rows.append({"model": str(options.bundle or "default, untrained"), **row})
            print(rows[-1], flush=True)
    if not options.dry:
        print("wrote", save("scan", rows))


if __name__ == "__main__":
    main()
