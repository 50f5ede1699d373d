"""The mel filters against librosa and against arithmetic."""

import math
import subprocess
import sys
from typing import Any

import librosa
import numpy as np
import pytest
import tensorflow as tf

from sonotype.errors import SettingError
from sonotype.frontend.mel import mel_filterbank


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize(("norm", "librosa_norm"), [("peak", None), ("area", "slaney")])
@pytest.mark.parametrize(
    ("n_mels", "n_fft", "sample_rate", "edges_hz"),
    [
        (40, 512, 16_000, (20.0, 8_000.0)),
        (64, 1024, 22_050, (0.0, 8_000.0)),
        (128, 4096, 44_100, (50.0, 20_000.0)),
    ],
)
def test_filters_equal_librosa(
    scale: Any,
    norm: Any,
    librosa_norm: Any,
    n_mels: int,
    n_fft: int,
    sample_rate: int,
    edges_hz: tuple[float, float],
) -> None:
    ours = mel_filterbank(
        n_mels,
        n_fft=n_fft,
        sample_rate=sample_rate,
        low_hz=edges_hz[0],
        high_hz=edges_hz[1],
        scale=scale,
        norm=norm,
    )
    theirs = librosa.filters.mel(
        sr=sample_rate,
        n_fft=n_fft,
        n_mels=n_mels,
        fmin=edges_hz[0],
        fmax=edges_hz[1],
        htk=scale == "htk",
        norm=librosa_norm,
    )
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs.T, atol=1e-6)


# By Kaldi's formula, as torchaudio writes it: mel = 1127 ln(1 + f / 700), and triangles
# whose sides are straight over mel. Numbers are worked out one by one, not as arrays.
@pytest.mark.parametrize(
    ("n_mels", "n_fft", "sample_rate", "edges_hz"),
    [
        (128, 1024, 32_000, (0.0, 15_000.0)),
        (64, 512, 16_000, (125.0, 7_500.0)),
        (23, 256, 8_000, (20.0, 4_000.0)),
    ],
)
def test_kaldi_filters_equal_the_published_formula(
    n_mels: int, n_fft: int, sample_rate: int, edges_hz: tuple[float, float]
) -> None:
    ours = mel_filterbank(
        n_mels,
        n_fft=n_fft,
        sample_rate=sample_rate,
        low_hz=edges_hz[0],
        high_hz=edges_hz[1],
        scale="kaldi",
    )
    low, high = (1127.0 * math.log(1.0 + hz / 700.0) for hz in edges_hz)
    step = (high - low) / (n_mels + 1)
    for band in range(n_mels):
        left = low + band * step
        for row in range(n_fft // 2 + 1):
            mel = 1127.0 * math.log(1.0 + row * sample_rate / n_fft / 700.0)
            sides = (mel - left) / step, (left + 2 * step - mel) / step
            assert ours[row, band] == pytest.approx(max(0.0, min(sides)), abs=1e-6)


def test_kaldi_filters_equal_tf_signal() -> None:
    ours = mel_filterbank(
        64, n_fft=512, sample_rate=16_000, low_hz=125, high_hz=7_500, scale="kaldi"
    )
    theirs = tf.signal.linear_to_mel_weight_matrix(
        64, 257, 16_000, 125.0, 7_500.0, dtype=tf.float64
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_peak_filters_share_every_bin_between_two_neighbours() -> None:
    filters = mel_filterbank(40, n_fft=2048, sample_rate=16_000, low_hz=100.0)
    inside = filters.argmax(axis=0)
    between = filters[inside[0] + 1 : inside[-1]]
    np.testing.assert_allclose(between.sum(axis=1), 1.0, atol=1e-6)
    assert filters.max() <= 1.0


@pytest.mark.parametrize("n_mels", [0, -3])
def test_no_bands_is_refused(n_mels: int) -> None:
    with pytest.raises(SettingError, match=f"n_mels must be at least 1, not {n_mels}"):
        mel_filterbank(n_mels, n_fft=512, sample_rate=16_000)


@pytest.mark.parametrize(
    ("low_hz", "high_hz"), [(-1.0, 4000.0), (500.0, 500.0), (20.0, 8000.1)]
)
def test_edges_out_of_range_are_refused(low_hz: float, high_hz: float) -> None:
    with pytest.raises(SettingError, match=r"out of range; choose .* <= 8000, half"):
        mel_filterbank(8, n_fft=512, sample_rate=16_000, low_hz=low_hz, high_hz=high_hz)


def test_a_band_without_a_bin_is_refused_by_name() -> None:
    with pytest.raises(SettingError, match=r"band \d+ of 128 .* 31.25 Hz apart"):
        mel_filterbank(128, n_fft=512, sample_rate=16_000)


def test_unknown_names_are_refused_with_the_nearest() -> None:
    scale: Any = "slany"
    norm: Any = "aria"
    with pytest.raises(SettingError, match=r"mel scale 'slany' .* 'slaney'"):
        mel_filterbank(8, n_fft=512, sample_rate=16_000, scale=scale)
    with pytest.raises(SettingError, match=r"mel norm 'aria' .* 'area'"):
        mel_filterbank(8, n_fft=512, sample_rate=16_000, norm=norm)


def test_the_filters_need_no_framework() -> None:
    code = (
        "import sys, sonotype.frontend.mel; "
        "print({'keras', 'tensorflow', 'librosa'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_the_upper_edge_is_half_the_sample_rate_unless_given() -> None:
    free = mel_filterbank(40, n_fft=512, sample_rate=16_000)
    given = mel_filterbank(40, n_fft=512, sample_rate=16_000, high_hz=8_000.0)
    np.testing.assert_array_equal(free, given)
    assert (
        mel_filterbank(40, n_fft=512, sample_rate=16_000, high_hz=4e3)[200].sum() == 0
    )
