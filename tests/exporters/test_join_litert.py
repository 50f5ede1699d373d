from pathlib import Path

import keras
import numpy as np
import pytest

from sonotype.exporters.join_litert import join_litert
from sonotype.exporters.litert import to_litert
from sonotype.runtime import LiteRT


def network(*sizes: int, activation: str | None = None) -> keras.Model:
    steps = [keras.layers.Dense(size, activation=activation) for size in sizes[1:]]
    return keras.Sequential([keras.Input(sizes[:1]), *steps])


def test_two_graphs_compute_one_after_the_other(tmp_path: Path) -> None:
    first = network(6, 5, 4, activation="tanh")
    second = network(4, 7, 3)
    joined = join_litert(to_litert(first), to_litert(second))
    (tmp_path / "joined.tflite").write_bytes(joined)
    runtime = LiteRT(tmp_path / "joined.tflite")
    assert (runtime.n_samples, runtime.n_labels) == (6, 3)
    samples = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    expected = np.asarray(second(first(samples)))
    np.testing.assert_allclose(runtime.scores(samples), expected, atol=1e-5)


def test_three_are_two_and_one(tmp_path: Path) -> None:
    steps = [network(3, 3, activation="tanh") for _ in range(3)]
    first, second, third = map(to_litert, steps)
    left = join_litert(join_litert(first, second), third)
    right = join_litert(first, join_litert(second, third))
    samples = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    expected = np.asarray(steps[2](steps[1](steps[0](samples))))
    for content in (left, right):
        (tmp_path / "joined.tflite").write_bytes(content)
        scores = LiteRT(tmp_path / "joined.tflite").scores(samples)
        np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_the_signature_leads_from_the_first_input_to_the_last_output() -> None:
    from ai_edge_litert.interpreter import Interpreter

    first, second = network(6, 4), network(4, 3)
    joined = join_litert(to_litert(first), to_litert(second))
    runner = Interpreter(model_content=joined).get_signature_runner()
    samples = np.ones((1, 6), np.float32)
    (found,) = runner(audio=samples).values()
    np.testing.assert_allclose(found, np.asarray(second(first(samples))), atol=1e-5)


def test_graphs_that_do_not_fit_are_refused() -> None:
    first, second = to_litert(network(6, 5)), to_litert(network(4, 3))
    with pytest.raises(ValueError, match=r"gives \[1, 5\], but the next"):
        join_litert(first, second)


def test_loops_find_their_bodies(tmp_path: Path) -> None:
    def recurrent(n_units: int) -> keras.Model:
        steps = keras.layers.Reshape((3, 2))
        return keras.Sequential([keras.Input((6,)), steps, keras.layers.GRU(n_units)])

    first, second = recurrent(6), recurrent(4)
    joined = join_litert(to_litert(first), to_litert(second))
    (tmp_path / "joined.tflite").write_bytes(joined)
    samples = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    scores = LiteRT(tmp_path / "joined.tflite").scores(samples)
    np.testing.assert_allclose(scores, np.asarray(second(first(samples))), atol=1e-5)
