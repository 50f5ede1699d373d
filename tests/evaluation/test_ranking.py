import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from sonotype.evaluation.ranking import average_precision, mean_average_precision


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40),
)
def test_it_is_scikit_learns_with_ties(clips: list[tuple[bool, int]]) -> None:
    heard = np.array([clip[0] for clip in clips], dtype=float)
    scores = np.array([clip[1] / 8 for clip in clips])
    if not heard.any():
        assert np.isnan(average_precision(heard, scores)[0])
        return
    expected = oracle.average_precision_score(heard, scores)
    assert average_precision(heard, scores)[0] == pytest.approx(expected)


def test_a_clip_drawn_twice_counts_as_two(rng: np.random.Generator) -> None:
    heard = (rng.uniform(size=30) < 0.4).astype(float)
    scores = rng.uniform(size=30).round(1)
    weights = rng.integers(0, 4, size=(5, 30)).astype(float)
    expected = [
        oracle.average_precision_score(
            np.repeat(heard, times), np.repeat(scores, times)
        )
        for times in weights.astype(int)
    ]
    np.testing.assert_allclose(average_precision(heard, scores, weights), expected)


def test_what_is_unknown_takes_no_part(rng: np.random.Generator) -> None:
    heard = (rng.uniform(size=20) < 0.5).astype(float)
    scores = rng.uniform(size=20)
    unsure = np.append(heard, [np.nan, np.nan])
    both = average_precision(unsure, np.append(scores, [0.0, 1.0]))
    assert both == average_precision(heard, scores)


def test_the_mean_leaves_out_labels_with_nothing_to_rank() -> None:
    nan = np.nan
    known = np.array([[1, 0, 1, nan], [0, 0, 1, nan], [1, 0, 1, nan]], dtype=float)
    scores = np.array(
        [[0.9, 0.5, 0.1, 0.2], [0.8, 0.4, 0.2, 0.1], [0.7, 0.3, 0.3, 0.3]]
    )
    assert mean_average_precision(known, scores)[0] == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(mean_average_precision(known[:, 1:], scores[:, 1:])[0])
