"""Heads against arithmetic in numpy."""

from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.exporters.litert import to_litert
from sonotype.labels import Task
from sonotype.models.head import (
    ACTIVATIONS,
    ATTENTION,
    POOLINGS,
    build_head,
    set_statistics,
)
from sonotype.settings import ModelSettings

SHAPE = (5, 3, 4)
ALL = [*POOLINGS, ATTENTION]


def head(**options: Any) -> keras.Model:
    """Return a head whose every weight is drawn."""
    made = build_head(SHAPE, **{"n_classes": 3, **options})
    rng = np.random.default_rng(1)
    for weight in made.trainable_weights:
        weight.assign(rng.normal(0, 1, weight.shape))
    return made


@pytest.fixture
def maps() -> np.ndarray:
    rng = np.random.default_rng(2)
    levels = np.array([[0.1], [1.0], [3.0], [0.3]])[..., None, None]
    return (levels * rng.normal(0.5, 1, (4, *SHAPE))).astype(np.float32)


def softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    found: np.ndarray = powers / powers.sum(axis=axis, keepdims=True)
    return found


def activate(logits: np.ndarray, task: Task) -> np.ndarray:
    return softmax(logits) if task == "single-label" else 1 / (1 + np.exp(-logits))


def test_recipes_may_name_every_pooling() -> None:
    assert list(get_args(ModelSettings.model_fields["pooling"].annotation)) == ALL


@pytest.mark.parametrize("task", ACTIVATIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooled_features_are_multiplied_and_added(
    pooling: str, task: Task, maps: np.ndarray
) -> None:
    mean, most = maps.mean((1, 2)), maps.max((1, 2))
    pooled = {
        "mean": mean,
        "max": most,
        "mean_max": np.concatenate([mean, most], axis=1),
        "mean_std": np.concatenate([mean, maps.std((1, 2))], axis=1),
        "band_mean": maps.mean(1).reshape(len(maps), -1),
    }[pooling]
    made = head(pooling=pooling, task=task)
    kernel, bias = (np.asarray(one) for one in made.get_weights())
    assert kernel.shape == (pooled.shape[1], 3)
    expected = activate(pooled @ kernel + bias, task)
    np.testing.assert_allclose(made(maps), expected, atol=1e-5)


def test_silence_has_a_gradient_under_a_deviation() -> None:
    made = build_head(SHAPE, n_classes=3, pooling="mean_std")
    model = keras.Sequential([keras.layers.Dense(4), made])
    model.compile("sgd", "categorical_crossentropy", jit_compile=False)
    silence, targets = np.zeros((2, *SHAPE), np.float32), np.eye(3)[:2]
    assert np.isfinite(model.train_on_batch(silence, targets))
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("task", ACTIVATIONS)
def test_attention_weighs_the_frames_for_each_class(
    task: Task, maps: np.ndarray
) -> None:
    made = head(pooling="attention", task=task)
    maps = 2 * maps + 3 * np.sin(np.arange(5, dtype=np.float32))[:, None, None]
    frames = maps.mean(axis=2)  # (batch, time, channel)
    by_layer = {
        name: made.get_layer(name).get_weights()
        for name in ("frame_logits", "attention")
    }
    logits, say = (frames @ kernel + bias for kernel, bias in by_layer.values())
    weights = softmax(np.tanh(say), axis=1)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    assert weights.std() > 0.05  # frames differ, or nothing would be tested
    expected = activate((weights * logits).sum(axis=1), task)
    np.testing.assert_allclose(made(maps), expected, atol=1e-5)


def test_the_weights_of_the_frames_sum_to_one_for_every_class(maps: np.ndarray) -> None:
    made = head(pooling="attention")
    layer = next(one for one in made.layers if isinstance(one, keras.layers.Softmax))
    weights = np.asarray(keras.Model(made.input, layer.output)(maps))
    assert weights.shape == (4, 5, 3)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)


def test_with_attention_a_short_sound_is_not_lost_in_silence() -> None:
    made = build_head((50, 1, 1), n_classes=1, task="multi-label", pooling="attention")
    made.get_layer("frame_logits").set_weights([np.full((1, 1), 8.0), np.full(1, -4.0)])
    made.get_layer("attention").set_weights([np.full((1, 1), 9.0), np.full(1, -4.0)])
    clip = np.zeros((1, 50, 1, 1), np.float32)
    silence = float(made(clip)[0, 0])
    clip[0, 20:25] = 1.0
    made_of_means = -4 + 8 * clip.mean()
    assert float(made(clip)[0, 0]) > 2 / (1 + np.exp(-made_of_means))
    assert silence < 0.02


