"""The optimizer and learning-rate schedule that settings name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from sonotype.settings import TrainingSettings


class _LayerRates(keras.optimizers.Optimizer):
    """Let each variable learn at its own share of the learning rate.

    Keras 3.15 has one rate for all, but every backend updates through this method.
    """

    def __init__(
        self, rate: Any, *, shares: Mapping[str, float], **options: Any
    ) -> None:
        super().__init__(rate, **options)
        self._shares = dict(shares)

    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], rate: Any
    ) -> None:
        together = defaultdict(list)
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            share = self._shares.get(variable.path, 1.0)
            together[share].append((gradient, variable))
        for share, pairs in together.items():
            own_grads, own_variables = map(list, zip(*pairs, strict=True))
            super()._backend_update_step(own_grads, own_variables, share * rate)


class LayerwiseAdam(_LayerRates, keras.optimizers.Adam):
    """Adam, with a rate for each layer."""


class LayerwiseAdamW(_LayerRates, keras.optimizers.AdamW):
    """AdamW, with a rate for each layer."""


OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
LAYERWISE = {"adam": LayerwiseAdam, "adamw": LayerwiseAdamW}


def build_optimizer(
    settings: TrainingSettings, n_steps: int, *, shares: Mapping[str, float] = {}
) -> keras.optimizers.Optimizer:
    """Make the optimizer of a run of `n_steps` steps.

    Args:
        settings: Its kind, learning rate and schedule.
        n_steps: How many steps there will be.
        shares: What share of the learning rate a variable learns at, by its path;
            others have all of it.
    """
    options: dict[str, Any] = {}
    kinds = OPTIMIZERS
    if shares:
        kinds, options["shares"] = LAYERWISE, shares
    if settings.averaging:
        # The weights kept are a moving average over the last steps.
        options |= {"use_ema": True, "ema_momentum": settings.averaging}
    if settings.optimizer == "adamw":
        options["weight_decay"] = settings.weight_decay
    rate = learning_rate(settings, n_steps)
    optimizer = kinds[settings.optimizer](rate, **options)
    if settings.optimizer == "adamw":
        # Decay is for kernels: a scale or an offset has no reason to be near zero.
        names = ["gamma", "beta", "bias", "log_gain", "log_power"]
        optimizer.exclude_from_weight_decay(var_names=names)
    return optimizer


def layer_shares(classifier: keras.Model, decay: float) -> dict[str, float]:
    """Return the share of the learning rate of every variable, less for lower layers.

    What a network learned first, close to the sound, is what most sounds have in
    common; it has the least to learn anew.

    Args:
        classifier: Its head has the whole rate.
        decay: Each layer of the backbone has this times what the one above it has.

    Returns:
        By the paths of variables; none if all learn alike.

    References:
        Clark et al., ELECTRA, ICLR 2020, for rates that decay layer by layer.
    """
    if decay == 1.0:
        return {}
    layers = [one for one in classifier.get_layer("backbone").layers if one.weights]
    return {
        variable.path: decay**depth
        for depth, layer in enumerate(reversed(layers), start=1)
        for variable in layer.trainable_variables
    }


def learning_rate(
    settings: TrainingSettings, n_steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return a constant rate, or a linear warm-up followed by half a cosine to zero."""
    if settings.schedule == "constant":
        return settings.learning_rate
    n_warmup = round(settings.warmup_fraction * n_steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if n_warmup else settings.learning_rate,
        decay_steps=max(1, n_steps - n_warmup),
        warmup_target=settings.learning_rate if n_warmup else None,
        warmup_steps=n_warmup,
    )
