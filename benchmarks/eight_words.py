"""Accuracy and wall time of a recipe on real words, over speaker-disjoint folds.

    python benchmarks/eight_words.py ../shared/data/speech_commands

Every fold is a fresh process with an empty cache: read, decode, train, evaluate on
speakers it never heard, export and check the bundle, evaluate that too. The time is
what a person would wait, from starting Python to the end. Speakers of the test fold
are never used to choose anything; the best epoch is chosen on validation speakers.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from results import save

WORDS = "down,go,left,no,right,stop,up,yes"


def run_fold(data: Path, recipe: str, words: str, fold: int, n_folds: int) -> None:
    """Train and evaluate one fold; print its numbers as JSON."""
    from sonotype.dataset.cache.audio_cache import AudioCache
    from sonotype.dataset.readers.folder import read_folder
    from sonotype.dataset.split import k_folds
    from sonotype.evaluation.evaluate import evaluate
    from sonotype.exporters.export import export
    from sonotype.inference.classifier import load
    from sonotype.settings import read_settings
    from sonotype.training.train import train

    settings = read_settings(recipe)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        clips = read_folder(data, classes=words.split(","))
        cache = AudioCache(folder / "cache", sample_rate=settings.audio.sample_rate)
        clips = cache.load(clips).clips
        parts = k_folds(clips, n_folds=n_folds, seed=0)[fold]
        trained = train(
            parts.train,
            parts.validation,
            settings=settings,
            cache=cache,
        )
        report = evaluate(trained, parts.test).to_dict()
        export(trained, folder / "words.sonotype")
        shipped = evaluate(load(folder / "words.sonotype"), parts.test).to_dict()
    print(
        json.dumps(
            {
                "train_clips": len(parts.train),
                "validation_clips": len(parts.validation),
                "test_clips": len(parts.test),
                "test_speakers": report["n_groups"],
                "accuracy": round(report["accuracy"], 4),
                "accuracy_litert": round(shipped["accuracy"], 4),
                "macro_f1": round(report["macro_f1"], 4),
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--words", default=WORDS)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--fold", type=int, help="run this fold only, in this process")
    parser.add_argument("--name", default="eight_words", help="results/NAME.csv")
    options = parser.parse_args()
    if options.fold is not None:
        run_fold(
            options.data, options.recipe, options.words, options.fold, options.folds
        )
        return
    rows: list[dict[str, Any]] = []
    for fold in range(options.folds):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--fold", str(fold)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        numbers = json.loads(done.stdout.splitlines()[-1])
        seconds = round(time.perf_counter() - started, 1)
        rows.append(
            {"recipe": options.recipe, "fold": fold, **numbers, "seconds": seconds}
        )
        print(rows[-1], flush=True)
    print("wrote", save(options.name, rows))
    print("mean accuracy", round(statistics.mean(row["accuracy"] for row in rows), 4))
    print("longest fold", max(row["seconds"] for row in rows), "s")


if __name__ == "__main__":
    main()
