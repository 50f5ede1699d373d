import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from sonotype.errors import DataError
from sonotype.evaluation.metrics import (
    accuracy,
    confusion_matrix,
    macro_f1,
    precision_recall_f1,
)

pairs = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60
)


def split(clips: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    true, predicted = np.array(clips).T
    return true, predicted


@settings(deadline=None, max_examples=50)
@given(clips=pairs)
def test_confusion_matrix_equals_scikit_learn(clips: list[tuple[int, int]]) -> None:
    true, predicted = split(clips)
    wanted = oracle.confusion_matrix(true, predicted, labels=range(7))
    found = confusion_matrix(true, predicted, 7)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, wanted)


@settings(deadline=None, max_examples=50)
@given(clips=pairs)
def test_numbers_of_each_class_equal_scikit_learn(clips: list[tuple[int, int]]) -> None:
    true, predicted = split(clips)
    found = precision_recall_f1(confusion_matrix(true, predicted, 7))
    wanted = oracle.precision_recall_fscore_support(
        true, predicted, labels=range(7), zero_division=np.nan
    )
    for ours, theirs in zip(found, wanted[:3], strict=True):
        np.testing.assert_allclose(ours, theirs)


@settings(deadline=None, max_examples=50)
@given(clips=pairs)
def test_accuracy_and_macro_f1_equal_scikit_learn(clips: list[tuple[int, int]]) -> None:
    true, predicted = split(clips)
    confusion = confusion_matrix(true, predicted, 7)
    assert accuracy(confusion) == pytest.approx(
        oracle.accuracy_score(true, predicted), abs=1e-12
    )
    assert macro_f1(confusion) == pytest.approx(
        oracle.f1_score(true, predicted, average="macro", zero_division=0), abs=1e-12
    )


def test_rows_are_true_labels() -> None:
    found = confusion_matrix(np.array([0, 0, 2]), np.array([1, 1, 2]), 3)
    assert found.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_missed_class_has_no_precision_but_an_f1_of_zero() -> None:
    precision, recall, f1 = precision_recall_f1(np.array([[4, 0], [2, 0]]))
    assert math.isnan(precision[1])
    assert recall[1] == f1[1] == 0.0


def test_class_without_clips_has_no_recall() -> None:
    precision, recall, f1 = precision_recall_f1(np.array([[4, 2], [0, 0]]))
    assert math.isnan(recall[1])
    assert precision[1] == f1[1] == 0.0


def test_macro_f1_leaves_out_only_what_is_absent_and_never_predicted() -> None:
    perfect_and_absent = np.array([[4, 0], [0, 0]])
    perfect_and_missed = np.array([[4, 0], [2, 0]])
    assert macro_f1(perfect_and_absent) == 1.0
    # F1 of the first class is 2 * 4 / (4 + 6), of the missed one 0.
    assert macro_f1(perfect_and_missed) == pytest.approx(0.8 / 2)


def test_nothing_is_known_of_no_clips() -> None:
    empty = confusion_matrix(np.array([]), np.array([]), 2)
    assert empty.tolist() == [[0, 0], [0, 0]]
    assert math.isnan(accuracy(empty))
    assert math.isnan(macro_f1(empty))


def test_small_integers_do_not_overflow() -> None:
    true = np.full(300, 99, dtype=np.uint8)
    assert confusion_matrix(true, true, 100)[99, 99] == 300


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([0, 1], [0], "2 true labels but 1 predicted"),
        ([0, 2], [0, 1], "true label 2 is out of range; with 2 labels .* 0 to 1"),
        ([0, 1], [0, -1], "predicted label -1 is out of range"),
        ([0.0, 1.0], [0, 1], "true labels are float64 .* give one whole number"),
        ([[0, 1]], [0, 1], r"true labels are int64 of shape \(1, 2\)"),
    ],
)
def test_bad_labels_are_refused(
    true: list[float], predicted: list[int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        confusion_matrix(np.array(true), np.array(predicted), 2)


@pytest.mark.parametrize("measure", [precision_recall_f1, accuracy, macro_f1])
@pytest.mark.parametrize("confusion", [np.zeros((2, 3), int), np.array([[1, -1]] * 2)])
def test_what_is_no_confusion_matrix_is_refused(
    measure: object, confusion: np.ndarray
) -> None:
    assert callable(measure)
    with pytest.raises(DataError, match="square and counts clips"):
        measure(confusion)
