"""Reading between rows, against numpy."""

import numpy as np
import pytest

from sonotype.augment.interpolation import interpolate_rows


@pytest.mark.parametrize("tail", [(), (1,), (5,), (4, 3)])
def test_rows_equal_numpy_interpolation(tail: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((3, 20, *tail)).astype(np.float32)
    positions = rng.uniform(-4.0, 23.0, (3, 31)).astype(np.float32)
    read = np.asarray(interpolate_rows(rows, positions)).reshape(3, 31, -1)
    flat = rows.reshape(3, 20, -1)
    known = np.arange(-2, 22)
    for example in range(3):
        for column in range(flat.shape[2]):
            values = np.pad(flat[example, :, column], 2)
            expected = np.interp(positions[example], known, values)
            np.testing.assert_allclose(read[example, :, column], expected, atol=1e-5)
