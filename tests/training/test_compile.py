"""What a classifier is compiled with, by its settings."""

from typing import Any

import keras
import numpy as np
import pytest

from sonotype.augment.gain import Gain
from sonotype.augment.mixup import Mixup
from sonotype.labels import Task
from sonotype.settings import Settings, read_settings
from sonotype.training.build import build_model
from sonotype.training.compile import compile_model
from sonotype.training.loss import KnownCrossentropy

AUGMENT = {
    "waveform": [{"layer": "gain"}],
    "spectrogram": [{"layer": "mixup"}],
}


def compiled(settings: Settings, task: Task, **changes: Any) -> keras.Model:
    augment = read_settings("default", overrides={"augment": AUGMENT}).augment
    training = settings.training.model_copy(update=changes)
    settings = settings.model_copy(update={"augment": augment, "training": training})
    classifier = build_model(settings, 3, task)
    return compile_model(classifier, settings, n_steps=10, task=task)


def test_the_loss_and_the_metric_are_those_of_the_task(tiny_settings: Settings) -> None:
    one_of = compiled(tiny_settings, "single-label", label_smoothing=0.1)
    each = compiled(tiny_settings, "multi-label", label_smoothing=0.2)
    assert isinstance(one_of.loss, keras.losses.CategoricalCrossentropy)
    assert one_of.loss.label_smoothing == 0.1
    assert isinstance(each.loss, KnownCrossentropy)
    assert each.loss.label_smoothing == 0.2
    clips = {"audio": np.zeros((2, 2_000), np.float32), "target": np.eye(3)[:2]}
    found = [
        model.evaluate(clips, clips["target"], verbose=0, return_dict=True)
        for model in (one_of, each)
    ]
    assert [sorted(one) for one in found] == [["accuracy", "loss"], ["loss"]]


def test_augmentation_is_around_the_front_end(tiny_settings: Settings) -> None:
    model = compiled(tiny_settings, "single-label")
    assert [type(layer) for layer in model.waveform] == [Gain]
    assert [type(layer) for layer in model.spectrogram] == [Mixup]
    assert not model.jit_compile


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_the_optimizer_averages_if_it_is_told_to(
    averaging: float, tiny_settings: Settings
) -> None:
    optimizer = compiled(tiny_settings, "single-label", averaging=averaging).optimizer
    assert optimizer.use_ema == bool(averaging)
    if averaging:
        assert optimizer.ema_momentum == averaging


def test_rates_that_fall_by_layer_reach_the_optimizer(tiny_settings: Settings) -> None:
    def first_step(layer_decay: float) -> np.ndarray:
        how = {"schedule": "constant", "layer_decay": layer_decay}
        model = compiled(tiny_settings, "single-label", **how)
        lowest = model.backbone.trainable_variables[0]
        before = keras.ops.convert_to_numpy(lowest).copy()
        gradients = [keras.ops.ones_like(one) for one in model.trainable_variables]
        model.optimizer.apply(gradients, model.trainable_variables)
        return keras.ops.convert_to_numpy(lowest) - before

    whole, share = first_step(1.0), first_step(0.5)
    assert np.abs(share).max() < np.abs(whole).max() / 4
