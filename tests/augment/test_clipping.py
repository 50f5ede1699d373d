"""Limits measured on the clipped clips."""

import numpy as np
import pytest

from sonotype.augment.clipping import Clipping
from sonotype.errors import SettingError


def test_each_clip_is_limited_at_a_level_below_its_own_peak() -> None:
    rng = np.random.default_rng(0)
    levels = np.geomspace(1e-3, 10.0, 300)[:, None]
    audio = (levels * rng.standard_normal((300, 500))).astype(np.float32)
    clipped = np.asarray(Clipping((-20.0, -3.0), 1.0, seed=1)(audio, training=True))
    limit = np.abs(clipped).max(axis=1)
    limits_db = 20 * np.log10(limit / np.abs(audio).max(axis=1))
    assert limits_db.min() > -20.01
    assert limits_db.max() < -2.99
    counts, _ = np.histogram(limits_db, bins=3, range=(-20.0, -3.0))
    assert counts.min() > 70
    np.testing.assert_allclose(
        clipped, np.clip(audio, -limit[:, None], limit[:, None]), rtol=1e-6
    )


def test_a_clipped_tone_has_the_harmonics_of_a_square_wave() -> None:
    cycles = np.sin(2 * np.pi * 10 * np.arange(4_000) / 4_000)
    layer = Clipping((-40.0, -40.0), 1.0)
    clipped = np.asarray(layer(cycles[None].astype(np.float32), training=True))[0]
    spectrum = np.abs(np.fft.rfft(clipped))
    third, second = spectrum[30] / spectrum[10], spectrum[20] / spectrum[10]
    assert third == pytest.approx(1 / 3, abs=0.01)
    assert second < 1e-4


@pytest.mark.parametrize(
    ("limit_db", "message"),
    [
        ((-3.0, -20.0), "limit_db must go from low to high"),
        ((-3.0, 1.0), "at most 0, not 1"),
    ],
)
def test_settings_out_of_range_are_refused(
    limit_db: tuple[float, float], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        Clipping(limit_db)
