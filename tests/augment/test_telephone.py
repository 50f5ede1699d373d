"""The band, and the eight bits, of a telephone."""

import numpy as np
import pytest

from sonotype.augment.telephone import Telephone, companded
from sonotype.errors import SettingError

RATE = 16_000


@pytest.mark.parametrize(
    ("frequency_hz", "least_db", "most_db"),
    [
        (100, -200, -60),
        (300, -3.2, -2.8),
        (1_000, -0.2, 0.2),
        (3_400, -3.2, -2.8),
        (6_000, -200, -30),
    ],
)
def test_tones_pass_in_the_band_alone(
    frequency_hz: int, least_db: float, most_db: float
) -> None:
    tone = 0.9 * np.sin(2 * np.pi * frequency_hz * np.arange(2 * RATE) / RATE)
    layer = Telephone(
        RATE, low_hz=(300.0, 300.0), high_hz=(3_400.0, 3_400.0), probability=1.0
    )
    heard = np.asarray(layer(tone[None].astype(np.float32), training=True))[0]
    middle = slice(RATE // 2, -RATE // 2)
    spectrum = np.abs(np.fft.rfft(heard[middle]))[frequency_hz]
    original = np.abs(np.fft.rfft(tone[middle]))[frequency_hz]
    gain_db = 20 * np.log10(spectrum / original + 1e-9)
    assert least_db < gain_db < most_db


def test_samples_take_the_255_values_of_the_companding_curve() -> None:
    audio = np.linspace(-1.2, 1.2, 20_001, dtype=np.float32)
    kept = np.asarray(companded(audio), np.float64)
    codes = np.arange(-127, 128)
    # The curve of G.711: F(x) = sgn(x) ln(1 + 255 |x|) / ln 256, turned around.
    values = np.sign(codes) * (256.0 ** (np.abs(codes) / 127) - 1) / 255
    assert len(np.unique(kept)) == 255
    np.testing.assert_allclose(np.unique(kept), values, atol=1e-6)
    inside = (np.abs(audio) > 0.01) & (np.abs(audio) <= 1)
    # Noise follows the signal: never more than half a step, 2.2 per cent.
    assert np.abs(kept[inside] / audio[inside] - 1).max() < 0.03
    assert np.abs(kept).max() == pytest.approx(1.0)


def test_a_rate_below_the_band_is_refused() -> None:
    with pytest.raises(SettingError, match="high_hz must be above 0 and at most half"):
        Telephone(4_000)
