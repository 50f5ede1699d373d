"""CRNN: convolutions find sounds, a recurrent network follows them through time."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from sonotype.errors import SettingError, unknown_name
from sonotype.models.blocks import (
    as_frames,
    as_map,
    begin,
    check_at_least_one,
    normalize,
)

CELLS = {"gru": layers.GRU, "lstm": layers.LSTM}


def crnn(
    input_shape: Sequence[int],
    *,
    channels: Sequence[int] = (16, 32, 64),
    cell: str = "gru",
    n_units: int = 64,
    n_recurrent_layers: int = 1,
    bidirectional: bool = True,
) -> keras.Model:
    """Build 3x3 convolutions that halve the bands, then recurrent layers.

    For sounds whose order matters over more frames than a kernel sees. The first
    two pools halve time too, because a recurrent network goes through it step by step:
    it trains and runs slower than convolutions of the same size.

    Args:
        input_shape: Shape of a clip's features: `(time, frequency)`, or `(time,
            frequency, channel)`.
        channels: Channels of each convolution.
        cell: `gru` or `lstm`.
        n_units: State of each recurrent layer, in one direction.
        n_recurrent_layers: How many follow one another.
        bidirectional: Go through time both ways and join the two; not for sound that
            is scored while it arrives.

    Returns:
        A model from features to a feature map `(batch, time / 4, 1, n_units)`, twice
        as many channels if bidirectional.

    Raises:
        SettingError: If the features or an option do not fit.

    References:
        Arik et al., Convolutional Recurrent Neural Networks for Small-Footprint
        Keyword Spotting, Interspeech 2017, arXiv 1703.05390.
        Cakir et al., Convolutional Recurrent Neural Networks for Polyphonic Sound
        Event Detection, IEEE/ACM TASLP 2017, arXiv 1702.06286.

    Example:
        >>> crnn((98, 40)).output_shape
        (None, 24, 1, 128)
    """
    if cell not in CELLS:
        raise unknown_name("CRNN: cell", cell, CELLS)
    if not channels:
        raise SettingError("CRNN: channels needs one number a convolution; give some")
    check_at_least_one(
        "CRNN",
        channels=min(channels),
        n_units=n_units,
        n_recurrent_layers=n_recurrent_layers,
    )
    pools = [(2 if position < 2 else 1, 2) for position in range(len(channels))]
    n_frames = min(4, 2 ** len(channels))
    least = (n_frames, 2 ** len(channels))
    features, flow = begin("CRNN", input_shape, least=least)
    for n_channels, pool in zip(channels, pools, strict=True):
        flow = layers.Conv2D(
            n_channels,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
        )(flow)
        flow = layers.MaxPooling2D(pool)(normalize(flow))
    flow = as_frames(flow)
    for _ in range(n_recurrent_layers):
        flow = _recurrent(cell, n_units, bidirectional)(flow)
    return keras.Model(features, as_map(flow), name="crnn")


def _recurrent(cell: str, n_units: int, bidirectional: bool) -> Any:
    # Left as a loop, which LiteRT has as WHILE: the file is a third of an unrolled one.
    layer = CELLS[cell](n_units, return_sequences=True)
    return layers.Bidirectional(layer) if bidirectional else layer
