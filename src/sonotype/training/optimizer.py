"""The optimizer and learning-rate schedule that settings name."""

from typing import Any

import keras

from sonotype.settings import TrainingSettings

OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}


def build_optimizer(
    settings: TrainingSettings, n_steps: int
) -> keras.optimizers.Optimizer:
    """Make the optimizer of a run of `n_steps` steps."""
    options: dict[str, Any] = {}
    if settings.averaging:
        # The weights kept are a moving average over the last steps.
        options |= {"use_ema": True, "ema_momentum": settings.averaging}
    if settings.optimizer == "adamw":
        options["weight_decay"] = settings.weight_decay
    rate = learning_rate(settings, n_steps)
    optimizer = OPTIMIZERS[settings.optimizer](rate, **options)
    if settings.optimizer == "adamw":
        # Decay is for kernels: a scale or an offset has no reason to be near zero.
        names = ["gamma", "beta", "bias", "log_gain", "log_power"]
        optimizer.exclude_from_weight_decay(var_names=names)
    return optimizer


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
