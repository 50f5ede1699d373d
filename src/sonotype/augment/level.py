"""How loud a clip is: as a whole, or where something is heard."""

import keras
from keras import ops

from sonotype.errors import unknown_name

# 16 ms at 16 kHz: a syllable is many of them, a pause between words too.
FRAME_SAMPLES = 256
# A word's weak sounds are within 25 dB of its loudest; the silence around it is not.
ACTIVE_WITHIN = 10.0**-2.5


def mean_power(audio: keras.KerasTensor) -> keras.KerasTensor:
    """Return the mean square of each clip, `(batch, 1)`."""
    return ops.mean(ops.square(audio), axis=1, keepdims=True)


def active_power(audio: keras.KerasTensor) -> keras.KerasTensor:
    """Return the mean square of each clip over its active frames, `(batch, 1)`.

    A frame of 256 samples is active if its power is within 25 dB of the loudest one.
    Silence around a sound then does not make it count as quiet. Samples after the last
    whole frame are left out; a clip shorter than a frame is one frame.

    Example:
        >>> import numpy as np
        >>> beep = np.zeros((1, 2_560), np.float32)
        >>> beep[0, :256] = 1.0
        >>> float(mean_power(beep)[0, 0]), float(active_power(beep)[0, 0])
        (0.10000000149011612, 1.0)
    """
    n_samples = audio.shape[1]
    if n_samples < FRAME_SAMPLES:
        return mean_power(audio)
    n_frames = n_samples // FRAME_SAMPLES
    frames = ops.reshape(
        audio[:, : n_frames * FRAME_SAMPLES], (-1, n_frames, FRAME_SAMPLES)
    )
    power = ops.mean(ops.square(frames), axis=2)  # (batch, frames)
    loudest = ops.max(power, axis=1, keepdims=True)
    active = ops.cast(power >= ACTIVE_WITHIN * loudest, power.dtype)
    # The loudest frame is always active, so this never divides by 0.
    total = ops.sum(active * power, axis=1, keepdims=True)
    return total / ops.sum(active, axis=1, keepdims=True)


LEVELS = {"clip": mean_power, "active": active_power}


def require_level(name: str) -> None:
    """Refuse a way to measure the level that there is not."""
    if name not in LEVELS:
        raise unknown_name("snr_of", name, LEVELS)
