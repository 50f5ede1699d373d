"""Average precision: how well scores put clips that hold a label before the rest."""

import numpy as np

from sonotype.evaluation.metrics import ratio


def average_precision(
    known: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the average precision of one label.

    The precision at the score of each clip that holds the label, averaged over those
    clips; clips of equal score count together. It is scikit-learn's
    `average_precision_score`, for many weightings of the clips at once.

    Args:
        known: What is known of each clip, `(n_clips,)`: 1 heard, 0 absent, nan unknown.
        scores: The label's scores, `(n_clips,)`.
        weights: How much each clip counts, `(n_weightings, n_clips)`; default: all the
            same.

    Returns:
        One number a weighting, float64 `(n_weightings,)`; nan where no clip that counts
        holds the label.

    Example:
        >>> known = np.array([1.0, 0.0, 1.0, np.nan])
        >>> average_precision(known, np.array([0.9, 0.8, 0.7, 0.6])).round(3)
        array([0.833])
    """
    if weights is None:
        weights = np.ones((1, len(known)))
    is_known = ~np.isnan(known)
    order = np.argsort(-scores[is_known], kind="stable")
    ranked = scores[is_known][order]
    counted = weights[:, is_known][:, order]
    heard = counted * (known[is_known][order] == 1)
    if not ranked.size:
        return np.full(len(weights), np.nan)
    # The last of each run of equal scores, where precision is read.
    last = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)
    n_hits, n_given = np.cumsum(heard, axis=1)[:, last], np.cumsum(counted, 1)[:, last]
    precision = ratio(n_hits, n_given)
    gained = np.diff(n_hits, axis=1, prepend=0.0)
    summed = (np.where(gained > 0, precision, 0.0) * gained).sum(axis=1)
    return ratio(summed, n_hits[:, -1])


def mean_average_precision(
    known: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the mean over the labels of their average precision.

    A label that no clip which counts is known to hold is left out of the mean, and so
    is one that every clip holds: there is nothing to rank.

    Args:
        known: `(n_clips, n_labels)`, as in `average_precision`.
        scores: Of the same shape.
        weights: `(n_weightings, n_clips)`; default: all the same.

    Returns:
        One number a weighting, nan where no label is left.
    """
    columns = [
        average_precision(truth, column, weights)
        for truth, column in zip(known.T, scores.T, strict=True)
        if (truth == 1).any() and (truth == 0).any()
    ]
    if not columns:
        return np.full(1 if weights is None else len(weights), np.nan)
    values = np.stack(columns)
    is_known = ~np.isnan(values)
    return ratio(np.where(is_known, values, 0.0).sum(axis=0), is_known.sum(axis=0))
