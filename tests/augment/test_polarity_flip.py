"""Flips counted."""

import numpy as np

from sonotype.augment.polarity_flip import PolarityFlip


def test_a_share_of_the_clips_changes_sign_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((400, 30)).astype(np.float32)
    flipped = np.asarray(PolarityFlip(0.25, seed=1)(audio, training=True))
    signs = flipped[:, 0] / audio[:, 0]
    np.testing.assert_array_equal(flipped, audio * signs[:, None])
    assert set(signs) == {-1.0, 1.0}
    assert 70 < (signs < 0).sum() < 130
