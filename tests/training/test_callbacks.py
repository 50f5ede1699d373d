"""What is kept where weights are averaged."""

import keras
import numpy as np
import pytest

from sonotype.settings import TrainingSettings
from sonotype.training.callbacks import Progress, fit_callbacks
from sonotype.training.optimizer import build_optimizer

RATE, AVERAGING, N_EPOCHS = 0.05, 0.8, 12
TRAIN_AT, VALIDATION_AT = 1.0, 0.4


def by_hand() -> tuple[np.ndarray, np.ndarray]:
    """Return one weight on its way from 0 to 1, and its moving average."""
    weight = 0.0
    weights: list[float] = []
    averages: list[float] = []
    for _ in range(N_EPOCHS):
        weight -= RATE * 2 * (weight - TRAIN_AT)
        weights.append(weight)
        before = averages[-1] if averages else weight
        averages.append(AVERAGING * before + (1 - AVERAGING) * weight)
    return np.array(weights), np.array(averages)


def fitted(*, keep: str, averaging: float) -> tuple[float, list[Progress]]:
    """Return the weight after a fit of a step an epoch, and what was told."""
    settings = TrainingSettings.model_validate(
        {
            "epochs": N_EPOCHS,
            "batch_size": 1,
            "learning_rate": RATE,
            "keep": keep,
            "averaging": averaging,
        }
    )
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((1,)), layer])
    adam = build_optimizer(settings, N_EPOCHS)
    averaged = {"use_ema": adam.use_ema, "ema_momentum": adam.ema_momentum}
    model.compile(keras.optimizers.SGD(RATE, **averaged), "mse", jit_compile=False)
    told: list[Progress] = []
    one = np.ones((1, 1), np.float32)
    model.fit(
        one,
        TRAIN_AT * one,
        validation_data=(one, VALIDATION_AT * one),
        epochs=N_EPOCHS,
        callbacks=fit_callbacks(settings, told.append),
        verbose=0,
    )
    return float(np.asarray(layer.kernel)[0, 0]), told


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("averaging", [0.0, AVERAGING])
def test_epochs_are_judged_and_kept_by_their_averages(
    keep: str, averaging: float
) -> None:
    weights, averages = by_hand()
    judged = averages if averaging else weights
    losses = np.square(judged - VALIDATION_AT)
    assert 0 < losses.argmin() < N_EPOCHS - 1
    found, told = fitted(keep=keep, averaging=averaging)
    expected = judged[losses.argmin()] if keep == "best" else judged[-1]
    assert found == pytest.approx(expected, abs=1e-4)
    reported = [now.validation_loss for now in told if now.validation_loss is not None]
    np.testing.assert_allclose(reported, losses, atol=1e-4)
