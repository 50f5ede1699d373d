"""What must hold of scores and clips before they are compared."""

from collections.abc import Sequence

import numpy as np

from sonotype.clips import Clips
from sonotype.errors import DataError
from sonotype.evaluation.words import counted, shown
from sonotype.labels import Labels

NO_CLIPS = "there are no clips to evaluate; give at least one"


def refuse_unknown(carried: Sequence[str], labels: Labels) -> None:
    """Raise if clips carry labels that the model does not know."""
    unknown = [name for name in carried if name not in labels]
    if unknown:
        raise DataError(
            f"clips carry labels that the model does not know: {shown(unknown)}. "
            f"It knows: {shown(list(labels))}. Leave these clips out or rename "
            "their labels"
        )


def checked_scores(scores: np.ndarray, clips: Clips, labels: Labels) -> np.ndarray:
    """Return the scores as float64, or say which clip's are no good."""
    scores = np.asarray(scores, dtype=np.float64)
    wanted = (len(clips), len(labels))
    if scores.shape != wanted:
        raise DataError(
            f"scores have shape {scores.shape}, but {counted(wanted[0], 'clip')} and "
            f"{counted(wanted[1], 'label')} need {wanted}; give one row a clip and "
            "one column a label"
        )
    is_usable = np.isfinite(scores).all(axis=1)
    if not is_usable.all():
        raise DataError(
            f"{counted(int((~is_usable).sum()), 'clip')} got scores that are not "
            f"finite numbers, first {clips[int(np.argmin(is_usable))].path}; look for "
            "broken samples in the file or broken weights in the model"
        )
    return scores
