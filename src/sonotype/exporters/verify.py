"""Compare what an exported file says with what its model says."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sonotype.errors import ExportError
from sonotype.runtime import Runtime

TOLERANCE = 1e-4
# Of the largest number in any embedding: those have no range of their own.
EMBEDDING_TOLERANCE = 1e-3
Measure = Literal["largest_difference", "mean_difference"]


@dataclass(frozen=True)
class Agreement:
    """How far an exported file is from its model, over some clips.

    `largest_difference` is that of any score; `mean_difference` is the mean over the
    clips of the largest difference in each.
    """

    n_clips: int
    largest_difference: float
    mean_difference: float


WORDS: dict[Measure, str] = {
    "largest_difference": "by up to",
    "mean_difference": "on average by",
}


def verify(
    runtime: Runtime,
    samples: np.ndarray,
    expected: np.ndarray,
    *,
    tolerance: float = TOLERANCE,
) -> Agreement:
    """Score clips with the exported file and compare every score.

    Args:
        runtime: The exported file, loaded again.
        samples: Real clips, float32 `(n_clips, n_samples)`.
        expected: The model's scores for them, `(n_clips, n_labels)`.
        tolerance: Largest absolute difference allowed in any score.

    Raises:
        ExportError: If a score differs by more, or is not a number.
    """
    return compare(runtime.scores(samples), expected, tolerance=tolerance)


def compare_embeddings(found: np.ndarray, expected: np.ndarray) -> Agreement:
    """Compare the embeddings of an exported file with those of its model.

    Args:
        found: What the file gives, `(n_clips, n_channels)`.
        expected: What the model gives, of the same shape.

    Returns:
        How far they are apart, as a part of the largest number in any embedding.

    Raises:
        ExportError: If a number differs by more than 1e-3 of that, or is none.
    """
    largest = float(np.abs(expected).max()) or 1.0
    return compare(
        found / largest,
        expected / largest,
        tolerance=EMBEDDING_TOLERANCE,
        what="embeddings",
    )


def compare(
    found: np.ndarray,
    expected: np.ndarray,
    *,
    tolerance: float = TOLERANCE,
    measure: Measure = "largest_difference",
    what: str = "scores",
) -> Agreement:
    """Compare the scores of an exported file with those of its model.

    Args:
        found: What the file gives, `(n_clips, n_labels)`.
        expected: What the model gives, of the same shape.
        tolerance: What the measure may be at most.
        measure: `largest_difference` for a format that computes the same;
            `mean_difference` for one that rounds, where a clip between two classes may
            fall to either side.
        what: What the numbers are, for the message.

    Raises:
        ExportError: If the scores differ by more, or one is not a number.

    Example:
        >>> compare(np.array([[0.4, 0.60005]]), np.array([[0.4, 0.6]])).n_clips
        1
    """
    if found.shape != expected.shape:
        raise ExportError(
            f"the exported file gives {what} of shape {found.shape}, "
            f"but the model gives {expected.shape}"
        )
    by_clip = np.abs(found - expected).max(axis=1)
    agreement = Agreement(len(found), float(by_clip.max()), float(by_clip.mean()))
    difference = getattr(agreement, measure)
    if not difference <= tolerance:
        raise ExportError(
            f"the exported file disagrees with the model: {what} differ "
            f"{WORDS[measure]} {difference:.2g} over {len(found)} clips, "
            f"{tolerance:g} is allowed; it was not kept"
        )
    return agreement
