"""What augmentation layers refuse, said in one sentence each."""

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


def require_share(name: str, share: float) -> None:
    """Refuse a share of an axis that is not from 0 to below 1."""
    if not 0.0 <= share < 1.0:
        raise SettingError(f"{name} must be from 0 to below 1, not {share:g}")
