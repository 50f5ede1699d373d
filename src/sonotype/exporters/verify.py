"""Compare what an exported file says with what its model says."""

from dataclasses import dataclass

import numpy as np

from sonotype.errors import ExportError
from sonotype.runtime import Runtime

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Agreement:
    """How far an exported file is from its model, over some clips."""

    n_clips: int
    largest_difference: float


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
    found = runtime.scores(samples)
    if found.shape != expected.shape:
        raise ExportError(
            f"the exported file gives scores of shape {found.shape}, "
            f"but the model gives {expected.shape}"
        )
    difference = float(np.max(np.abs(found - expected)))
    if not difference <= tolerance:
        raise ExportError(
            f"the exported file disagrees with the model: scores differ by up to "
            f"{difference:.2g} over {len(samples)} clips, {tolerance:.0e} is allowed; "
            "it was not kept"
        )
    return Agreement(len(samples), difference)
