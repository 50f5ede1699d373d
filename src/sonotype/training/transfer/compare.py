"""Which backbone hears the difference: each at hand, tried on the same clips."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.errors import SettingError
from sonotype.evaluation.bootstrap import Interval
from sonotype.evaluation.multi_label import multi_label_report
from sonotype.evaluation.report import report_from_scores
from sonotype.labels import Task
from sonotype.models.table import BACKBONES, find_backbone
from sonotype.models.weights import allows_commerce, at_hand
from sonotype.settings import Settings, read_settings
from sonotype.training.build import build_model
from sonotype.training.fit import targets
from sonotype.training.transfer.embed import embed_views
from sonotype.training.transfer.frozen import embedder
from sonotype.training.transfer.linear import cross_validate

# Enough to tell networks apart that matter; the winner hears all clips anyway. One that
# is clearly behind another on the first of them is spared the rest.
MOST_CLIPS, FIRST_CLIPS = 600, 200
SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 10.0
SPARE_SECONDS = 0.01


@dataclass(frozen=True)
class Candidate:
    """What a frozen backbone under a linear head achieved on unheard groups.

    Args:
        backbone: Its name.
        score: Accuracy, or mean average precision for multi-label clips.
        interval: Of the score, by resampling groups.
        n_clips: Clips it was tried on, each by a head that never heard its group; fewer
            than others if it was clearly behind.
        seconds: What the trial took.
        seconds_a_clip: Of these, what listening to one clip took.
        n_parameters: Of the backbone.
    """

    backbone: str
    score: float
    interval: Interval
    n_clips: int
    seconds: float
    seconds_a_clip: float
    n_parameters: int

    @property
    def megabytes(self) -> float:
        """Size of its float32 weights."""
        return self.n_parameters * 4 / 1e6


def backbones_at_hand() -> tuple[list[str], list[str]]:
    """Return the pre-trained backbones whose weights are here, and the others.

    Those whose licence forbids commercial use are in neither list: nobody is to find
    out afterwards that a model may not be sold. They are used where they are named.
    """
    pretrained = {
        name: found.weights
        for name, found in BACKBONES.items()
        if found.weights and allows_commerce(found.weights.licence)
    }
    here = [name for name, weights in pretrained.items() if at_hand(weights)]
    return here, [name for name in pretrained if name not in here]


def only_if_named() -> str:
    """Return a sentence on the backbones that `backbones_at_hand` leaves out.

    Example:
        >>> only_if_named()
        'Only where it is named, for its licence: birdnet (CC-BY-NC-SA-4.0).'
    """
    restricted = ", ".join(
        f"{name} ({found.weights.licence})"
        for name, found in BACKBONES.items()
        if found.weights and not allows_commerce(found.weights.licence)
    )
    return restricted and f"Only where it is named, for its licence: {restricted}."


def settings_for(backbone: str, like: Settings, clip_seconds: float) -> Settings:
    """Return the recipe that a pre-trained backbone is used by, for one data set.

    Args:
        backbone: A name with weights to start from.
        like: Its data settings and seed are kept.
        clip_seconds: Length of the clips.

    Raises:
        SettingError: If the backbone has no weights.
    """
    found = find_backbone(backbone)
    if found.weights is None or found.frontend is None:
        raise SettingError(f"backbone {backbone} has no weights to start from")
    return read_settings(
        found.frontend,
        overrides={
            "audio.clip_seconds": clip_seconds,
            "model.backbone": backbone,
            "data": like.data.model_dump(exclude_none=True),
            "seed": like.seed,
        },
    )


def usual_length(lengths: np.ndarray, sample_rate: int) -> float:
    """Return the seconds that hold nearly every clip whole.

    Example:
        >>> usual_length(np.array([16_000, 15_000, 16_000]), 16_000)
        1.0
    """
    seconds = float(np.quantile(lengths, 0.95)) / sample_rate
    # A few samples too many, as converters leave them, are no reason for silence.
    rounded = float(np.ceil((seconds - SPARE_SECONDS) * 10)) / 10
    return min(max(rounded, SHORTEST_SECONDS), LONGEST_SECONDS)


def compare_backbones(
    clips: Clips,
    backbones: Sequence[str],
    *,
    like: Settings,
    clip_seconds: float,
    task: Task,
    cache_folder: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Candidate]:
    """Try backbones one after the other, each on the same clips.

    One whose interval on the first 200 clips ends below that of the best so far hears
    no more of them.

    Args:
        clips: Clips to learn from; of more than 600, whole groups are drawn.
        backbones: Names with weights at hand.
        like: Its seed decides the folds.
        clip_seconds: Length of the clips.
        task: One label a clip, or any number.
        cache_folder: Where decoded audio is kept.
        on_progress: Called with the clips a backbone has heard and their number.

    Yields:
        What each achieved, as soon as it is known.
    """
    few = clips.select(_some_groups(clips, MOST_CLIPS, like.seed))
    first = _some_groups(few, FIRST_CLIPS, like.seed)
    if 2 * len(first) > len(few):  # it would spare too little
        first = np.arange(len(few))
    rest = np.setdiff1d(np.arange(len(few)), first)
    best: tuple[float, Interval] | None = None
    for name in backbones:
        started = time.monotonic()
        settings = settings_for(name, like, clip_seconds)
        cache = AudioCache(cache_folder, sample_rate=settings.audio.sample_rate)
        model = build_model(settings, len(few.labels), task)
        listener = _Listener(embedder(model), few, cache, on_progress)
        listener.hear(first)
        score, interval = at_first = listener.score(task, like.seed)
        if len(rest) and (best is None or interval.high >= best[1].low):
            listener.hear(rest)
            score, interval = listener.score(task, like.seed)
        if best is None or score > best[0]:
            best = score, at_first[1]
        yield Candidate(
            backbone=name,
            score=score,
            interval=interval,
            n_clips=len(listener.heard),
            seconds=time.monotonic() - started,
            seconds_a_clip=listener.seconds / len(listener.heard),
            n_parameters=model.get_layer("backbone").count_params(),
        )


class _Listener:
    """A network that hears some of the clips, and then more."""

    def __init__(
        self,
        network: keras.Model,
        clips: Clips,
        cache: AudioCache,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self.heard = np.empty(0, int)
        self.seconds = 0.0
        self._network = network
        self._clips = clips
        self._cache = cache
        self._on_progress = on_progress
        self._views = np.empty((1, len(clips), *network.output_shape[1:]), np.float32)
        # The first batch compiles it, which says nothing of the others.
        embed_views(network, cache.load_all(clips.select([0])))

    def hear(self, positions: np.ndarray) -> None:
        """Listen to clips."""
        audio = self._cache.load_all(self._clips.select(positions))
        before, n_clips = len(self.heard), len(self._clips)
        began = time.monotonic()
        self._views[:, positions] = embed_views(
            self._network,
            audio,
            on_progress=lambda done, _: self._on_progress(before + done, n_clips),
        )
        self.seconds += time.monotonic() - began
        self.heard = np.sort(np.concatenate([self.heard, positions]))

    def score(self, task: Task, seed: int) -> tuple[float, Interval]:
        """Score every clip heard by a head that never heard its group."""
        clips = self._clips.select(self.heard)
        found = cross_validate(
            self._views[:, self.heard],
            targets(clips, task),
            clips.groups(),
            task=task,
            seed=seed,
        )
        return _score(found.scores, clips, task)


def _some_groups(clips: Clips, most: int, seed: int) -> np.ndarray:
    """Return the places of all clips of as many groups as hold at most so many."""
    if len(clips) <= most:
        return np.arange(len(clips))
    groups = np.array(clips.groups())
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng((seed, 6)).permutation(len(names))
    n_drawn = int(np.searchsorted(np.cumsum(sizes[order]), most, "right"))
    if n_drawn < 2:  # a few huge groups: some clips of each of them
        return np.sort(np.random.default_rng((seed, 6)).permutation(len(clips))[:most])
    return np.flatnonzero(np.isin(groups, names[order[:n_drawn]]))


def _score(scores: np.ndarray, clips: Clips, task: Task) -> tuple[float, Interval]:
    if task == "multi-label":
        ranked = multi_label_report(scores, clips, clips.labels, thresholds=None)
        return ranked.mean_average_precision, ranked.mean_average_precision_interval
    report = report_from_scores(scores, clips, clips.labels)
    return report.accuracy, report.accuracy_interval
