import numpy as np
import pytest

from sonotype.audio.windows import cut_windows, fit_length
from sonotype.errors import SettingError


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [
        (1, [3]),
        (2, [2, 3]),
        (3, [2, 3, 4]),
        (4, [1, 2, 3, 4]),
        (6, [1, 2, 3, 4, 5, 0]),
        (7, [0, 1, 2, 3, 4, 5, 0]),
        (8, [0, 1, 2, 3, 4, 5, 0, 0]),
    ],
)
def test_padding_and_cropping_keep_the_centre(
    n_samples: int, expected: list[int]
) -> None:
    samples = np.arange(1, 6, dtype=np.float32)
    found = fit_length(samples, n_samples)
    assert found.tolist() == expected
    assert found.dtype == np.float32


@pytest.mark.parametrize("longer", range(1, 6))
def test_padding_and_then_cropping_gives_the_clip_back(longer: int) -> None:
    samples = np.arange(1, 8)
    np.testing.assert_array_equal(
        fit_length(fit_length(samples, 7 + longer), 7), samples
    )


def test_a_clip_that_fits_is_returned_as_it_is() -> None:
    samples = np.zeros(4, np.int16)
    assert fit_length(samples, 4) is samples


def test_nothing_becomes_silence() -> None:
    assert fit_length(np.zeros(0, np.float32), 3).tolist() == [0, 0, 0]


def test_a_clip_needs_a_sample() -> None:
    with pytest.raises(SettingError, match="at least 1 sample, but 0 was asked"):
        fit_length(np.zeros(4), 0)


@pytest.mark.parametrize("n", [4, 5, 8, 9, 31])
def test_windows_hold_every_sample_and_are_a_hop_apart(n: int) -> None:
    windows = cut_windows(np.arange(n), 4, hop=3)
    assert set(windows.ravel()) == set(range(n))
    assert windows[-1, -1] == n - 1
    starts = windows[:, 0]
    assert (np.diff(starts[:-1]) == 3).all()
    assert (np.diff(starts) <= 3).all()


def test_a_short_recording_is_one_padded_window() -> None:
    assert cut_windows(np.array([7, 8]), 4, hop=2).tolist() == [[0, 7, 8, 0]]


@pytest.mark.parametrize("hop", [0, 5])
def test_a_hop_must_not_leave_samples_out(hop: int) -> None:
    with pytest.raises(SettingError, match=f"from 1 to the window's 4 .* not {hop}"):
        cut_windows(np.arange(9), 4, hop=hop)
