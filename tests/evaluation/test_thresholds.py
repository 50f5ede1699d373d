import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from sonotype.evaluation.thresholds import DEFAULT_THRESHOLD, best_thresholds


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=2, max_size=30))
def test_no_other_threshold_gives_a_higher_f1(clips: list[tuple[bool, int]]) -> None:
    heard = np.array([[float(clip[0])] for clip in clips])
    scores = np.array([[clip[1] / 10] for clip in clips])
    chosen = best_thresholds(heard, scores)[0]
    if heard.all() or not heard.any():
        assert chosen == DEFAULT_THRESHOLD
        return

    def f1(threshold: float) -> float:
        found = oracle.f1_score(heard[:, 0], scores[:, 0] >= threshold, zero_division=0)
        return float(found)

    assert f1(chosen) == pytest.approx(max(f1(step / 20) for step in range(21)))


def test_each_label_has_its_own_and_unknown_clips_choose_nothing() -> None:
    known = np.array([[1, 0], [0, np.nan], [0, 1]], dtype=float)
    scores = np.array([[0.2, 0.5], [0.1, 0.99], [0.05, 0.6]])
    np.testing.assert_allclose(best_thresholds(known, scores), [0.15, 0.55])
