"""Fit a classifier whose backbone already knows sound."""

import keras
import numpy as np

from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import CachedAudio
from sonotype.errors import DataError
from sonotype.training.adapt import adapt_frontend
from sonotype.training.build import build_augmentation
from sonotype.training.callbacks import ReportProgress
from sonotype.training.compile import compile_model
from sonotype.training.fit import targets
from sonotype.training.run import Run
from sonotype.training.transfer.embed import embed_views, map_views
from sonotype.training.transfer.finetune import (
    ViewBatches,
    affordable_views,
    cut,
    frozen_statistics,
)
from sonotype.training.transfer.frozen import embedder, fit_frozen, fit_head, forget
from sonotype.training.transfer.linear import best_cross_entropy


def fit_transfer(classifier: keras.Model, audio: CachedAudio, run: Run) -> None:
    """Fit the head, and with `finetune` the layers above the cut too, in place.

    Both learn from all clips. Whether fine-tuning pays is tried beforehand: in half the
    epochs, from the clips of the training part, it must predict those of the validation
    part better than the head alone does, however confident either is.

    Args:
        classifier: With the weights that its backbone starts from.
        audio: Clips of the parts `train` and `validation`.
        run: See `TrainingSettings` for what its settings say of transfer.
    """
    adapt_frontend(
        classifier.get_layer("frontend"),
        audio,
        n_samples=run.settings.n_samples,
        seed=run.settings.seed,
    )
    if run.settings.training.transfer == "frozen":
        fit_frozen(classifier, audio, run)
        return
    training = run.settings.training
    lower, upper = cut(classifier, training.cut)
    waveform, _ = build_augmentation(run.settings, noise=run.noise)
    views = embed_views(
        lower,
        audio,
        n_views=affordable_views(training.n_views, len(audio), lower.output_shape[1:]),
        augmentation=waveform,
        seed=run.settings.seed,
        on_progress=run.listening,
    )
    published = upper.get_weights()
    pays = _pays(upper, views, audio.clips, run)
    upper.set_weights(published)
    everything = np.arange(len(audio))
    _fit_head(upper, views, audio.clips, everything, run)
    if pays:
        _fit_upper(upper, views, audio.clips, everything, run, training.epochs)


def _pays(upper: keras.Model, views: np.ndarray, clips: Clips, run: Run) -> bool:
    """Return whether fine-tuning predicts the validation part better."""
    parts = clips.frame["split"].to_numpy()
    train, held = (np.flatnonzero(parts == part) for part in ("train", "validation"))
    known = targets(clips, run.task)[held]

    def loss() -> float:
        scores = map_views(upper, views[:1, held])[0]
        return best_cross_entropy(known, scores, run.task)

    _fit_head(upper, views, clips, train, run)
    head_alone = loss()
    n_epochs = -(-run.settings.training.epochs // 2)
    try:
        _fit_upper(upper, views, clips, train, run, n_epochs)
    except DataError:  # it diverged
        return False
    return loss() < head_alone


def _fit_head(
    upper: keras.Model, views: np.ndarray, clips: Clips, positions: np.ndarray, run: Run
) -> None:
    """Fit the head of the upper part to some of the clips."""
    forget(upper)
    embeddings = map_views(embedder(upper), views[:, positions])
    fit_head(upper, embeddings, clips.select(positions), run)


def _fit_upper(
    upper: keras.Model,
    views: np.ndarray,
    clips: Clips,
    positions: np.ndarray,
    run: Run,
    n_epochs: int,
) -> None:
    """Fit all of the upper part to some of the clips."""
    training = run.settings.training
    batches = ViewBatches(
        views,
        targets(clips, run.task),
        positions,
        batch_size=training.batch_size,
        seed=run.settings.seed,
    )
    one_pass = -(-len(positions) // training.batch_size)
    n_steps = training.steps_per_epoch or one_pass
    # What is done to the waveforms is in the views already.
    rest = run.settings.augment.model_copy(update={"waveform": ()})
    settings = run.settings.model_copy(update={"augment": rest})
    with frozen_statistics(upper):
        model = compile_model(
            upper, settings, n_steps=n_epochs * n_steps, task=run.task
        )
        model.fit(
            batches,
            epochs=n_epochs,
            steps_per_epoch=n_steps,
            shuffle=False,
            callbacks=[ReportProgress(run.on_progress)],
            verbose=0,
        )
