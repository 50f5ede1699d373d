"""How reports and messages put numbers and names."""

import math
from typing import Any

# Names a message lists before it says how many more there are.
N_NAMES_SHOWN = 5
# Longer names are shortened in the middle, where those of one list differ least.
MOST_CHARACTERS = 28


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless there is one.

    Example:
        >>> counted(1, "group"), counted(1_500, "clip")
        ('1 group', '1,500 clips')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shown(names: list[str]) -> str:
    """List the first names, and how many there are beyond them."""
    first = ", ".join(repr(name) for name in names[:N_NAMES_SHOWN])
    n_more = len(names) - N_NAMES_SHOWN
    return f"{first} and {n_more} more" if n_more > 0 else first


def shortened(name: str) -> str:
    """Return the name, without its middle if it is long."""
    if len(name) <= MOST_CHARACTERS:
        return name
    half = (MOST_CHARACTERS - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Replace nan, which JSON has no word for, by `None`."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in fields.items()
    }
