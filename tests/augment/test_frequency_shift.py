"""Ways counted in bands."""

import numpy as np
import pytest

from sonotype.augment.frequency_shift import FrequencyShift
from sonotype.errors import SettingError


def test_every_number_of_bands_is_as_likely_and_the_edge_is_repeated() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((700, 3, 20)).astype(np.float32)
    moved = np.asarray(FrequencyShift(3, seed=0)(features, training=True))
    counts = dict.fromkeys(range(-3, 4), 0)
    for before, after in zip(features, moved, strict=True):
        padded = np.pad(before, [[0, 0], [3, 3]], mode="edge")
        ways = [w for w in counts if np.array_equal(after, padded[:, 3 - w : 23 - w])]
        assert len(ways) == 1
        counts[ways[0]] += 1
    assert min(counts.values()) > 65


def test_a_negative_way_is_refused() -> None:
    with pytest.raises(SettingError, match="max_bands must be at least 0, not -1"):
        FrequencyShift(-1)
