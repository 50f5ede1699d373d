"""A linear head, fitted to embeddings in a moment, its penalty chosen by group."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from sonotype.errors import DataError
from sonotype.labels import Task

# Inverse penalties on standardized features: the first serves a handful of clips a
# class, the last thousands.
PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
N_FOLDS = 4
MAX_ITERATIONS = 200
SMALLEST_DEVIATION = 1e-3
# Logits of a label that was seen on every clip, or on none.
CERTAIN = 6.0
TEMPERATURES = np.geomspace(0.2, 5.0, 33)


@dataclass(frozen=True)
class LinearHead:
    """Standardize, multiply, add: embeddings `(n, channels)` to logits.

    Args:
        mean: What is subtracted, `(channels,)`.
        deviation: What is divided by, `(channels,)`.
        kernel: `(channels, n_classes)`.
        bias: `(n_classes,)`.
        penalty: The inverse penalty it was fitted with.
    """

    mean: np.ndarray
    deviation: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    penalty: float

    def scores(self, embeddings: np.ndarray, task: Task) -> np.ndarray:
        """Return the scores, `(n, n_classes)`: softmax or sigmoid of the logits."""
        standardized = (embeddings - self.mean) / self.deviation
        logits = standardized @ self.kernel + self.bias
        if task == "multi-label":
            sigmoid: np.ndarray = 0.5 + 0.5 * np.tanh(0.5 * logits)
            return sigmoid
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        softmax: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
        return softmax


def fit_linear(
    views: np.ndarray, targets: np.ndarray, *, task: Task, penalty: float
) -> LinearHead:
    """Fit a linear head.

    Args:
        views: Embeddings of one or more versions of each clip, the plain one first,
            `(n_views, n_clips, channels)`.
        targets: One-hot, or for multi-label data 1, 0 and nan for unknown,
            `(n_clips, n_classes)`.
        task: One label a clip, or any number.
        penalty: Inverse strength of the penalty on the weights.

    Example:
        >>> views = np.array([[[0.0], [1.0], [2.0], [3.0]]])
        >>> targets = np.eye(2)[[0, 0, 1, 1]]
        >>> head = fit_linear(views, targets, task="single-label", penalty=1.0)
        >>> head.scores(views[0], "single-label").argmax(axis=1)
        array([0, 0, 1, 1])
    """
    mean = views[0].mean(axis=0, dtype=np.float64)
    deviation = np.maximum(views[0].std(axis=0, dtype=np.float64), SMALLEST_DEVIATION)
    n_views, _, n_channels = views.shape
    features = (views.reshape(-1, n_channels) - mean) / deviation
    repeated = np.tile(targets, (n_views, 1))
    # As many clips as there are, however many versions of each: the same penalty
    # stands for the same belief.
    weight = 1 / n_views
    fit = _fit_each if task == "multi-label" else _fit_one_of
    kernel, bias = fit(features, repeated, penalty * weight)
    return LinearHead(mean, deviation, kernel, bias, penalty)


def _fit_one_of(
    features: np.ndarray, targets: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit one softmax over the classes."""
    kernel = np.zeros((features.shape[1], targets.shape[1]))
    bias = np.full(targets.shape[1], -CERTAIN)
    classes = targets.argmax(axis=1)
    present = np.unique(classes)
    if len(present) == 1:
        bias[present] = CERTAIN
        return kernel, bias
    model = _logistic(features, classes, penalty)
    if len(present) == 2:  # scikit-learn has one set of weights for two classes
        kernel[:, present] = np.concatenate([-model.coef_, model.coef_]).T / 2
        bias[present] = np.concatenate([-model.intercept_, model.intercept_]) / 2
    else:
        kernel[:, present] = model.coef_.T
        bias[present] = model.intercept_
    return kernel, bias


