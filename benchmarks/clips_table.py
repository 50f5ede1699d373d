"""A table of a million clips: read, checked, grouped, split, and read for an epoch.

    python benchmarks/clips_table.py

The recordings do not exist; only their names do. Each run is a process of its own, so
that the peak memory is that of the work and not of making up the table.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import numpy as np
import polars as pl

from results import save
from sonotype.clips import SCHEMA, Clips
from sonotype.dataset.clip_files import read_clips, write_clips
from sonotype.dataset.groups import assign_groups
from sonotype.dataset.split import split
from sonotype.labels import Labels

N_CLASSES = 50
BATCH_SIZE = 64


def make_table(path: Path, *, n_clips: int, n_groups: int) -> None:
    """Write a table of clips that are named SPEAKER_nohash_N.wav."""
    generator = np.random.default_rng(0)
    names = [f"class {position:02d}" for position in range(N_CLASSES)]
    label = pl.Series(names).gather(generator.integers(N_CLASSES, size=n_clips))
    speaker = pl.Series(generator.integers(n_groups, size=n_clips)).cast(pl.String)
    take = pl.Series(np.arange(n_clips)).cast(pl.String)
    frame = pl.DataFrame({"label": label, "speaker": speaker, "take": take}).select(
        path=pl.format("/data/{}/{}_nohash_{}.wav", "label", "speaker", "take"),
        start_seconds=pl.lit(None, pl.Float64),
        end_seconds=pl.lit(None, pl.Float64),
        labels=pl.concat_list("label"),
        absent=pl.lit([], pl.List(pl.String)),
        group=pl.col("take"),
        split=pl.lit(None, pl.String),
    )
    write_clips(Clips(frame.match_to_schema(SCHEMA), Labels(tuple(names))), path)


def run_once(path: Path) -> None:
    """Do all of it once and print the seconds of each stage and the peak memory."""
    seconds = {}
    started = time.perf_counter()

    def stage(name: str) -> None:
        nonlocal started
        seconds[name] = time.perf_counter() - started
        started = time.perf_counter()

    clips = read_clips(path)
    stage("read_and_check")
    clips = clips.with_groups(assign_groups(clips.paths()))
    stage("group")
    parts = split(clips, seed=0)
    stage("split")
    indices = parts.train.label_indices()
    order = np.random.default_rng(0).permutation(len(parts.train))
    n_read = 0
    for at in range(0, len(order), BATCH_SIZE):
        n_read += len(indices[order[at : at + BATCH_SIZE]])
    stage("epoch_of_indices")
    if n_read != len(parts.train) or sum(map(len, parts)) != len(clips):
        raise SystemExit("clips were lost")
    peaks = [getrusage(who).ru_maxrss for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    # The child that reads Parquet works while this process holds next to nothing.
    cpu = sum(
        usage.ru_utime + usage.ru_stime
        for usage in (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    )
    print(json.dumps({**seconds, "cpu": cpu, "peak_mb": max(peaks) / 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        run_once(options.once)
        return
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "clips.parquet"
        make_table(table, n_clips=options.clips, n_groups=options.groups)
        for _ in range(options.runs):
            command = [sys.executable, __file__, "--once", os.fspath(table)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found.append(json.loads(done.stdout))
    medians = {name: statistics.median(run[name] for run in found) for name in found[0]}
    peak_mb, cpu = medians.pop("peak_mb"), medians.pop("cpu")
    row = {
        "clips": options.clips,
        "groups": options.groups,
        **{f"{name}_seconds": round(value, 2) for name, value in medians.items()},
        "all_seconds": round(sum(medians.values()), 2),
        # Tells a busy machine from slow work.
        "cpu_seconds": round(cpu, 2),
        "peak_mb": round(peak_mb),
        "runs": options.runs,
    }
    print(json.dumps(row))
    print("wrote", save("clips_table", [row]))


if __name__ == "__main__":
    main()
