"""Read rows between rows: what stretching sounds and spectrograms has in common."""

import keras
from keras import ops


def interpolate_rows(
    rows: keras.KerasTensor, positions: keras.KerasTensor
) -> keras.KerasTensor:
    """Read each example's rows at positions of its own, linearly between neighbours.

    Outside the rows everything is zero; an edge is held where the caller clips the
    positions to `0 ... n_rows - 1`.

    Args:
        rows: Shape `(batch, n_rows, ...)`; one sample or a whole spectrum is a row.
        positions: Row numbers with fractions, of shape `(batch, n_positions)`.

    Returns:
        Shape `(batch, n_positions, ...)`.

    Example:
        >>> rows = keras.ops.array([[0.0, 10.0, 20.0]])
        >>> read = interpolate_rows(rows, keras.ops.array([[0.25, 2.0, 9.0]]))
        >>> keras.ops.convert_to_numpy(read).tolist()
        [[2.5, 20.0, 0.0]]
    """
    n_rows, tail = ops.shape(rows)[1], ops.shape(rows)[2:]
    # One zero row before and two behind stand for everything outside.
    padded = ops.pad(rows, [[0, 0], [1, 2], *([0, 0] for _ in tail)])
    positions = ops.clip(positions, -1.0, n_rows)
    below = ops.floor(positions)
    fraction = positions - below
    for _ in tail:
        fraction = ops.expand_dims(fraction, axis=-1)
    first = ops.expand_dims(ops.arange(ops.shape(rows)[0]) * (n_rows + 3), axis=-1)
    below = ops.cast(below, "int32") + 1 + first  # row in the flattened batch
    # Taking from one flat axis is several times faster than along an axis of a batch.
    flat = ops.reshape(padded, (-1, *tail))
    lower = ops.take(flat, below, axis=0)  # (batch, n_positions, ...)
    upper = ops.take(flat, below + 1, axis=0)
    return lower + fraction * (upper - lower)
