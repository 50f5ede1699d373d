"""Fit a classifier to clips: the train side's main function."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np
import polars as pl

from sonotype.audio.windows import cut_windows
from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.heard import heard_table
from sonotype.errors import DataError, SettingError
from sonotype.evaluation.thresholds import best_thresholds
from sonotype.labels import Labels, Task
from sonotype.settings import Settings, read_settings
from sonotype.training.build import build_model
from sonotype.training.callbacks import Progress
from sonotype.training.fit import fit
from sonotype.training.run import Run
from sonotype.training.score import score_windows
from sonotype.training.transfer.fit import fit_transfer


@dataclass(frozen=True)
class TrainedModel:
    """A fitted classifier and all that is needed to evaluate, export and repeat it.

    Args:
        model: Plain Keras: samples `(batch, n_samples)` to scores `(batch, n_labels)`.
        labels: What the outputs mean.
        settings: The settings that made it; `data.task` says which kind it is.
        heard: The clips it was fitted to and chosen by (train and validation).
        cache: Where decoded clips are kept.
        thresholds: In a multi-label model, the score from which each label counts as
            heard, chosen on the validation clips.
    """

    model: keras.Model
    labels: Labels
    settings: Settings
    heard: Clips
    cache: AudioCache
    thresholds: dict[str, float] | None = None

    @property
    def task(self) -> Task:
        """Whether a clip carries one label or any number."""
        return task_of(self.settings, self.heard)

    def scores(self, clips: Clips) -> np.ndarray:
        """Score clips as `Classifier` does: float32 `(n_clips, n_labels)`.

        Raises:
            DataError: If a clip cannot be decoded.
        """
        audio = self.cache.load_all(clips)
        n_samples, hop = self.settings.n_samples, self.settings.n_hop
        windows = (
            cut_windows(audio.samples(position), n_samples, hop=hop)
            for position in range(len(audio))
        )
        return score_windows(self.model, windows, task=self.task)

    def heard_table(self) -> pl.DataFrame:
        """Return the clips it was fitted to and chosen by, told by content."""
        return heard_table(self.heard)


def train(
    train_clips: Clips,
    validation_clips: Clips,
    *,
    settings: Settings | str = "default",
    epochs: int | None = None,
    noise: np.ndarray | None = None,
    cache: AudioCache | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainedModel:
    """Fit a classifier to labelled clips.

    Args:
        train_clips: Clips to learn from.
        validation_clips: Clips of other groups to choose by: the best epoch, whether
            fine-tuning pays, the thresholds of a multi-label model. Where there is
            nothing to choose, or it is done, they are learned from as well.
        settings: A recipe's name, or settings from `read_settings`.
        epochs: Passes over the clips; default: what the settings say.
        noise: Background recordings at the model's rate, float32 `(samples,)`, for
            recipes that mix noise in.
        cache: Where decoded audio is kept, at the rate of the settings; default: the
            user's cache.
        on_progress: Called after every step.

    Returns:
        The model with the weights of its best epoch, or the last if the recipe says so.

    Raises:
        DataError: If the labels differ, a clip cannot be decoded, or training diverges.
        SettingError: If the recipe or a setting in it is unknown, or the cache has
            another rate.
    """
    if isinstance(settings, str):
        settings = read_settings(settings)
    if epochs is not None:
        training = settings.training.model_copy(update={"epochs": epochs})
        settings = settings.model_copy(update={"training": training})
    if train_clips.labels != validation_clips.labels:
        raise DataError("training and validation clips must list the same labels")
    heard = Clips.concatenate(
        [train_clips.with_split("train"), validation_clips.with_split("validation")]
    )
    task = task_of(settings, heard)
    settings = withtask_of(settings, task)
    sample_rate = settings.audio.sample_rate
    cache = cache or AudioCache(sample_rate=sample_rate)
    if cache.sample_rate != sample_rate:
        raise SettingError(
            f"the cache holds audio at {cache.sample_rate} Hz, but the settings say "
            f"{sample_rate} Hz; make it with AudioCache(sample_rate={sample_rate})"
        )
    keras.utils.set_random_seed(settings.seed)
    classifier = build_model(settings, len(train_clips.labels), task)
    run = Run(settings, task, noise, on_progress or (lambda progress: None))
    if settings.training.transfer == "scratch":
        if settings.training.learn_from == "all" and not _must_choose(settings):
            fit(classifier, cache.load_all(heard), None, run)
        else:
            train_audio = cache.load_all(train_clips)
            fit(classifier, train_audio, cache.load_all(validation_clips), run)
    else:
        fit_transfer(classifier, cache.load_all(heard), run)
    trained = TrainedModel(classifier, train_clips.labels, settings, heard, cache)
    if task == "multi-label":
        scores = trained.scores(validation_clips)
        chosen = best_thresholds(validation_clips.label_matrix(), scores)
        named = dict(zip(trained.labels, chosen.tolist(), strict=True))
        return replace(trained, thresholds=named)
    return trained


def _must_choose(settings: Settings) -> bool:
    """Return whether something is chosen by the validation part."""
    return settings.training.keep == "best" or settings.data.task == "multi-label"


def task_of(settings: Settings, clips: Clips) -> Task:
    """Return the task that the settings name, or else the one the clips are for."""
    if settings.data.task != "auto":
        return settings.data.task
    return "multi-label" if clips.is_multi_label else "single-label"


def withtask_of(settings: Settings, task: Task) -> Settings:
    """Return the settings with the task written down, so that a repetition has it."""
    data = settings.data.model_copy(update={"task": task})
    return settings.model_copy(update={"data": data})
