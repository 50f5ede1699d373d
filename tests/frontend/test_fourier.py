"""Windows against scipy, the Fourier kernel against numpy's FFT."""

import numpy as np
import pytest
import scipy.signal

from sonotype.errors import SettingError
from sonotype.frontend.fourier import WINDOWS, fourier_kernel, window_samples


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("n_samples", [2, 400, 441])
def test_windows_equal_scipy(name: str, n_samples: int) -> None:
    theirs, _, symmetric = name.partition("_")
    theirs = {"rectangular": "boxcar"}.get(theirs, theirs)
    expected = scipy.signal.get_window(theirs, n_samples, fftbins=not symmetric)
    np.testing.assert_allclose(window_samples(name, n_samples), expected, atol=1e-12)


def test_an_unknown_window_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingError, match=r"window 'hanning' .* 'hann"):
        window_samples("hanning", 400)


@pytest.mark.parametrize(("frame_length", "n_fft"), [(400, 512), (441, 441), (8, 8)])
def test_the_kernel_is_the_fft_of_a_windowed_frame(
    frame_length: int, n_fft: int
) -> None:
    rng = np.random.default_rng(1)
    frame = rng.standard_normal(frame_length)
    window = window_samples("hamming", frame_length)
    real, imaginary = np.split(frame @ fourier_kernel(window, n_fft), 2)
    expected = np.fft.rfft(frame * window, n_fft)
    np.testing.assert_allclose(real + 1j * imaginary, expected, atol=1e-5)
