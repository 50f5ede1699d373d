"""The cache of decoded audio against a bare loop over the same files.

    python benchmarks/cache.py

Filling it is compared with libsndfile and soxr in a loop that keeps nothing, once with
half of the files in each of as many processes as there are cores, once in as many
threads. Reading batches is compared with numpy gathering the same rows out of one int16
matrix in memory. All runs are interleaved; the numbers are medians, and a ratio is the
median of the ratios of neighbouring runs, since other programs may disturb some.

A fill starts with threads and goes on with processes if it takes long, so the
first is large. The others show what threads do alone.
"""

import argparse
import json
import multiprocessing
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import Pool
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
import soundfile
import soxr

from results import save
from sonotype.clips import Clip, Clips
from sonotype.dataset.cache.audio_cache import AudioCache, CachedAudio
from sonotype.runtime import usable_cores

RATE = 16_000
BATCH_SIZE = 64
# Suffix, rate, seconds and number of files.
SETS = {
    "16 kHz wav, 1 s": ("wav", 16_000, 1, 30_000),
    "16 kHz wav, 1 s, few": ("wav", 16_000, 1, 3_000),
    "44.1 kHz ogg, 5 s": ("ogg", 44_100, 5, 1_200),
    "48 kHz flac, 5 s": ("flac", 48_000, 5, 1_600),
}
Timings = dict[str, list[tuple[float, float]]]


def make_files(folder: Path, suffix: str, rate: int, seconds: int, n: int) -> Clips:
    """Write `n` recordings of noise that fades, which packs about as sound does."""
    generator = np.random.default_rng(0)
    fade = np.geomspace(0.3, 0.003, rate * seconds)
    noise = fade * generator.standard_normal(len(fade))
    paths = [folder / f"{position}.{suffix}" for position in range(n)]
    folder.mkdir(parents=True)
    for path in paths:
        # No two files are the same: copies would be decoded once.
        noise[:200] = fade[:200] * generator.standard_normal(200)
        soundfile.write(path, noise, rate)
    return Clips.of(Clip(path, ("x",), path.stem) for path in paths)


def bare_loop(paths: list[str]) -> int:
    """Decode and resample files, and keep nothing."""
    n_samples = 0
    for path in paths:
        samples, rate = soundfile.read(path, dtype="float32")
        if rate != RATE:
            samples = soxr.resample(samples, rate, RATE, quality="HQ")
        n_samples += len(samples)
    return n_samples


def cpu_seconds() -> float:
    usages = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def interleave(
    runs: dict[str, Callable[[], Any]], n_runs: int, made: Path | None = None
) -> Timings:
    """Run each in turn; return wall and CPU seconds, without those of the first.

    The folder that a run makes is deleted after it, which is not timed.
    """
    timings: Timings = {name: [] for name in runs}
    for round_ in range(n_runs + 1):
        for name, run in runs.items():
            cpu, wall = cpu_seconds(), time.perf_counter()
            run()
            spent = time.perf_counter() - wall, cpu_seconds() - cpu
            if round_:
                timings[name].append(spent)
            if made:
                shutil.rmtree(made, ignore_errors=True)
    return timings


def measure_filling(folder: Path, pool: Pool, kind: str, n_runs: int) -> dict[str, Any]:
    suffix, rate, seconds, n_files = SETS[kind]
    clips = make_files(folder / "files", suffix, rate, seconds, n_files)
    paths = list(map(str, clips.paths()))
    cores = usable_cores()
    shares = [paths[core::cores] for core in range(cores)]

    def fill() -> None:
        cache = AudioCache(folder / "cache", sample_rate=RATE)
        assert len(cache.load(clips)) == n_files

    def in_threads() -> None:
        with ThreadPoolExecutor(cores) as threads:
            list(threads.map(bare_loop, shares))

    timings = interleave(
        {
            "bare_loop": lambda: bare_loop(paths),
            "bare_in_processes": lambda: pool.map(bare_loop, shares, chunksize=1),
            "bare_in_threads": in_threads,
            "cache": fill,
        },
        n_runs,
        folder / "cache",
    )
    shutil.rmtree(folder)
    per_file = {
        name: statistics.median(wall for wall, _ in runs) / n_files * 1e3
        for name, runs in timings.items()
    }
    return {
        "what": f"fill, {kind}",
        **{f"{name}_ms_a_file": round(ms, 4) for name, ms in per_file.items()},
        "of_bare_in_processes": ratio(timings, "bare_in_processes"),
        "of_bare_in_threads": ratio(timings, "bare_in_threads"),
        "of_bare_cpu": ratio(timings, "bare_loop", 1),
        "files": n_files,
        "runs": n_runs,
    }


def ratio(timings: Timings, bare: str, which: int = 0) -> float:
    """Return by how much the cache is faster, in wall time or (1) in CPU time."""
    pairs = zip(timings[bare], timings["cache"], strict=True)
    return round(statistics.median(a[which] / b[which] for a, b in pairs), 3)


def measure_batches(folder: Path, n_clips: int, n_runs: int) -> dict[str, Any]:
    """Read every clip once, in random order."""
    clips = make_files(folder / "batches", "wav", RATE, 1, n_clips)
    cached = AudioCache(folder / "batches" / "cache", sample_rate=RATE).load(clips)
    matrix = np.stack([cached.stored[position] for position in range(n_clips)])
    order = np.random.default_rng(0).permutation(n_clips)
    batches = [order[at : at + BATCH_SIZE] for at in range(0, n_clips, BATCH_SIZE)]
    scale = np.float32(1 / 32_768)

    timings = interleave(
        {
            "gather": lambda: [len(matrix[batch]) for batch in batches],
            "gather_and_scale": lambda: [len(matrix[b] * scale) for b in batches],
            "cache": lambda: [len(cached.batch(batch, RATE)) for batch in batches],
        },
        n_runs,
    )
    check(cached, matrix, batches[0])
    seconds = {
        name: statistics.median(wall for wall, _ in runs)
        for name, runs in timings.items()
    }
    # Read and written: int16 to int16, and int16 to float32.
    gathered, made = 4 * matrix.size, 6 * matrix.size
    return {
        "what": "read batches, 1 s",
        "gather_gb_a_second": round(gathered / seconds["gather"] / 1e9, 2),
        "cache_gb_a_second": round(made / seconds["cache"] / 1e9, 2),
        "of_gather_bandwidth": round(made / gathered * ratio(timings, "gather"), 3),
        "of_gather_and_scale": ratio(timings, "gather_and_scale"),
        "files": n_clips,
        "runs": n_runs,
    }


def check(cached: CachedAudio, matrix: np.ndarray, batch: np.ndarray) -> None:
    """Both must make the same batch."""
    expected = matrix[batch] * np.float32(1 / 32_768)
    np.testing.assert_array_equal(cached.batch(batch, RATE), expected)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--clips", type=int, default=4_000, help="in batches")
    options = parser.parse_args()
    with (
        multiprocessing.get_context("spawn").Pool(usable_cores()) as pool,
        tempfile.TemporaryDirectory() as made,
    ):
        folder = Path(made)
        rows = [
            measure_filling(folder / "fill", pool, kind, options.runs)
            for kind in options.sets
        ]
        rows.append(measure_batches(folder, options.clips, options.runs))
    for row in rows:
        print(json.dumps(row))
    columns = {column: "" for row in rows for column in row}
    print("wrote", save("cache", [columns | row for row in rows]))


if __name__ == "__main__":
    main()
