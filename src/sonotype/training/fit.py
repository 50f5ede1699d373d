"""Fit all of a classifier, as a recipe for training from scratch says."""

import keras
import numpy as np

from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import CachedAudio
from sonotype.labels import Task
from sonotype.training.adapt import adapt_frontend
from sonotype.training.batches import EvaluationBatches, TrainingBatches
from sonotype.training.callbacks import fit_callbacks
from sonotype.training.compile import compile_model
from sonotype.training.run import Run


def targets(clips: Clips, task: Task) -> np.ndarray:
    """Return what a model of this task is to answer, `(n_clips, n_labels)`.

    Raises:
        DataError: If single-label data has a clip without exactly one label.
    """
    return clips.label_matrix() if task == "multi-label" else clips.targets()


def fit(
    classifier: keras.Model,
    train_audio: CachedAudio,
    validation_audio: CachedAudio | None,
    run: Run,
) -> None:
    """Fit a whole classifier in place to cached clips; see `train`.

    Args:
        classifier: With random weights, or those to start from.
        train_audio: Clips to learn from.
        validation_audio: Clips to judge epochs by, if any.
        run: Settings and task.
    """
    settings, task = run.settings, run.task
    training = settings.training
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
    validation = None
    if validation_audio is not None:
        validation = EvaluationBatches(
            validation_audio,
            targets(validation_audio.clips, task),
            n_samples=settings.n_samples,
        )
    model = compile_model(
        classifier,
        settings,
        n_steps=training.epochs * n_steps,
        noise=run.noise,
        task=task,
    )
    model.fit(
        batches,
        validation_data=validation,
        # The best epoch is never an early one, and validating takes its time too.
        validation_freq=list(range(training.epochs // 2, training.epochs + 1)),
        epochs=training.epochs,
        steps_per_epoch=n_steps,
        shuffle=False,  # the stream is shuffled already
        callbacks=fit_callbacks(training, run.on_progress),
        verbose=0,
    )
