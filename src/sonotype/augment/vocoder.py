"""Stretch sound in time without changing its pitch: a phase vocoder."""

import math

import keras
import numpy as np
from keras import ops

from sonotype.augment.interpolation import interpolate_rows

# Long enough to tell the harmonics of a voice apart, short enough for its syllables.
FRAME_SECONDS = 0.032
HOPS_PER_FRAME = 4
# Hann windows, squared, at every quarter of a frame add up to this.
WINDOW_SUM = 1.5
LEAST_MAGNITUDE = 1e-20


def hop_samples(sample_rate: int) -> int:
    """Return the hop, a power of two: a quarter of a frame of about 32 ms.

    Example:
        >>> hop_samples(16_000), hop_samples(44_100)
        (128, 256)
    """
    frame = FRAME_SECONDS * sample_rate
    return max(4, 2 ** round(math.log2(max(frame, 1.0) / HOPS_PER_FRAME)))


def stretch_clips(
    audio: keras.KerasTensor, speed: keras.KerasTensor, *, hop: int, n_frames: int
) -> keras.KerasTensor:
    """Play each clip at a speed of its own and keep its pitch.

    The magnitudes of spectra are read between frames; phases go on from frame to frame
    as fast as they did in the clip. In the middle they are those of the clip, so that
    the attacks there stay sharp.

    Args:
        audio: Shape `(batch, samples)`.
        speed: Shape `(batch, 1)`; 2 is twice as fast.
        hop: Samples between frames, from `hop_samples`.
        n_frames: Hops of sound to return, at least 1.

    Returns:
        Shape `(batch, n_frames * hop)`. Sample `n_frames // 2 * hop` is where the clip
        was at `middle_hop(samples) * hop`; around a clip is silence.

    References:
        Flanagan and Golden, Phase Vocoder, Bell System Technical Journal 1966.
    """
    magnitude, angle = _analyse(audio, hop)  # (batch, frames, bins)
    n_read = magnitude.shape[1]
    middle, start = n_frames // 2 + 1, middle_hop(audio.shape[1], hop) + 1
    steps = ops.arange(n_frames + 3, dtype="float32") - float(middle)
    positions = steps * speed + float(start)
    before = ops.clip(ops.floor(positions), 0.0, float(n_read - 2))
    advance = _wrapped(angle[:, 1:] - angle[:, :-1])
    turned = ops.cumsum(interpolate_rows(advance, before), axis=1)
    # The sum up to a frame without its own advance is the phase that it starts with.
    turned = ops.pad(turned, [[0, 0], [1, 0], [0, 0]])[:, :-1]
    phase = turned - turned[:, middle, None] + angle[:, start, None]
    return _synthesise(interpolate_rows(magnitude, positions), phase, hop)


def middle_hop(n_samples: int, hop: int) -> int:
    """Return the hop nearest to the middle of a clip, which stays where it is."""
    return round(n_samples / 2 / hop)


def _analyse(
    audio: keras.KerasTensor, hop: int
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return magnitude and phase of frames centred on hops, the first on hop -1."""
    n_samples = audio.shape[1]
    n_frames = -(-n_samples // hop) + 3
    n_pieces = n_frames + HOPS_PER_FRAME - 1
    before = (HOPS_PER_FRAME // 2 + 1) * hop
    after = n_pieces * hop - before - n_samples
    padded = ops.pad(audio, [[0, 0], [before, after]])
    pieces = ops.reshape(padded, (-1, n_pieces, hop))
    frames = ops.concatenate(
        [pieces[:, part : part + n_frames] for part in range(HOPS_PER_FRAME)], axis=2
    )
    real, imaginary = ops.rfft(frames * _window(hop))
    magnitude = ops.sqrt(ops.square(real) + ops.square(imaginary))
    return magnitude, ops.arctan2(imaginary, real)


def _synthesise(
    magnitude: keras.KerasTensor, phase: keras.KerasTensor, hop: int
) -> keras.KerasTensor:
    """Return the sound of frames, overlapped and added, from hop 0 on."""
    parts = _locked(magnitude * ops.cos(phase), magnitude * ops.sin(phase), magnitude)
    frames = ops.irfft(parts) * (_window(hop) / WINDOW_SUM)
    n_frames = frames.shape[1]
    last = HOPS_PER_FRAME - 1
    moved = [
        ops.pad(
            frames[:, :, part * hop : (part + 1) * hop],
            [[0, 0], [part, last - part], [0, 0]],
        )
        for part in range(HOPS_PER_FRAME)
    ]
    total = sum(moved[1:], moved[0])
    # Before hop 0 and after the last, frames are missing from the sum.
    first, n_hops = HOPS_PER_FRAME // 2 + 1, n_frames - 3
    kept = total[:, first : first + n_hops]  # (batch, hops, hop)
    return ops.reshape(kept, (-1, n_hops * hop))


def _locked(
    real: keras.KerasTensor, imaginary: keras.KerasTensor, magnitude: keras.KerasTensor
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return spectra in which the bins around a peak have the phase of the peak.

    Left alone they drift apart, and the sound loses its attacks and some level. Under
    a Hann window, neighbours on a peak have opposite signs.
    """
    real, imaginary = _with_neighbours(real), _with_neighbours(imaginary)
    length = ops.sqrt(ops.square(real) + ops.square(imaginary))
    scale = magnitude / ops.maximum(length, LEAST_MAGNITUDE)
    return real * scale, imaginary * scale


def _with_neighbours(part: keras.KerasTensor) -> keras.KerasTensor:
    """Subtract from each bin the one below and the one above it."""
    around = ops.pad(part, [[0, 0], [0, 0], [1, 1]])
    return part - around[:, :, :-2] - around[:, :, 2:]


def _window(hop: int) -> np.ndarray:
    """Return a periodic Hann window."""
    return np.hanning(HOPS_PER_FRAME * hop + 1)[:-1].astype(np.float32)


def _wrapped(phase: keras.KerasTensor) -> keras.KerasTensor:
    """Return the same angle between minus and plus half a turn."""
    turns = ops.round(phase / (2.0 * math.pi))
    return phase - 2.0 * math.pi * turns
