"""What augmentation layers refuse, said in one sentence each."""

from collections.abc import Sequence

from sonotype.errors import SettingError

Shape = tuple[int | None, ...]


def require_waveforms(layer_name: str, shape: Shape) -> None:
    """Refuse anything that is not a batch of waveforms."""
    if len(shape) != 2:
        raise SettingError(
            f"{layer_name} changes waveforms of shape (batch, samples), "
            f"not {tuple(shape)}; apply it before the front end"
        )


def require_spectrograms(layer_name: str, shape: Shape) -> None:
    """Refuse anything that is not a batch of spectrograms or their pictures."""
    if len(shape) not in (3, 4):
        raise SettingError(
            f"{layer_name} changes spectrograms of shape (batch, time, frequency), "
            f"not {tuple(shape)}; apply it after the front end"
        )


def require_probability(probability: float) -> None:
    """Refuse a probability that is none."""
    if not 0.0 <= probability <= 1.0:
        raise SettingError(f"probability must be from 0 to 1, not {probability:g}")


def require_order(name: str, low: float, high: float) -> None:
    """Refuse a range whose ends are swapped."""
    if not low <= high:
        raise SettingError(
            f"{name} must go from low to high, not from {low:g} to {high:g}"
        )


def require_range(name: str, ends: Sequence[float]) -> tuple[float, float]:
    """Return the two ends of a range; refuse anything else than low and high."""
    if len(ends) != 2 or not all(isinstance(end, int | float) for end in ends):
        raise SettingError(f"{name} must be two numbers, not {ends!r}")
    low, high = ends
    require_order(name, low, high)
    return low, high


def require_share(name: str, share: float) -> None:
    """Refuse a share of an axis that is not from 0 to below 1."""
    if not 0.0 <= share < 1.0:
        raise SettingError(f"{name} must be from 0 to below 1, not {share:g}")


def require_rate(sample_rate: int) -> None:
    """Refuse a sample rate that is none."""
    if sample_rate < 1:
        raise SettingError(f"sample_rate must be above 0, not {sample_rate}")


def require_cutoffs(
    name: str, cutoffs_hz: Sequence[float], sample_rate: int
) -> tuple[float, float]:
    """Return a range of frequencies; refuse those that the clips cannot hold."""
    require_rate(sample_rate)
    low, high = require_range(name, cutoffs_hz)
    if not 0 < low <= high <= sample_rate / 2:
        raise SettingError(
            f"{name} must be above 0 and at most half the sample rate, "
            f"{sample_rate / 2:g} Hz, not from {low:g} to {high:g}"
        )
    return low, high


def require_above_zero(name: str, ends: Sequence[float]) -> tuple[float, float]:
    """Return a range of numbers above 0; refuse any other."""
    low, high = require_range(name, ends)
    if not low > 0:
        raise SettingError(f"{name} must be above 0, not {low:g}")
    return low, high


def require_order_of_filter(order: int) -> None:
    """Refuse a filter without steepness."""
    if order < 1:
        raise SettingError(f"order must be at least 1, not {order}")