@pytest.mark.parametrize("pooling", ALL)
def test_standardize_makes_means_0_and_deviations_1(
    pooling: str, maps: np.ndarray
) -> None:
    made = head(pooling=pooling, standardize=True)
    before = np.asarray(made(maps))
    flat = maps.reshape(-1, SHAPE[-1])
    set_statistics(made, flat.mean(0), flat.var(0))
    layer = made.get_layer("standardize")
    found = np.asarray(layer(maps)).reshape(flat.shape)
    np.testing.assert_allclose(found.mean(0), 0.0, atol=1e-5)
    np.testing.assert_allclose(found.std(0), 1.0, atol=1e-5)
    plain = head(pooling=pooling)
    np.testing.assert_allclose(made(maps), plain(found.reshape(maps.shape)), atol=1e-5)
    assert not np.allclose(made(maps), before)


def test_a_channel_that_barely_varies_is_divided_by_its_own_deviation() -> None:
    made = head(standardize=True)
    deviations = np.array([1e-3, 3e-3, 0.1, 1.0])
    set_statistics(made, np.zeros(4), deviations**2)
    one = np.broadcast_to(deviations, (1, *SHAPE)).astype(np.float32)
    np.testing.assert_allclose(made.get_layer("standardize")(one), 1.0, rtol=1e-4)
    set_statistics(made, np.zeros(4), np.zeros(4))
    assert np.isfinite(np.asarray(made(one))).all()


def test_statistics_are_not_learned_and_do_not_drift_in_training(
    maps: np.ndarray,
) -> None:
    made = head(standardize=True)
    set_statistics(made, np.arange(4.0), np.arange(1.0, 5.0))
    expected = np.asarray(made(maps))
    np.testing.assert_allclose(made(maps, training=True), expected, atol=1e-6)
    made.compile("sgd", "categorical_crossentropy")
    made.optimizer.learning_rate = 0.0
    made.fit(maps, np.eye(3)[[0, 1, 2, 0]], verbose=0)
    np.testing.assert_allclose(made(maps), expected, atol=1e-6)
    assert len(made.trainable_weights) == 2


def test_a_compiled_head_goes_by_new_statistics(maps: np.ndarray) -> None:
    made = head(standardize=True)
    before = made.predict_on_batch(maps)
    set_statistics(made, np.arange(4.0), np.arange(1.0, 5.0))
    after = made.predict_on_batch(maps)
    np.testing.assert_allclose(after, made(maps), atol=1e-6)
    assert not np.allclose(before, after)


@pytest.mark.parametrize("pooling", ALL)
def test_a_saved_head_gives_the_same_scores(
    pooling: str, maps: np.ndarray, tmp_path: Path
) -> None:
    made = head(pooling=pooling, standardize=True, dropout=0.5)
    set_statistics(made, np.arange(4.0), np.arange(1.0, 5.0))
    made.save(tmp_path / "head.keras")
    # Plain Keras opens it: no class of this package is in it.
    loaded = keras.saving.load_model(tmp_path / "head.keras", custom_objects={})
    np.testing.assert_array_equal(loaded(maps), made(maps))
    assert not loaded.get_layer("standardize").trainable
    set_statistics(loaded, np.zeros(4), np.ones(4))
    assert not np.allclose(loaded(maps), made(maps))


@pytest.mark.parametrize("pooling", ALL)
def test_a_clip_does_not_depend_on_its_batch(pooling: str, maps: np.ndarray) -> None:
    made = head(pooling=pooling, standardize=True)
    np.testing.assert_allclose(made(maps)[2:3], made(maps[2:3]), atol=1e-6)


@pytest.mark.parametrize("pooling", ALL)
def test_dropout_works_in_training_only(pooling: str, maps: np.ndarray) -> None:
    made = head(pooling=pooling, dropout=0.9)
    np.testing.assert_array_equal(made(maps), made(maps))
    drawn = [np.asarray(made(maps, training=True)) for _ in range(2)]
    assert not np.allclose(drawn[0], drawn[1])


@pytest.mark.parametrize("pooling", ALL)
def test_the_litert_graph_gives_the_same_scores(pooling: str, maps: np.ndarray) -> None:
    from ai_edge_litert.interpreter import Interpreter

    inner = head(pooling=pooling, standardize=True)
    set_statistics(inner, np.arange(4.0), np.arange(1.0, 5.0))
    audio = keras.Input((60,))
    made = keras.Model(audio, inner(keras.layers.Reshape(SHAPE)(audio)))
    interpreter = Interpreter(model_content=to_litert(made))
    interpreter.allocate_tensors()
    clip = maps[1].reshape(1, 60)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clip)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, made(clip), atol=1e-5)


def test_what_a_head_cannot_be_is_refused() -> None:
    with pytest.raises(SettingError, match=r"pooling 'atention' is unknown .*'attent"):
        head(pooling="atention")
    with pytest.raises(SettingError, match=r"from 0 to below 1, not -0\.1"):
        head(dropout=-0.1)
