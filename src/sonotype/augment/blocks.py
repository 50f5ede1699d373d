"""Copy stretches of sound in blocks of samples."""

import keras
from keras import ops

# Looking up single samples takes ten times as long as copying them eight at a time,
# and half a millisecond at 16 kHz is as good as any start for noise or a shift.
BLOCK = 8


def to_blocks(samples: keras.KerasTensor) -> keras.KerasTensor:
    """Return samples, in a multiple of `BLOCK`, as rows of `(blocks, BLOCK)`."""
    return ops.reshape(samples, (-1, BLOCK))


def take_blocks(
    blocks: keras.KerasTensor, positions: keras.KerasTensor
) -> keras.KerasTensor:
    """Return the samples of chosen blocks.

    Args:
        blocks: Rows of samples, `(blocks, BLOCK)`.
        positions: Which ones, in order, `(batch, n)`.

    Returns:
        Samples, `(batch, n * BLOCK)`.

    Example:
        >>> blocks = to_blocks(keras.ops.arange(24))
        >>> samples = take_blocks(blocks, keras.ops.array([[2, 0]]))
        >>> keras.ops.convert_to_numpy(samples)[0, [0, 8]].tolist()
        [16, 0]
    """
    taken = ops.take(blocks, positions, axis=0)  # (batch, n, BLOCK)
    return ops.reshape(taken, (-1, ops.shape(positions)[1] * BLOCK))
