"""A network in two parts, and batches of what the lower one made."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.presets import preset_layers
from sonotype.models.classifier import build_classifier
from sonotype.training.transfer.finetune import (
    LARGEST_BYTES,
    ViewBatches,
    affordable_views,
    cut,
    frozen_statistics,
)


def residual(**options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = build_classifier(
        LogMel(sample_rate=8_000, n_mels=20),
        n_classes=3,
        clip_seconds=0.25,
        **{"channels": (4, 6), "strides": (2, 2), **options},
    )
    rng = np.random.default_rng(0)
    for layer in model.get_layer("backbone").layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(rng.normal(0, 1, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2, layer.gamma.shape))
    return model


def speech() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_classifier(
        preset_layers("speech_embedding"),
        n_classes=3,
        clip_seconds=0.8,
        backbone="speech_embedding",
        standardize=True,
    )


def noise(model: keras.Model) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(0, 0.1, (2, model.input_shape[1])).astype(np.float32)


def layer_of(model: keras.Model, kind: str, number: int = 0) -> str:
    """Return the name of the n-th layer of a class in the backbone."""
    found = [
        layer.name
        for layer in model.get_layer("backbone").layers
        if type(layer).__name__ == kind
    ]
    return str(found[number])


def assert_parts_are_the_whole(model: keras.Model, layer: str | None) -> None:
    lower, upper = cut(model, layer)
    audio = noise(model)
    middle = lower(audio)
    np.testing.assert_allclose(upper(middle), model(audio), atol=1e-6)
    inside = {id(variable) for part in (lower, upper) for variable in part.weights}
    assert inside == {id(variable) for variable in model.weights}
    names = ["frontend", "backbone", "head"]
    assert [upper.get_layer(name).name for name in names] == names


def test_every_place_that_all_runs_through_is_a_place_to_cut() -> None:
    model = residual()
    through = [
        ("InputLayer", 0),
        ("Reshape", 0),
        ("Conv2D", 0),
        ("BatchNormalization", 0),
        ("Activation", 0),
        ("Add", 0),
    ]
    for kind, number in through:
        assert_parts_are_the_whole(model, layer_of(model, kind, number))
    assert_parts_are_the_whole(model, None)


@pytest.mark.parametrize(
    ("kind", "number"),
    [("Conv2D", 1), ("Activation", 1), ("AveragePooling2D", 0), ("Activation", -1)],
)
def test_beside_a_shortcut_there_is_no_place_to_cut(kind: str, number: int) -> None:
    model = residual()
    name = layer_of(model, kind, number)
    with pytest.raises(SettingError, match=f"cannot be cut at '{name}': .*passes it"):
        cut(model, name)


def test_speech_embedding_can_be_cut_anywhere() -> None:
    model = speech()
    names = [layer.name for layer in model.get_layer("backbone").layers]
    for name in [None, *names[:-1:7], *(f"stage_{n}" for n in range(1, 6))]:
        assert_parts_are_the_whole(model, name)
    lower, _ = cut(model, "stage_3")
    assert lower.output_shape[2:] == (4, 72)


def test_an_unknown_layer_names_the_nearest() -> None:
    with pytest.raises(SettingError, match=r"training\.cut.* 'stage3' .*'stage_3'"):
        cut(speech(), "stage3")


def test_fitting_the_upper_part_is_fitting_the_whole() -> None:
    model = residual()
    lower, upper = cut(model, layer_of(model, "Activation"))
    below = lower.get_weights()
    before = np.asarray(model(noise(model)))
    middle = np.asarray(lower(noise(model)))
    upper.compile("sgd", "categorical_crossentropy")
    upper.fit(middle, np.eye(3)[:2], epochs=2, verbose=0)
    after = np.asarray(model(noise(model)))
    assert not np.allclose(after, before, atol=1e-3)
    np.testing.assert_allclose(upper(middle), after, atol=1e-6)
    for one, other in zip(below, lower.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_statistics_stay_while_the_model_is_fitted_and_move_afterwards() -> None:
    model = residual()
    _, upper = cut(model, None)
    middle = np.asarray(model.get_layer("frontend")(noise(model)))
    norms = [
        layer
        for layer in upper.get_layer("backbone").layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert norms
    norms[0].trainable = False  # someone else's wish, which is kept

    def statistics() -> list[np.ndarray]:
        return [np.array(layer.moving_mean) for layer in norms]

    def fit() -> None:
        upper.compile("sgd", "categorical_crossentropy")
        upper.fit(middle, np.eye(3)[:2], verbose=0)

    before = statistics()
    with frozen_statistics(upper):
        assert not any(layer.trainable for layer in norms)
        fit()
    np.testing.assert_array_equal(np.concatenate(before), np.concatenate(statistics()))
    assert [layer.trainable for layer in norms] == [False, *[True] * (len(norms) - 1)]
    fit()
    np.testing.assert_array_equal(before[0], statistics()[0])
    assert not np.allclose(before[-1], statistics()[-1])


def test_statistics_are_free_again_after_an_error() -> None:
    model = residual()
    before = len(model.trainable_weights)
    with pytest.raises(KeyboardInterrupt), frozen_statistics(model):
        assert len(model.trainable_weights) < before
        raise KeyboardInterrupt
    assert len(model.trainable_weights) == before


def test_only_so_many_versions_as_fit_into_memory() -> None:
    shape = (40, 4, 72)
    n_bytes = 2 * 40 * 4 * 72
    n_clips = LARGEST_BYTES // (3 * n_bytes)
    assert affordable_views(8, n_clips, shape) == 3
    assert affordable_views(2, n_clips, shape) == 2
    assert affordable_views(8, n_clips + 1, shape) == 2
    assert affordable_views(8, 100 * n_clips, shape) == 1
    assert affordable_views(8, 0, shape) == 8


N_CLIPS = 10


def batches(positions: Sequence[int] = range(N_CLIPS), **changes: int) -> ViewBatches:
    """Return batches whose features tell clip and version: 10 * version + clip."""
    views = np.arange(3)[:, None] * 10 + np.arange(N_CLIPS)
    options: dict[str, Any] = {"batch_size": 4, "seed": 0} | changes
    return ViewBatches(
        views[..., None].astype(np.float16),
        np.eye(N_CLIPS),
        np.array(positions),
        **options,
    )


def drawn(feed: ViewBatches, step: int) -> np.ndarray:
    inputs, target = feed[step]
    np.testing.assert_array_equal(inputs["target"], target)
    features = inputs["audio"][:, 0].astype(int)
    np.testing.assert_array_equal(features % 10, target.argmax(axis=1))
    return features


def test_every_round_holds_every_clip_once_in_some_version() -> None:
    feed = batches(batch_size=5)
    steps = np.concatenate([drawn(feed, step) for step in range(60)])
    rounds = (steps % 10).reshape(-1, N_CLIPS)
    assert (np.sort(rounds, axis=1) == np.arange(N_CLIPS)).all()
    assert len({tuple(one) for one in rounds.tolist()}) > 25
    versions = Counter((steps // 10).tolist())
    assert set(versions) == {0, 1, 2}
    assert min(versions.values()) > 60


def test_clips_that_take_no_part_are_never_drawn() -> None:
    feed = batches([1, 4, 7], batch_size=6)
    for step in range(5):
        assert Counter((drawn(feed, step) % 10).tolist()) == {1: 2, 4: 2, 7: 2}


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    straight, jumping, other = batches(), batches(), batches(seed=1)
    expected = [drawn(straight, step) for step in range(9)]
    for step in (8, 0, 5, 3):
        np.testing.assert_array_equal(drawn(jumping, step), expected[step])
    assert any((drawn(other, step) != expected[step]).any() for step in range(3))


def test_a_batch_may_be_larger_than_the_set_and_is_float32() -> None:
    inputs, _ = batches(batch_size=23)[1]
    assert inputs["audio"].shape == (23, 1)
    assert inputs["audio"].dtype == np.float32
    assert batches().num_batches is None
