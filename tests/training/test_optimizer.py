from typing import Any

import numpy as np
import pytest

from sonotype.settings import TrainingSettings
from sonotype.training.optimizer import build_optimizer, learning_rate


def settings(**changes: object) -> TrainingSettings:
    given = {"epochs": 1, "batch_size": 1, "learning_rate": 0.5} | changes
    return TrainingSettings.model_validate(given)


def cosine(*, warmup_fraction: float, n_steps: int) -> Any:
    given = settings(schedule="cosine", warmup_fraction=warmup_fraction)
    return learning_rate(given, n_steps)


def test_a_constant_rate_is_a_number() -> None:
    assert learning_rate(settings(), 100) == 0.5


def test_warm_up_is_a_line_and_the_rest_half_a_cosine() -> None:
    schedule = cosine(warmup_fraction=0.2, n_steps=100)
    found = [float(schedule(step)) for step in range(101)]
    line = 0.5 * np.arange(20) / 20
    curve = 0.25 * (1 + np.cos(np.pi * np.arange(81) / 80))
    np.testing.assert_allclose(found, [*line, *curve], atol=1e-6)


def test_a_cosine_without_warm_up_starts_at_the_top() -> None:
    schedule = cosine(warmup_fraction=0.0, n_steps=10)
    assert float(schedule(0)) == pytest.approx(0.5)
    assert float(schedule(10)) == pytest.approx(0.0, abs=1e-7)


def test_weight_decay_goes_to_the_optimizer_that_has_it() -> None:
    adamw = build_optimizer(settings(optimizer="adamw", weight_decay=0.03), 10)
    assert adamw.weight_decay == 0.03
    assert build_optimizer(settings(), 10).weight_decay is None
