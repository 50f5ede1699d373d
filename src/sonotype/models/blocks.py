"""What the networks made for sound share: how they begin, and how they normalise."""

from collections.abc import Sequence

import keras
from keras import layers

from sonotype.errors import SettingError
from sonotype.models.residual import BATCH_NORM_MOMENTUM


def begin(
    network: str, input_shape: Sequence[int], *, least: tuple[int, int] = (1, 1)
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the input of a network, and the same features with a channel axis.

    Args:
        network: Its name, for the error message.
        input_shape: Shape of a clip's features: `(time, frequency)`, or `(time,
            frequency, channel)`.
        least: Frames and bands that the network needs.

    Raises:
        SettingError: If the features have neither two nor three axes, or are too small.

    Example:
        >>> inputs, features = begin("a network", (98, 40))
        >>> inputs.shape, features.shape
        ((None, 98, 40), (None, 98, 40, 1))
    """
    shape = tuple(input_shape)
    if len(shape) not in (2, 3):
        raise SettingError(
            f"{network} needs features of shape (time, frequency[, channel]), "
            f"not {shape}; add a spectrogram layer to the front end"
        )
    if shape[0] < least[0] or shape[1] < least[1]:
        raise SettingError(
            f"{network} needs at least {least[0]} frames of {least[1]} bands, but the "
            f"front end makes {shape[0]} of {shape[1]}; use longer clips, a shorter "
            "hop or more bands"
        )
    inputs = keras.Input(shape, name="features")
    if len(shape) == 3:
        return inputs, inputs
    return inputs, layers.Reshape((*shape, 1))(inputs)


def normalize(
    flow: keras.KerasTensor, activation: str | None = "relu"
) -> keras.KerasTensor:
    """Normalise what a convolution made over the batch, then apply an activation."""
    flow = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(flow)
    return layers.Activation(activation)(flow) if activation else flow


def as_frames(flow: keras.KerasTensor) -> keras.KerasTensor:
    """Fold frequency and channel into one axis, `(batch, time, channel)`."""
    n_frames, n_bands, n_channels = flow.shape[1:]
    return layers.Reshape((n_frames, n_bands * n_channels))(flow)


def as_map(flow: keras.KerasTensor) -> keras.KerasTensor:
    """Give frames the frequency axis of one band that every feature map has."""
    n_frames, n_channels = flow.shape[1:]
    return layers.Reshape((n_frames, 1, n_channels))(flow)


def check_at_least_one(network: str, **numbers: int) -> None:
    """Refuse a number below one.

    Raises:
        SettingError: Naming the network, the option and what was given.
    """
    for name, number in numbers.items():
        if number < 1:
            raise SettingError(f"{network}: {name} must be at least 1, not {number}")


def check_dropout(network: str, block_dropout: float) -> None:
    """Refuse a share of features to drop that is none.

    Raises:
        SettingError: Naming the network and what was given.
    """
    if not 0.0 <= block_dropout < 1.0:
        raise SettingError(
            f"{network}: block_dropout must be from 0 to below 1, not {block_dropout:g}"
        )
