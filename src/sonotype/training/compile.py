"""A classifier in its augmentation, with optimizer and loss, ready to be fitted."""

import keras
import numpy as np

from sonotype.labels import Task
from sonotype.settings import Settings
from sonotype.training.augmented import AugmentedModel
from sonotype.training.build import build_augmentation
from sonotype.training.loss import build_loss
from sonotype.training.optimizer import build_optimizer, layer_shares


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
        optimizer=build_optimizer(
            settings.training,
            n_steps,
            shares=layer_shares(classifier, settings.training.layer_decay),
        ),
        loss=build_loss(task, settings.training.label_smoothing),
        metrics=[accuracy] if task == "single-label" else [],
        # XLA runs these convolutions eight times slower on a CPU (TensorFlow 2.21).
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    return model