def _fit_each(
    features: np.ndarray, targets: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a sigmoid for each label to the clips where it is known."""
    kernel = np.zeros((features.shape[1], targets.shape[1]))
    bias = np.zeros(targets.shape[1])
    for label, column in enumerate(targets.T):
        known = ~np.isnan(column)
        heard = column[known] > 0.5
        if len(np.unique(heard)) < 2:
            bias[label] = CERTAIN if heard.any() else -CERTAIN
            continue
        model = _logistic(features[known], heard, penalty)
        kernel[:, label], bias[label] = model.coef_[0], model.intercept_[0]
    return kernel, bias


def _logistic(
    features: np.ndarray, classes: np.ndarray, penalty: float
) -> LogisticRegression:
    # The products are small: threads that wait for each other take longer than one.
    with threadpool_limits(1), warnings.catch_warnings():
        # Not quite at the optimum is near enough: the penalty decides more.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=penalty, max_iter=MAX_ITERATIONS, tol=1e-3).fit(
            features, classes
        )


@dataclass(frozen=True)
class CrossValidated:
    """What cross-validation by group found.

    Args:
        penalty: The one that predicted unheard groups best.
        scores: Its scores of every clip, by a head that never saw the clip's group.
    """

    penalty: float
    scores: np.ndarray


def cross_validate(
    views: np.ndarray,
    targets: np.ndarray,
    groups: Sequence[str],
    *,
    task: Task,
    seed: int = 0,
) -> CrossValidated:
    """Choose the penalty by predicting clips of groups that took no part.

    Args:
        views: As for `fit_linear`; only plain versions are predicted.
        targets: As for `fit_linear`.
        groups: The group of each clip.
        task: One label a clip, or any number.
        seed: Seed of the folds.

    Raises:
        DataError: If an embedding holds a value that is not finite, nothing is known of
            any clip, or there is only one clip.
    """
    _check(views, targets)
    folds = list(_folds(targets, np.asarray(groups), task, seed))
    best: CrossValidated | None = None
    least = np.inf
    for penalty in PENALTIES:
        scores = np.zeros(targets.shape)
        for known, asked in folds:
            head = fit_linear(
                views[:, known], targets[known], task=task, penalty=penalty
            )
            scores[asked] = head.scores(views[0, asked], task)
        loss = cross_entropy(targets, scores, task)
        if loss < least:
            best, least = CrossValidated(penalty, scores), loss
        elif loss > 1.2 * least:
            break  # it only gets worse from here
    if best is None:
        raise DataError("the scores of clips that took no part are not finite")
    return best


def _check(views: np.ndarray, targets: np.ndarray) -> None:
    if len(targets) < 2:
        raise DataError("a head needs at least 2 clips to learn from")
    if np.isnan(targets).all():
        raise DataError("of no clip is it known which labels it has")
    finite = np.isfinite(views).all(axis=(0, 2))
    if not finite.all():
        raise DataError(
            f"the network makes no numbers of {np.count_nonzero(~finite)} of "
            f"{len(finite)} clips; its weights, or those clips, hold nan"
        )


def _folds(
    targets: np.ndarray, groups: np.ndarray, task: Task, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    n_groups = len(np.unique(groups))
    # Where all is one group there is nothing to hold out but single clips.
    held = groups if n_groups > 1 else np.arange(len(groups)).astype(str)
    n_folds = min(N_FOLDS, len(np.unique(held)))
    classes = np.nan_to_num(targets).argmax(axis=1)
    if task == "single-label" and np.bincount(classes).max() >= n_folds:
        maker = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    else:
        maker = GroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer groups than folds is simply absent from some.
        warnings.simplefilter("ignore", UserWarning)
        yield from maker.split(classes, classes, held)


def cross_entropy(targets: np.ndarray, scores: np.ndarray, task: Task) -> float:
    """Return the mean cross-entropy of scores; nan among the targets is not counted."""
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    if task == "single-label":
        return float(-np.log(inside[targets > 0.5]).mean())
    losses = -np.where(targets > 0.5, np.log(inside), np.log(1 - inside))
    return float(losses[~np.isnan(targets)].mean())


def best_cross_entropy(targets: np.ndarray, scores: np.ndarray, task: Task) -> float:
    """Return the cross-entropy at the temperature that suits the scores best.

    One model may say the same as another with more or with less confidence, because
    its labels were smoothed for example. Here only what they know is compared.

    References:
        Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
    """
    inside = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    single = task == "single-label"
    logits = np.log(inside) if single else np.log(inside) - np.log(1 - inside)
    found = []
    for temperature in TEMPERATURES:
        powers = np.exp(logits / temperature)
        total = powers.sum(axis=1, keepdims=True) if single else 1 + powers
        found.append(cross_entropy(targets, powers / total, task))
    return min(found)
