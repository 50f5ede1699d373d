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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

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
N_LABELS = 2.5  # in a multi-label clip, on average; some have none
# Task and number of groups.
TABLES = (
    ("single-label", 20_000),
    ("single-label", 200_000),
    ("single-label", 1_000_000),
    ("multi-label", 200_000),
    ("multi-label", 1_000_000),
)


def make_table(path: Path, *, n_clips: int, n_groups: int, task: str) -> None:
    """Write a table of clips that are named SPEAKER_nohash_N.wav."""
    generator = np.random.default_rng(0)
    names = [f"class {position:02d}" for position in range(N_CLASSES)]
    n_labels = np.ones(n_clips, np.int64)
    if task == "multi-label":
        n_labels = generator.poisson(N_LABELS, n_clips)
    codes = generator.integers(N_CLASSES, size=n_labels.sum())
    carried = pl.DataFrame(
        {
            "take": np.repeat(np.arange(n_clips), n_labels),
            "labels": pl.Series(names).gather(codes),
        }
    )
    labels = carried.group_by("take").agg(pl.col("labels").unique())
    # Each group has a clip, if there are enough; the others are anybody's.
    speakers = np.arange(n_clips)
    speakers[n_groups:] = generator.integers(n_groups, size=max(0, n_clips - n_groups))
    takes = pl.DataFrame({"take": np.arange(n_clips), "speaker": speakers})
    frame = takes.join(labels, on="take", how="left", maintain_order="left").select(
        path=pl.format("/data/{}/{}_nohash_{}.wav", "speaker", "speaker", "take"),
        start_seconds=pl.lit(None, pl.Float64),
        end_seconds=pl.lit(None, pl.Float64),
        labels=pl.col("labels").fill_null([]),
        absent=pl.lit(None, pl.List(pl.String)),
        group=pl.col("take").cast(pl.String),
        split=pl.lit(None, pl.String),
    )
    write_clips(Clips(frame.match_to_schema(SCHEMA), Labels(tuple(names))), path)


def run_once(path: Path) -> None:
    """Do all of it once and print the seconds of each stage and the peak memory."""
    # Keras takes seconds to import, which is no work on the table.
    from sonotype.training.batches import TrainingBatches

    seconds: dict[str, float] = {}

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - started

    before = _cpu_seconds()
    with stage("read_and_check"):
        clips = read_clips(path)
    with stage("group"):
        clips = clips.with_groups(assign_groups(clips.frame["path"].to_list()))
    with stage("split"):
        parts = split(clips, seed=0)
    with stage("targets"):
        is_multi = clips.is_multi_label
        train = parts.train
        targets = train.label_matrix() if is_multi else train.targets()
    with stage("epoch_of_indices"):
        # What a batch reads of the cache, without the cache: there is no sound.
        nothing: Any = None
        batches = TrainingBatches(nothing, targets, n_samples=1, batch_size=BATCH_SIZE)
        n_steps = len(targets) // BATCH_SIZE
        order = np.concatenate([batches._positions(step) for step in range(n_steps)])
    n_read = len(np.unique(order))
    if n_read != n_steps * BATCH_SIZE or sum(map(len, parts)) != len(clips):
        raise SystemExit("clips were lost")
    peaks = [getrusage(who).ru_maxrss for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    found = {
        **seconds,
        "cpu": _cpu_seconds() - before,
        # The child that reads Parquet works while this process holds next to nothing.
        "peak_mb": max(peaks) / 1024,
        "n_groups": clips.frame["group"].n_unique(),
    }
    print(json.dumps(found))


def _cpu_seconds() -> float:
    usages = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measure(task: str, *, n_clips: int, n_groups: int, n_runs: int) -> dict[str, Any]:
    """Return a row of the results: medians over the runs."""
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "clips.parquet"
        make_table(table, n_clips=n_clips, n_groups=n_groups, task=task)
        for _ in range(n_runs):
            command = [sys.executable, __file__, "--once", os.fspath(table)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            found.append(json.loads(done.stdout))
    medians = {name: statistics.median(run[name] for run in found) for name in found[0]}
    peak_mb, cpu = medians.pop("peak_mb"), medians.pop("cpu")
    return {
        "clips": n_clips,
        "task": task,
        "groups": int(medians.pop("n_groups")),
        **{f"{name}_seconds": round(value, 2) for name, value in medians.items()},
        "all_seconds": round(sum(medians.values()), 2),
        # Tells a busy machine from slow work.
        "cpu_seconds": round(cpu, 2),
        "peak_mb": round(peak_mb),
        "runs": n_runs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        run_once(options.once)
        return
    rows = []
    for task, n_groups in TABLES:
        sizes = {"n_clips": options.clips, "n_groups": min(n_groups, options.clips)}
        rows.append(measure(task, **sizes, n_runs=options.runs))
        print(json.dumps(rows[-1]))
    print("wrote", save("clips_table", rows))


if __name__ == "__main__":
    main()
