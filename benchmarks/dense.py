"""Dense scanning against window by window: how fast, and how far the scores are apart.

    python benchmarks/dense.py ../shared/data

Models of the recipes are trained on the speech commands of eight words, but for the
speakers of one fold in five. Their words, one after another, are the recording that is
timed and compared on; `accuracy` is that of the windows that hold exactly one of them.
The field recordings in `screaming_piha`, full of other sounds than the models know, are
compared on too. The two ways to scan take turns, and a ratio is the median over turns.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import soundfile

from results import save
from sonotype.audio.io import read_audio
from sonotype.audio.windows import fit_length
from sonotype.bundle import read_bundle
from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.readers.folder import read_folder
from sonotype.dataset.split import k_folds
from sonotype.inference.classifier import Classifier, load
from sonotype.inference.scan import WindowScores
from sonotype.settings import read_settings

WORDS = ["down", "go", "left", "no", "right", "stop", "up", "yes"]
HOPS = (0.5, 0.25, 0.1)
PIHA_SUFFIXES = {".wav", ".mp3"}


def train_and_add(
    data: Path, recipe: str, folder: Path, epochs: int | None
) -> tuple[Path, Clips, float]:
    """Train on all folds but one.

    Returns:
        The bundle, the clips of that fold, and the front end's share of the time.
    """
    from sonotype.exporters.add_format import add_format, make_examples
    from sonotype.exporters.export import export
    from sonotype.exporters.formats import FORMATS
    from sonotype.interfaces.real_clips import real_clips
    from sonotype.training.train import train

    overrides = {} if epochs is None else {"training.epochs": epochs}
    settings = read_settings(recipe, overrides=overrides)
    cache = AudioCache(folder / "cache", sample_rate=settings.audio.sample_rate)
    clips = cache.load(read_folder(data / "speech_commands", classes=WORDS)).clips
    parts = k_folds(clips, n_folds=5, seed=0)[0]
    trained = train(parts.train, parts.validation, settings=settings, cache=cache)
    path = folder / f"{recipe}.sonotype"
    export(trained, path, replace=True)
    bundle = read_bundle(path)
    real = real_clips(load(path), parts.validation)
    examples = make_examples(bundle, trained.model, real)
    add_format(bundle, FORMATS["litert-dense"], trained.model, examples)
    return path, parts.test, frontend_share(trained.model)


def frontend_share(model: keras.Model, *, turns: int = 300) -> float:
    """Return the front end's share of the time that the graph of one clip takes."""
    from ai_edge_litert.interpreter import Interpreter

    from sonotype.exporters.litert import to_litert

    clip = 0.1 * np.random.default_rng(0).standard_normal((1, model.input_shape[-1]))
    parts = (model.get_layer("frontend"), model)
    graphs = [Interpreter(model_content=to_litert(part)) for part in parts]
    times: list[list[float]] = [[], []]
    for graph in graphs:
        graph.allocate_tensors()
        where = graph.get_input_details()[0]["index"]
        graph.set_tensor(where, clip.astype(np.float32))
    for _ in range(turns):
        for graph, seconds in zip(graphs, times, strict=True):
            began = time.perf_counter()
            graph.invoke()
            seconds.append(time.perf_counter() - began)
    return statistics.median(times[0]) / statistics.median(times[1])


