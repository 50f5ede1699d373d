"""What `sonotype train` reaches on real sound, beside a plain recipe, fold by fold.

    python benchmarks/accuracy.py ../shared/data                    # every set, auto
    python benchmarks/accuracy.py ../shared/data --set esc10 --seeds 0 1 2
    python benchmarks/accuracy.py ../shared/data --set words8 --transfer frozen
    python benchmarks/accuracy.py ../shared/data --set words8 --clips-per-class 10
    python benchmarks/accuracy.py --table                     # what was measured so far

Every fold is a fresh process with an empty cache: read, decode, try backbones, train,
evaluate on groups that took no part. The time is what a person would wait, from
starting Python to the score. Nothing is chosen on test clips. A seed is that of the
folds and of the training; ESC-10 comes in folds. `$SONOTYPE_WEIGHTS` says where weights
are that do not come with a package.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from results import put, read
from sonotype.dataset.split import Split, k_folds

EIGHT = "down,go,left,no,right,stop,up,yes"


@dataclass(frozen=True)
class Protocol:
    """A data set and how it is divided; `n_folds` is `None` where it comes in folds."""

    folder: str
    classes: str | None = None
    layout: str = "auto"
    n_folds: int | None = 5


PROTOCOLS = {
    "words8": Protocol("speech_commands", EIGHT, "folder"),
    "words12": Protocol("speech_commands", None, "folder"),
    "fsdd": Protocol("fsdd", n_folds=6),
    "esc10": Protocol("esc10", n_folds=None),
}


@dataclass(frozen=True)
class Task:
    """One fold to be trained and tested."""

    set: str
    recipe: str
    transfer: str
    fold: int
    seed: int
    clips_per_class: int


def run(data: Path, task: Task) -> dict[str, Any]:
    """Train on one fold as the command would, and return what came of it."""
    from sonotype.dataset.cache.audio_cache import AudioCache
    from sonotype.dataset.readers.layout import read_dataset
    from sonotype.evaluation.evaluate import evaluate
    from sonotype.evaluation.report import Report
    from sonotype.interfaces.workflow import Auto, Silent, choose_settings
    from sonotype.settings import read_settings
    from sonotype.training.train import train

    started = time.monotonic()
    protocol = PROTOCOLS[task.set]
    auto = task.recipe == "auto"
    overrides: dict[str, Any] = {"seed": task.seed}
    if not auto and task.transfer != "auto":
        overrides["training.transfer"] = task.transfer
    settings = read_settings("default" if auto else task.recipe, overrides=overrides)
    classes = protocol.classes.split(",") if protocol.classes else None
    clips = read_dataset(
        data / protocol.folder, layout=protocol.layout, classes=classes
    )
    with tempfile.TemporaryDirectory() as made:
        cache_folder = Path(made)
        cache = AudioCache(cache_folder, sample_rate=settings.audio.sample_rate)
        parts = k_folds(
            cache.load(clips).clips, n_folds=protocol.n_folds, seed=task.seed
        )[task.fold]
        if task.clips_per_class:
            parts = few_clips(parts, task)
        if auto:
            how = Auto(finetune=task.transfer != "frozen")
            choice = choose_settings(parts, settings, Silent(), how, cache_folder)
            settings = choice.settings
            cache = AudioCache(cache_folder, sample_rate=settings.audio.sample_rate)
        trained = train(parts.train, parts.validation, settings=settings, cache=cache)
        ready = time.monotonic() - started
        report = evaluate(trained, parts.test)
    assert isinstance(report, Report)
    return {
        **asdict(task),
        "backbone": settings.model.backbone,
        "method": settings.training.transfer,
        "train_clips": len(parts.train) + len(parts.validation),
        "test_clips": len(parts.test),
        "accuracy": round(report.accuracy, 4),
        "train_seconds": round(ready, 1),
    }


def few_clips(parts: Split, task: Task) -> Split:
    """Return the split with so many clips a class to learn from, one of them apart."""
    draw = np.random.default_rng((task.seed, task.fold))
    few = []
    for part, n_clips in (
        (parts.train, task.clips_per_class - 1),
        (parts.validation, 1),
    ):
        heard = part.label_indices()
        chosen = [
            draw.choice(np.flatnonzero(heard == label), n_clips, replace=False)
            for label in np.unique(heard)
        ]
        few.append(part.select(np.sort(np.concatenate(chosen))))
    return Split(few[0], few[1], parts.test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--set", choices=list(PROTOCOLS), action="append")
    parser.add_argument("--recipe", default="auto")
    parser.add_argument("--transfer", default="auto")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folds", type=int, help="only the first so many")
    parser.add_argument("--clips-per-class", type=int, default=0)
    parser.add_argument("--name", default="accuracy", help="results/NAME.csv")
    parser.add_argument("--task", help="run this one in this process")
    parser.add_argument("--table", action="store_true", help="only print means")
    options = parser.parse_args()
    if options.table:
        print_table(read(options.name))
        return
    if options.data is None:
        parser.error("say where the data is")
    if options.task:
        print(json.dumps(run(options.data, Task(**json.loads(options.task)))))
        return
    rows: list[dict[str, str]] = []
    key = [field.name for field in fields(Task)]
    for name in options.set or list(PROTOCOLS):
        n_folds = options.folds or PROTOCOLS[name].n_folds or 5
        for seed in options.seeds:
            for fold in range(n_folds):
                task = Task(
                    set=name,
                    recipe=options.recipe,
                    transfer=options.transfer,
                    fold=fold,
                    seed=seed,
                    clips_per_class=options.clips_per_class,
                )
                row = in_a_process(options.data, task)
                print(row, flush=True)
                rows = put(options.name, row, key)
    print_table(rows)


def print_table(rows: Sequence[dict[str, str]]) -> None:
    """Print mean accuracies over folds and seeds, and what a fold took."""
    together = defaultdict(list)
    for row in rows:
        how = f"{row['recipe']} {row['transfer']}"
        if row["clips_per_class"] != "0":
            how += f", {row['clips_per_class']} clips a class"
        together[row["set"], how].append(row)
    for (name, how), mine in together.items():
        scores = [100 * float(row["accuracy"]) for row in mine]
        by_seed = defaultdict(list)
        for row, score in zip(mine, scores, strict=True):
            by_seed[row["seed"]].append(score)
        seeds = ", ".join(f"{statistics.mean(each):.2f}" for each in by_seed.values())
        train, wall = (
            statistics.median(float(row[f"{part}_seconds"]) for row in mine)
            for part in ("train", "wall")
        )
        print(
            f"{name:8} {how:24} {statistics.mean(scores):.2f} % over {len(mine)} folds"
            f" (by seed {seeds}), {train:.0f} s to a model, {wall:.0f} s in all"
        )


def in_a_process(data: Path, task: Task) -> dict[str, Any]:
    """Run a fold in a process of its own, and add what a person would have waited."""
    started = time.monotonic()
    command = [sys.executable, __file__, str(data), "--task", json.dumps(asdict(task))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**row, "wall_seconds": round(time.monotonic() - started, 1)}


if __name__ == "__main__":
    main()
