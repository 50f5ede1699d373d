"""Random numbers that differ from example to example."""

import math

import keras
from keras import ops


def uniform_per_example(
    examples: keras.KerasTensor,
    low: float,
    high: float,
    seed: keras.random.SeedGenerator,
) -> keras.KerasTensor:
    """Draw one number for each example of a batch.

    Args:
        examples: A batch; only its shape is used.
        low: Least value.
        high: Greatest value, left out.
        seed: Where the numbers come from.

    Returns:
        Shape `(batch, 1, ..., 1)` with as many axes as `examples`.

    Example:
        >>> clips = keras.ops.zeros((4, 16_000))
        >>> seed = keras.random.SeedGenerator(0)
        >>> tuple(uniform_per_example(clips, -6.0, 6.0, seed).shape)
        (4, 1)
    """
    shape = (ops.shape(examples)[0],) + (1,) * (len(examples.shape) - 1)
    return keras.random.uniform(shape, low, high, dtype="float32", seed=seed)


def chosen_per_example(
    examples: keras.KerasTensor, probability: float, seed: keras.random.SeedGenerator
) -> keras.KerasTensor:
    """Draw for each example whether it is chosen.

    Returns:
        True or False, of shape `(batch, 1, ..., 1)` with the axes of `examples`.
    """
    return uniform_per_example(examples, 0.0, 1.0, seed) < probability


def log_uniform_per_example(
    examples: keras.KerasTensor,
    low: float,
    high: float,
    seed: keras.random.SeedGenerator,
) -> keras.KerasTensor:
    """Draw one number above 0 for each example, each octave as likely as another.

    Returns:
        Shape `(batch, 1, ..., 1)` with the axes of `examples`.
    """
    exponent = uniform_per_example(examples, math.log(low), math.log(high), seed)
    return ops.exp(exponent)
