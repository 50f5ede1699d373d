import numpy as np
import pytest

from sonotype.errors import ExportError
from sonotype.exporters.golden import golden_inputs
from sonotype.exporters.verify import compare_embeddings, verify


class Shifted:
    """A runtime whose scores are off by a constant."""

    n_samples, n_labels = 4, 2

    def __init__(self, offset: float) -> None:
        self.offset = offset

    def scores(self, samples: np.ndarray) -> np.ndarray:
        return np.full((len(samples), 2), 0.5) + self.offset


SAMPLES, EXPECTED = np.zeros((3, 4), np.float32), np.full((3, 2), 0.5)


def test_agreement_states_the_largest_difference() -> None:
    agreement = verify(Shifted(5e-5), SAMPLES, EXPECTED)
    assert agreement.n_clips == 3
    assert agreement.largest_difference == pytest.approx(5e-5)


@pytest.mark.parametrize("offset", [2e-4, -2e-4, np.nan, np.inf])
def test_a_difference_above_the_tolerance_is_refused(offset: float) -> None:
    with pytest.raises(ExportError, match="disagrees with the model"):
        verify(Shifted(offset), SAMPLES, EXPECTED)


def test_another_shape_is_refused() -> None:
    with pytest.raises(
        ExportError, match=r"shape \(3, 2\), but the model gives \(3, 5\)"
    ):
        verify(Shifted(0.0), SAMPLES, np.zeros((3, 5)))


def test_golden_inputs_are_the_same_everywhere() -> None:
    clips = golden_inputs(16_000, 16_000)
    assert all(
        clip.dtype == np.int16 and clip.shape == (16_000,) for clip in clips.values()
    )
    assert not clips["silence"].any()
    # The chirp rises from 50 Hz to 0.45 of the rate: count its zero crossings.
    crossings = np.count_nonzero(np.diff(np.signbit(clips["chirp"])))
    assert crossings == pytest.approx(50 + 0.45 * 16_000 + 50, rel=0.02)


def test_embeddings_may_differ_by_a_thousandth_of_the_largest_number() -> None:
    expected = np.array([[200.0, 0.0], [-50.0, 0.1]])
    agreement = compare_embeddings(expected + 0.15, expected)
    assert agreement.largest_difference == pytest.approx(0.15 / 200)
    for wrong in (expected + 0.25, expected + np.nan):
        with pytest.raises(ExportError, match="embeddings differ by up to"):
            compare_embeddings(wrong, expected)
    assert compare_embeddings(SAMPLES, SAMPLES).largest_difference == 0
