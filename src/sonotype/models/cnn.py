"""A plain convolutional network, the baseline of every comparison."""

from collections.abc import Sequence

import keras
from keras import layers

from sonotype.errors import SettingError
from sonotype.models.blocks import begin, check_at_least_one, normalize


def cnn(
    input_shape: Sequence[int],
    *,
    channels: Sequence[int] = (16, 32, 64, 128),
    n_convolutions: int = 2,
) -> keras.Model:
    """Build blocks of 3x3 convolutions, each block but the last halved by pooling.

    No shortcuts, nothing separable, nothing to explain: start here when a network of
    your own is to be compared with something.

    Args:
        input_shape: Shape of a clip's features: `(time, frequency)`, or `(time,
            frequency, channel)`.
        channels: Channels of each block.
        n_convolutions: Convolutions in a block.

    Returns:
        A model from features to a feature map `(batch, time, frequency, channels)`.

    Raises:
        SettingError: If the features or an option do not fit.

    References:
        Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image
        Recognition, ICLR 2015.
        Hershey et al., CNN Architectures for Large-Scale Audio Classification,
        ICASSP 2017.

    Example:
        >>> cnn((96, 64)).output_shape
        (None, 12, 8, 128)
    """
    if not channels:
        raise SettingError("CNN: channels needs one number for each block; give some")
    check_at_least_one("CNN", channels=min(channels), n_convolutions=n_convolutions)
    side = 2 ** (len(channels) - 1)
    features, flow = begin("CNN", input_shape, least=(side, side))
    for position, n_channels in enumerate(channels):
        if position:
            flow = layers.MaxPooling2D(2)(flow)
        for _ in range(n_convolutions):
            flow = layers.Conv2D(
                n_channels,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
            )(flow)
            flow = normalize(flow)
    return keras.Model(features, flow, name="cnn")
