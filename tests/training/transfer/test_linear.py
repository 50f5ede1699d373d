"""The linear head against scikit-learn, and cross-validation without leaks."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sonotype.errors import DataError
from sonotype.training.transfer import linear
from sonotype.training.transfer.linear import (
    CERTAIN,
    PENALTIES,
    LinearHead,
    cross_entropy,
    cross_validate,
    fit_linear,
)

N_CLIPS, N_CHANNELS = 60, 5


@pytest.fixture
def views(rng: np.random.Generator) -> np.ndarray:
    """Return channels of very different size and offset, in three versions."""
    plain = rng.standard_normal((N_CLIPS, N_CHANNELS))
    noise = 0.3 * rng.standard_normal((3, N_CLIPS, N_CHANNELS))
    noise[0] = 0.0
    sizes, offsets = np.array([0.01, 1, 10, 0.1, 100]), np.arange(N_CHANNELS) * 3.0
    return (plain + noise) * sizes + offsets


def classes_of(views: np.ndarray, n_classes: int) -> np.ndarray:
    """Return classes that two of the channels tell, with mistakes."""
    plain = views[0, :, 0] * 100 + views[0, :, 1]
    order = np.argsort(plain)
    classes = np.empty(len(plain), int)
    classes[order] = np.arange(len(plain)) * n_classes // len(plain)
    classes[::9] = (classes[::9] + 1) % n_classes
    return classes


def by_scikit_learn(
    views: np.ndarray, classes: np.ndarray, penalty: float
) -> tuple[StandardScaler, LogisticRegression]:
    scaler = StandardScaler().fit(views[0])
    features = np.concatenate([scaler.transform(view) for view in views])
    model = LogisticRegression(C=penalty / len(views), max_iter=10_000, tol=1e-8)
    return scaler, model.fit(features, np.tile(classes, len(views)))


@pytest.mark.parametrize("n_views", [1, 3])
@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_a_softmax_head_is_that_of_scikit_learn(
    n_classes: int, n_views: int, views: np.ndarray
) -> None:
    views, classes = views[:n_views], classes_of(views, n_classes)
    scaler, model = by_scikit_learn(views, classes, 0.1)
    targets = np.eye(n_classes)[classes]
    head = fit_linear(views, targets, task="single-label", penalty=0.1)
    expected = model.predict_proba(scaler.transform(views[-1]))
    found = head.scores(views[-1], "single-label")
    np.testing.assert_allclose(found, expected, atol=5e-3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_sigmoid_head_is_one_of_scikit_learn_a_label(views: np.ndarray) -> None:
    classes = classes_of(views, 4)
    targets = np.stack([classes >= 2, classes % 2 == 0], axis=1).astype(float)
    head = fit_linear(views, targets, task="multi-label", penalty=0.1)
    for label, column in enumerate(targets.T):
        scaler, model = by_scikit_learn(views, column, 0.1)
        expected = model.predict_proba(scaler.transform(views[0]))[:, 1]
        found = head.scores(views[0], "multi-label")[:, label]
        np.testing.assert_allclose(found, expected, atol=5e-3)


def test_a_label_learns_from_the_clips_where_it_is_known(views: np.ndarray) -> None:
    classes = classes_of(views, 2)
    targets = np.stack([classes, 1 - classes], axis=1).astype(float)
    unknown = np.arange(N_CLIPS) % 3 == 0
    targets[unknown, 0] = np.nan
    head = fit_linear(views[:1], targets, task="multi-label", penalty=0.1)
    scaler = StandardScaler().fit(views[0])
    model = LogisticRegression(C=0.1, max_iter=10_000, tol=1e-8)
    model.fit(scaler.transform(views[0])[~unknown], classes[~unknown])
    expected = model.predict_proba(scaler.transform(views[0]))[:, 1]
    found = head.scores(views[0], "multi-label")
    np.testing.assert_allclose(found[:, 0], expected, atol=5e-3)
    # And the label beside it still learns from all of them.
    complete = fit_linear(
        views[:1], targets[:, 1:], task="multi-label", penalty=0.1
    ).scores(views[0], "multi-label")
    np.testing.assert_allclose(found[:, 1:], complete)


def test_versions_that_are_alike_change_nothing(views: np.ndarray) -> None:
    targets = np.eye(3)[classes_of(views, 3)]
    options: dict[str, Any] = {"task": "single-label", "penalty": 0.1}
    once = fit_linear(views[:1], targets, **options)
    often = fit_linear(np.repeat(views[:1], 4, axis=0), targets, **options)
    np.testing.assert_allclose(often.kernel, once.kernel, atol=5e-3)
    np.testing.assert_allclose(often.bias, once.bias, atol=5e-3)


def test_a_label_that_is_always_or_never_there(views: np.ndarray) -> None:
    targets = np.stack(
        [np.ones(N_CLIPS), np.zeros(N_CLIPS), np.full(N_CLIPS, np.nan)], axis=1
    )
    head = fit_linear(views, targets, task="multi-label", penalty=0.1)
    found = head.scores(views[0], "multi-label")
    np.testing.assert_allclose(found[:, 0], 1 / (1 + np.exp(-CERTAIN)))
    np.testing.assert_allclose(found[:, 1:], 1 / (1 + np.exp(CERTAIN)))


@pytest.mark.parametrize("n_present", [1, 2, 3])
def test_a_class_without_a_clip_is_never_the_answer(
    n_present: int, views: np.ndarray
) -> None:
    targets = np.zeros((N_CLIPS, 5))
    present = np.array([3, 0, 4])[:n_present]
    targets[np.arange(N_CLIPS), present[classes_of(views, n_present)]] = 1
    head = fit_linear(views, targets, task="single-label", penalty=0.1)
    scores = head.scores(views[0], "single-label")
    assert set(scores.argmax(axis=1)) == set(present)
    assert scores[:, np.setdiff1d(np.arange(5), present)].max() < 0.05
    if n_present == 2:  # both are told apart by the margin that one model has
        alone = fit_linear(
            views, targets[:, [0, 3]], task="single-label", penalty=0.1
        ).scores(views[0], "single-label")
        pair = scores[:, [0, 3]]
        np.testing.assert_allclose(pair / pair.sum(1, keepdims=True), alone, atol=1e-6)


def test_a_channel_that_never_varies_is_no_reason_for_anything(
    views: np.ndarray,
) -> None:
    views[:, :, 2] = 7.0
    targets = np.eye(3)[classes_of(views, 3)]
    head = fit_linear(views, targets, task="single-label", penalty=0.3)
    np.testing.assert_allclose(head.kernel[2], 0.0, atol=1e-6)
    assert np.isfinite(head.scores(views[0] + 1, "single-label")).all()


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
def test_scores_are_finite_however_far_a_clip_is(task: Any) -> None:
    head = LinearHead(
        np.zeros(1), np.full(1, 1e-3), np.array([[1.0, -1.0]]), np.zeros(2), 0.1
    )
    far = np.array([[65_504.0], [-65_504.0]])
    np.testing.assert_allclose(head.scores(far, task), np.eye(2), atol=1e-12)


def named(count: int) -> list[str]:
    """Return a group of its own for every clip."""
    return [str(number) for number in range(count)]


def grouped(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return clips that tell their group, and nothing else of their class.

    A head that has heard the group knows the answer; another one can only guess.
    """
    groups = np.repeat(np.arange(40), 5)
    classes = rng.permutation(np.arange(40) % 2)[groups]
    views = np.eye(40)[groups][None] + 0.01 * rng.standard_normal((1, 200, 40))
    return views, np.eye(2)[classes], groups.astype(str).tolist()


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
def test_no_clip_is_predicted_by_a_head_that_heard_its_group(
    task: Any, rng: np.random.Generator
) -> None:
    views, targets, groups = grouped(rng)
    found = cross_validate(views, targets, groups, task=task)
    leaking = cross_validate(views, targets, named(200), task=task)

    def accuracy(scores: np.ndarray) -> float:
        return float(np.mean(scores.argmax(axis=1) == targets.argmax(axis=1)))

    assert accuracy(leaking.scores) == 1.0  # the leak would be seen
    assert accuracy(found.scores) < 0.6


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
@pytest.mark.parametrize("n_groups", [2, 3, 7])
def test_the_folds_hold_every_clip_once_and_part_no_group(
    n_groups: int, task: Any, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[set[int]] = []
    groups = rng.integers(n_groups, size=80)

    def spy(views: np.ndarray, targets: np.ndarray, **options: Any) -> Any:
        plain, other = views[:, :, 0].astype(int)
        np.testing.assert_array_equal(other, plain + 1_000)
        heard.append(set(plain))
        return Spied()

    class Spied:
        def scores(self, embeddings: np.ndarray, task: str) -> np.ndarray:
            asked = set(embeddings[:, 0].astype(int))
            assert not {groups[one] for one in asked} & {
                groups[one] for one in heard[-1]
            }
            assert len(asked) + len(heard[-1]) == 80
            return np.repeat(embeddings[:, :1], 3, axis=1)

    monkeypatch.setattr(linear, "fit_linear", spy)
    monkeypatch.setattr(linear, "cross_entropy", lambda *given: 1.0)
    # Versions of a clip stay together; only the plain one is ever asked about.
    views = np.stack([np.arange(80.0), np.arange(80.0) + 1_000])[..., None]
    targets = np.eye(3)[rng.integers(3, size=80)]
    found = cross_validate(views, targets, groups.astype(str).tolist(), task=task)
    np.testing.assert_array_equal(found.scores[:, 0], np.arange(80))
    assert len(heard) == min(linear.N_FOLDS, n_groups) * len(PENALTIES)


def test_the_penalty_follows_what_is_in_the_data(rng: np.random.Generator) -> None:
    groups = named(300)
    classes = np.arange(300) % 2
    noise = rng.standard_normal((1, 300, 20))
    told = noise + 3.0 * classes[None, :, None]
    nothing, clear = (
        cross_validate(views, np.eye(2)[classes], groups, task="single-label")
        for views in (noise, told)
    )
    assert nothing.penalty == PENALTIES[0]
    assert clear.penalty == PENALTIES[-1]


def test_the_same_seed_is_the_same_choice(rng: np.random.Generator) -> None:
    views, targets, groups = grouped(rng)
    first, again, other = (
        cross_validate(views, targets, groups, task="single-label", seed=seed).scores
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_where_all_is_one_group_single_clips_are_held_out(
    rng: np.random.Generator,
) -> None:
    classes = np.arange(40) % 2
    views = rng.standard_normal((1, 40, 3)) + 4.0 * classes[None, :, None]
    found = cross_validate(views, np.eye(2)[classes], ["one"] * 40, task="single-label")
    np.testing.assert_array_equal(found.scores.argmax(axis=1), classes)


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
def test_a_handful_of_clips_is_enough(task: Any) -> None:
    views = np.array([[[0.0], [1.0], [5.0], [6.0]]])
    targets = np.eye(3)[[0, 0, 1, 2]]
    found = cross_validate(views, targets, ["a", "b", "c", "d"], task=task)
    assert np.isfinite(found.scores).all()


def test_unknown_cells_choose_nothing(rng: np.random.Generator) -> None:
    classes = np.arange(60) % 2
    views = rng.standard_normal((1, 60, 3)) + 3.0 * classes[None, :, None]
    targets = np.stack([classes, 1.0 - classes], axis=1)
    targets[:20, 1] = np.nan
    found = cross_validate(views, targets, named(60), task="multi-label")
    np.testing.assert_array_equal(found.scores[:, 0] > 0.5, classes == 1)


@pytest.mark.parametrize(
    ("views", "targets", "message"),
    [
        (np.full((1, 3, 2), np.nan), np.eye(3), "no numbers of 3 of 3 clips"),
        (np.zeros((1, 1, 2)), np.eye(1), "at least 2 clips"),
        (np.zeros((1, 3, 2)), np.full((3, 3), np.nan), "of no clip is it known"),
    ],
)
def test_what_cannot_be_learned_from_is_told(
    views: np.ndarray, targets: np.ndarray, message: str
) -> None:
    groups = named(len(targets))
    with pytest.raises(DataError, match=message):
        cross_validate(views, targets, groups, task="multi-label")


def test_cross_entropy_is_arithmetic() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
    one_of = np.array([[1, 0, 0], [1, 0, 0]])
    expected = -(np.log(0.7) + np.log(1e-6)) / 2
    assert cross_entropy(one_of, scores, "single-label") == pytest.approx(expected)
    each = np.array([[1, np.nan, 0], [np.nan, 1, 0]])
    expected = -(np.log(0.7) + np.log(0.9) + 2 * np.log(0.5)) / 4
    assert cross_entropy(each, scores, "multi-label") == pytest.approx(expected)
