"""From which score a label counts as heard."""

import numpy as np

# Where nothing is known of a label, a score above this says more yes than no.
DEFAULT_THRESHOLD = 0.5


def best_thresholds(known: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Choose each label's threshold: the one of highest F1, halfway to the next score.

    Choose on clips that the model was not fitted to and that it is not tested on.

    Args:
        known: What is known, `(n_clips, n_labels)`: 1 heard, 0 absent, nan unknown.
        scores: The model's scores, of the same shape.

    Returns:
        Thresholds, float64 `(n_labels,)`: a label counts as heard where its score is at
        least that. 0.5 where no clip, or every clip, is known to hold the label.

    Example:
        >>> known = np.array([[1.0], [1.0], [0.0], [np.nan]])
        >>> best_thresholds(known, np.array([[0.9], [0.4], [0.2], [0.3]]))
        array([0.3])
    """
    columns = zip(known.T, np.asarray(scores, np.float64).T, strict=True)
    return np.array([_best_threshold(*column) for column in columns])


def _best_threshold(known: np.ndarray, scores: np.ndarray) -> float:
    is_known = ~np.isnan(known)
    heard, scores = known[is_known] == 1, scores[is_known]
    if heard.all() or not heard.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(heard[order])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + heard.sum())
    # Equal scores are heard together or not at all.
    is_last = np.append(np.diff(ranked) < 0, True)
    best = int(np.argmax(np.where(is_last, f1, -1.0)))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)