def row_of_words(
    classifier: Classifier, clips: Clips, *, hop: int, most: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return words one after another, and which windows hold which of them.

    Args:
        classifier: Its rate and window count.
        clips: The words.
        hop: Samples; every word begins at a multiple of it.
        most: How many words at most.
        seed: Of their order.

    Returns:
        Samples, the numbers of windows, and the labels in these.
    """
    n_samples = classifier.bundle.manifest.n_samples
    every = -(-n_samples // hop)
    order = np.random.default_rng(seed).permutation(len(clips))[:most]
    samples = np.zeros((len(order), every * hop), np.float32)
    labels = []
    for row, place in zip(samples, order, strict=True):
        clip = clips[int(place)]
        word = read_audio(clip.path, classifier.sample_rate)
        row[:n_samples] = fit_length(word, n_samples)
        labels.append(classifier.labels.names.index(clip.labels[0]))
    return samples.ravel(), every * np.arange(len(order)), np.array(labels)


def scores(
    classifier: Classifier, path: Path, hop: int, *, dense: bool
) -> tuple[np.ndarray, float]:
    """Return the scores of a scan, and its time."""
    hop_seconds = hop / classifier.sample_rate
    began = time.perf_counter()
    parts = classifier.scan(path, hop_seconds=hop_seconds, dense=dense)
    found = WindowScores.join(parts).scores
    return found, time.perf_counter() - began


def apart(alone: np.ndarray, dense: np.ndarray, where: str) -> dict[str, float]:
    """Return how far the scores of two scans are apart."""
    same = alone.argmax(axis=1) == dense.argmax(axis=1)
    return {
        f"{where}_difference": round(float(np.abs(alone - dense).mean()), 4),
        f"{where}_same_label": round(float(same.mean()), 4),
    }


def measure(
    classifier: Classifier,
    clips: Clips,
    field: Sequence[Path],
    *,
    wanted: float,
    most: int,
    turns: int,
    folder: Path,
) -> dict[str, Any]:
    """Return the row of one hop."""
    rate = classifier.sample_rate
    hop = classifier.dense.layout.hop(
        round(wanted * rate), sample_rate=rate, exactly=False
    )
    samples, places, labels = row_of_words(classifier, clips, hop=hop, most=most)
    path = folder / "words.wav"
    soundfile.write(path, samples, rate, subtype="FLOAT")
    times = []
    for _ in range(turns + 1):
        alone, one = scores(classifier, path, hop, dense=False)
        dense, other = scores(classifier, path, hop, dense=True)
        times.append((one, other))
    times = times[1:]  # the first turn warms up
    row: dict[str, Any] = {
        "wanted_hop_seconds": wanted,
        "hop_seconds": hop / rate,
        "windows": len(alone),
        "alone_per_second": round(len(alone) / statistics.median(t for t, _ in times)),
        "dense_per_second": round(len(alone) / statistics.median(t for _, t in times)),
        "ratio": round(statistics.median(one / other for one, other in times), 2),
        "alone_accuracy": round(float((alone[places].argmax(1) == labels).mean()), 4),
        "dense_accuracy": round(float((dense[places].argmax(1) == labels).mean()), 4),
        **apart(alone, dense, "words"),
    }
    pairs = [
        [scores(classifier, file, hop, dense=dense)[0] for dense in (False, True)]
        for file in field
    ]
    together = [np.concatenate(rows) for rows in zip(*pairs, strict=True)]
    return row | apart(together[0], together[1], "field") | {"turns": turns}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipes", default="default,speech_embedding")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--dry", action="store_true", help="write no results")
    options = parser.parse_args()
    files = (options.data / "screaming_piha").rglob("*")
    field = sorted(path for path in files if path.suffix in PIHA_SUFFIXES)
    rows = []
    for recipe in options.recipes.split(","):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            bundle, clips, share = train_and_add(
                options.data, recipe, folder, options.epochs
            )
            classifier = load(bundle)
            for wanted in HOPS:
                row = measure(
                    classifier,
                    clips,
                    field,
                    wanted=wanted,
                    most=options.words,
                    turns=options.turns,
                    folder=folder,
                )
                stride = classifier.dense.layout.stride_samples / classifier.sample_rate
                about = {
                    "recipe": recipe,
                    "stride_seconds": stride,
                    "frontend_share": round(share, 3),
                }
                rows.append({**about, **row})
                print(rows[-1], flush=True)
    if not options.dry:
        print("wrote", save("dense", rows))


if __name__ == "__main__":
    main()
