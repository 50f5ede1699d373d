"""What the networks that learned from photographs share: their input is a picture."""

from collections.abc import Sequence

from sonotype.errors import SettingError

# Each halves its input five times, so a smaller picture ends as less than one value.
SMALLEST_SIDE = 32


def check_picture(network: str, input_shape: Sequence[int]) -> None:
    """Refuse features that are no picture of at least 32 x 32.

    Args:
        network: Name of the network, for the message.
        input_shape: Shape of a clip's features.

    Raises:
        SettingError: If they have other than three axes or too few rows or columns.

    Example:
        >>> check_picture("EfficientNetB0", (98, 64))
        Traceback (most recent call last):
        sonotype.errors.SettingError: EfficientNetB0 needs pictures (height, width, \
channel) of at least 32 x 32, not (98, 64); put to_image at the end of the front end
    """
    if len(input_shape) != 3 or min(input_shape[:2]) < SMALLEST_SIDE:
        raise SettingError(
            f"{network} needs pictures (height, width, channel) of at least "
            f"{SMALLEST_SIDE} x {SMALLEST_SIDE}, not {tuple(input_shape)}; "
            "put to_image at the end of the front end"
        )
