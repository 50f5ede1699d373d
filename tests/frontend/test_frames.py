"""Frames against numpy's sliding windows."""

import numpy as np
import pytest

from sonotype.frontend.frames import LEAST_BLOCK, cut_frames


# Blocks of 80 and 512 samples are gathered; those of 1, 4, 25 and 31 are not.
@pytest.mark.parametrize(
    ("frame_length", "hop_length"),
    [(400, 160), (2048, 512), (441, 97), (256, 100), (62, 31), (64, 400), (50, 75)],
)
@pytest.mark.parametrize("n_samples", [4_096, 4_111, 5_000])
def test_frames_are_those_of_a_sliding_window(
    frame_length: int, hop_length: int, n_samples: int
) -> None:
    audio = np.arange(2 * n_samples, dtype=np.float32).reshape(2, n_samples)
    n_frames = 1 + (n_samples - frame_length) // hop_length
    windows = np.lib.stride_tricks.sliding_window_view(audio, frame_length, axis=1)
    frames = cut_frames(
        audio, n_frames, frame_length=frame_length, hop_length=hop_length
    )
    np.testing.assert_array_equal(frames, windows[:, ::hop_length])
    # Of a longer clip, only so many are cut.
    fewer = cut_frames(audio, 2, frame_length=frame_length, hop_length=hop_length)
    np.testing.assert_array_equal(fewer, windows[:, : 2 * hop_length : hop_length])


def test_both_ways_are_tried_above() -> None:
    assert 31 < LEAST_BLOCK <= 80
