"""Accuracy, precision, recall and F1 of single-label classification.

Everything is read off the confusion matrix, so that no two numbers of a report can
disagree about what was counted.
"""

import numpy as np

from sonotype.errors import DataError


def confusion_matrix(
    true: np.ndarray, predicted: np.ndarray, n_labels: int
) -> np.ndarray:
    """Count the clips of each pair of true and predicted label.

    Args:
        true: Index of each clip's true label, integers of shape `(n_clips,)`.
        predicted: Index of each clip's predicted label, of the same shape.
        n_labels: Number of labels; every index is below it.

    Returns:
        Counts, int64 of shape `(n_labels, n_labels)`; a row is a true label, a column
        a predicted one.

    Raises:
        DataError: If the two differ in length, are not integers or are out of range.

    Example:
        >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    true = _indices("true", true, n_labels)
    predicted = _indices("predicted", predicted, n_labels)
    if true.shape != predicted.shape:
        raise DataError(
            f"there are {true.size} true labels but {predicted.size} predicted ones; "
            "give one of each for every clip"
        )
    cells = true * n_labels + predicted
    counts = np.bincount(cells, minlength=n_labels**2).astype(np.int64)
    return counts.reshape(n_labels, n_labels)


def _indices(kind: str, indices: np.ndarray, n_labels: int) -> np.ndarray:
    """Return label indices as int64, or say what is wrong with them."""
    given = np.asarray(indices)
    is_whole = given.size == 0 or np.issubdtype(given.dtype, np.integer)
    if given.ndim != 1 or not is_whole:
        raise DataError(
            f"{kind} labels are {given.dtype} of shape {given.shape}; "
            "give one whole number a clip, the index of its label"
        )
    outside = given[(given < 0) | (given >= n_labels)]
    if outside.size:
        raise DataError(
            f"{kind} label {outside[0]} is out of range; with {n_labels} labels "
            f"an index is 0 to {n_labels - 1}"
        )
    return given.astype(np.int64)


def precision_recall_f1(
    confusion: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 of each class.

    What 0 / 0 means is fixed here, once: precision is nan for a class that was never
    predicted, recall is nan for a class without clips, and F1 is nan only for a class
    that has no clips and was never predicted, of which nothing is known. A class that
    has clips and was never predicted has an F1 of 0, not nan: it was missed.

    Args:
        confusion: Counts of shape `(n_labels, n_labels)`, rows true.

    Returns:
        Three float64 arrays of shape `(n_labels,)`: precision, recall, F1.

    Raises:
        DataError: If the counts are not square, or negative.

    Example:
        >>> precision, recall, f1 = precision_recall_f1(np.array([[3, 1], [0, 0]]))
        >>> precision.tolist(), recall.tolist(), f1.round(3).tolist()
        ([1.0, 0.0], [0.75, nan], [0.857, 0.0])
    """
    confusion = _counts(confusion)
    n_hits = np.diag(confusion)
    n_true, n_predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    return (
        ratio(n_hits, n_predicted),
        ratio(n_hits, n_true),
        ratio(2 * n_hits, n_true + n_predicted),
    )


def _counts(confusion: np.ndarray) -> np.ndarray:
    """Return the confusion matrix as an array, or say what is wrong with it."""
    given = np.asarray(confusion)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or (given < 0).any():
        raise DataError(
            f"a confusion matrix is square and counts clips, but this one has shape "
            f"{given.shape} and a smallest value of {given.min(initial=0)}"
        )
    return given


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide counts; 0 / 0 is nan, without numpy's warning."""
    divided = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=divided, where=whole > 0)
    return divided


def accuracy(confusion: np.ndarray) -> float:
    """Return the share of clips whose predicted label is the true one.

    Args:
        confusion: Counts of shape `(n_labels, n_labels)`, rows true.

    Returns:
        A number from 0 to 1; nan if there is no clip.

    Raises:
        DataError: If the counts are not square, or negative.

    Example:
        >>> accuracy(np.array([[3, 1], [0, 4]]))
        0.875
    """
    confusion = _counts(confusion)
    n_clips = int(confusion.sum())
    return float(np.trace(confusion) / n_clips) if n_clips else float("nan")


def macro_f1(confusion: np.ndarray) -> float:
    """Return the mean of the classes' F1, each class counting the same.

    A rare class weighs as much as a common one, so a model can't score high by
    leaving it out. A class that has no clips and was never predicted is left out of
    the mean; a class that has clips but was never predicted counts as 0, and so does
    one without clips that was predicted all the same. This is scikit-learn's
    `f1_score(true, predicted, average="macro", zero_division=0)`.

    Args:
        confusion: Counts of shape `(n_labels, n_labels)`, rows true.

    Returns:
        A number from 0 to 1; nan if there is no clip.

    Raises:
        DataError: If the counts are not square, or negative.

    Example:
        >>> round(macro_f1(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])), 3)
        0.873
    """
    _, _, f1 = precision_recall_f1(confusion)
    known = f1[~np.isnan(f1)]
    return float(known.mean()) if known.size else float("nan")
