"""How fast many short files are predicted, against bare inference on ready arrays.

    python benchmarks/predict.py

The models have random weights. Bare inference scores the same clips, ready in memory,
with the same interpreters and nothing else. The two take turns, and the ratio is the
median over turns. Files at the model's own rate are read; those at 44.1 kHz stereo are
mixed and resampled as well. The files were read before, so no disk is waited for.
Reading takes the cores' time too: the possible ratio is that of cores that are always
busy.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bare import bare_seconds
from made import untrained_bundle
from results import save
from sonotype.audio.io import read_audio
from sonotype.inference.classifier import Classifier, load
from sonotype.runtime import usable_cores

RECIPES = ("default", "speech_embedding")
KINDS = ((16_000, 1), (44_100, 2))  # rate and channels


def noise_files(
    folder: Path, *, n_files: int, seconds: float, rate: int, channels: int
) -> list[Path]:
    """Write files of noise, of one length, and return them."""
    generator = np.random.default_rng(0)
    folder.mkdir()
    files = [folder / f"{place:05}.wav" for place in range(n_files)]
    for file in files:
        noise = generator.standard_normal((round(seconds * rate), channels))
        soundfile.write(file, 0.1 * noise, rate)
    return files


def predict_seconds(
    classifier: Classifier, files: Sequence[Path], n_threads: int
) -> float:
    """Time predicting files."""
    began = time.perf_counter()
    for _ in classifier.predict_many(files, n_threads=n_threads):
        pass
    return time.perf_counter() - began


def measure(
    classifier: Classifier, files: Sequence[Path], *, turns: int
) -> dict[str, Any]:
    """Return the row of one model and one kind of file."""
    n_threads = usable_cores()
    rate = classifier.sample_rate
    clips = np.stack([read_audio(file, rate) for file in files])
    predict_seconds(classifier, files, n_threads)  # the first one warms up
    predicts, bares, reads = [], [], []
    for _ in range(turns):
        bares.append(bare_seconds(classifier, clips, n_threads))
        predicts.append(predict_seconds(classifier, files, n_threads))
        began = time.perf_counter()
        for file in files:
            read_audio(file, rate)
        reads.append(time.perf_counter() - began)
    ratios = [bare / predict for bare, predict in zip(bares, predicts, strict=True)]
    # With every core busy all the time, for reading takes some of theirs.
    bare, read = statistics.median(bares), statistics.median(reads)
    return {
        "files": len(files),
        "predicted_per_second": round(len(files) / statistics.median(predicts)),
        "bare_per_second": round(len(files) / bare),
        "ratio": round(statistics.median(ratios), 3),
        "possible_ratio": round(bare / (bare + read / n_threads), 3),
        "read_per_second_on_one_core": round(len(files) / read),
        "turns": turns,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=11)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--bundle", type=Path, help="instead of untrained ones")
    parser.add_argument("--dry", action="store_true", help="write no results")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for recipe in (str(options.bundle),) if options.bundle else RECIPES:
            path = options.bundle or untrained_bundle(folder / recipe, recipe)
            classifier = load(path)
            for rate, channels in KINDS:
                files = noise_files(
                    folder / f"{recipe.replace('/', '-')}-{rate}",
                    n_files=options.files,
                    seconds=classifier.clip_seconds,
                    rate=rate,
                    channels=channels,
                )
                found = measure(classifier, files, turns=options.turns)
                about = {"model": recipe, "file_hz": rate, "channels": channels}
                rows.append({**about, **found})
                print(rows[-1], flush=True)
    if not options.dry:
        print("wrote", save("predict", rows))


if __name__ == "__main__":
    main()
