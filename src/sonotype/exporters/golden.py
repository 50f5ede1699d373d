"""Inputs whose scores are written into a bundle, for every runtime to check itself."""

import numpy as np


def golden_inputs(n_samples: int, sample_rate: int) -> dict[str, np.ndarray]:
    """Return made-up clips that exercise a model, int16 `(n_samples,)` by name.

    They are synthetic, so a bundle never carries anyone's recording, and int16, so
    every reader gives the same floats (value / 32768).

    Example:
        >>> sorted(golden_inputs(16_000, 16_000))
        ['chirp', 'noise', 'silence']
    """
    seconds = np.arange(n_samples) / sample_rate
    # A linear chirp from 50 Hz to nine tenths of the Nyquist frequency.
    slope = 0.45 * sample_rate / (n_samples / sample_rate)
    phase = 2 * np.pi * (50.0 * seconds + slope / 2 * seconds**2)
    noise = np.random.default_rng(0).normal(scale=0.1, size=n_samples)
    clips = {
        "silence": np.zeros(n_samples),
        "chirp": 0.5 * np.sin(phase),
        "noise": np.clip(noise, -0.9, 0.9),
    }
    return {
        name: np.round(clip * 32767).astype(np.int16) for name, clip in clips.items()
    }
