"""Fit a classifier to clips: the train side's main function."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np
import polars as pl

from sonotype.audio.windows import cut_windows
from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import AudioCache, CachedAudio
from sonotype.dataset.heard import heard_table
from sonotype.errors import DataError, SettingError
from sonotype.evaluation.thresholds import best_thresholds
from sonotype.labels import Labels, Task
from sonotype.settings import Settings, read_settings
from sonotype.training.adapt import adapt_frontend
from sonotype.training.augmented import AugmentedModel
from sonotype.training.batches import EvaluationBatches, TrainingBatches
from sonotype.training.build import build_augmentation, build_model
from sonotype.training.callbacks import KeepBest, Progress, ReportProgress
from sonotype.training.loss import build_loss
from sonotype.training.optimizer import build_optimizer
from sonotype.training.score import score_windows


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
        return _task(self.settings, self.heard)

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
        validation_clips: Clips to choose the best epoch by; of other groups.
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
    task = _task(settings, heard)
    settings = with_task(settings, task)
    sample_rate = settings.audio.sample_rate
    cache = cache or AudioCache(sample_rate=sample_rate)
    if cache.sample_rate != sample_rate:
        raise SettingError(
            f"the cache holds audio at {cache.sample_rate} Hz, but the settings say "
            f"{sample_rate} Hz; make it with AudioCache(sample_rate={sample_rate})"
        )
    keras.utils.set_random_seed(settings.seed)
    classifier = build_model(settings, len(train_clips.labels), task)
    fit(
        classifier,
        cache.load_all(train_clips),
        cache.load_all(validation_clips),
        settings=settings,
        noise=noise,
        on_progress=on_progress,
    )
    trained = TrainedModel(classifier, train_clips.labels, settings, heard, cache)
    if task == "multi-label":
        scores = trained.scores(validation_clips)
        chosen = best_thresholds(validation_clips.label_matrix(), scores)
        named = dict(zip(trained.labels, chosen.tolist(), strict=True))
        return replace(trained, thresholds=named)
    return trained


def _task(settings: Settings, clips: Clips) -> Task:
    """Return the task that the settings name, or else the one the clips are for."""
    if settings.data.task != "auto":
        return settings.data.task
    return "multi-label" if clips.is_multi_label else "single-label"


def with_task(settings: Settings, task: Task) -> Settings:
    """Return the settings with the task written down, so that a repetition has it."""
    data = settings.data.model_copy(update={"task": task})
    return settings.model_copy(update={"data": data})


def targets(clips: Clips, task: Task) -> np.ndarray:
    """Return what a model of this task is to answer, `(n_clips, n_labels)`.

    Raises:
        DataError: If single-label data has a clip without exactly one label.
    """
    return clips.label_matrix() if task == "multi-label" else clips.targets()


def fit(
    classifier: keras.Model,
    train_audio: CachedAudio,
    validation_audio: CachedAudio,
    *,
    settings: Settings,
    noise: np.ndarray | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Fit a classifier in place to cached clips; see `train` for the arguments."""
    training = settings.training
    task = _task(settings, train_audio.clips)
    adapt_frontend(
        classifier.get_layer("frontend"),
        train_audio,
        n_samples=settings.n_samples,
        seed=settings.seed,
    )
    batches = TrainingBatches(
        train_audio,
        targets(train_audio.clips, task),
        n_samples=settings.n_samples,
        batch_size=training.batch_size,
        seed=settings.seed,
    )
    one_pass = -(-len(train_audio) // training.batch_size)
    n_steps = training.steps_per_epoch or one_pass
    validation = EvaluationBatches(
        validation_audio,
        targets(validation_audio.clips, task),
        n_samples=settings.n_samples,
    )
    model = compile_model(
        classifier,
        settings,
        n_steps=training.epochs * n_steps,
        noise=noise,
        task=task,
    )
    callbacks: list[keras.callbacks.Callback] = []
    if training.keep == "best":
        callbacks.append(KeepBest())
    callbacks.append(ReportProgress(on_progress or (lambda progress: None)))
    model.fit(
        batches,
        validation_data=validation,
        # The best epoch is never an early one, and validating takes its time too.
        validation_freq=list(range(training.epochs // 2, training.epochs + 1)),
        epochs=training.epochs,
        steps_per_epoch=n_steps,
        shuffle=False,  # the stream is shuffled already
        callbacks=callbacks,
        verbose=0,
    )


def compile_model(
    classifier: keras.Model,
    settings: Settings,
    *,
    n_steps: int,
    noise: np.ndarray | None = None,
    task: Task = "single-label",
) -> AugmentedModel:
    """Wrap a classifier in its augmentation and compile it for a run of `n_steps`."""
    waveform, spectrogram = build_augmentation(settings, noise=noise)
    model = AugmentedModel(classifier, waveform=waveform, spectrogram=spectrogram)
    # With many labels of which few are heard, silence would score high in accuracy.
    accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    model.compile(
        optimizer=build_optimizer(settings.training, n_steps),
        loss=build_loss(task, settings.training.label_smoothing),
        metrics=[accuracy] if task == "single-label" else [],
        # XLA runs these convolutions eight times slower on a CPU (TensorFlow 2.21).
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    return model
