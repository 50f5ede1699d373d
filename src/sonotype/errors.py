"""Every error sonotype raises on purpose.

    SonotypeError
    ├── SettingError            an option or setting is unknown or out of range
    ├── DataError               a data set cannot be used as asked
    │   └── AudioError          one audio file cannot be decoded
    ├── BundleError             a bundle is missing, broken, edited or too new
    ├── ExportError             an exported file disagrees with its model
    ├── WeightsError            pre-trained weights are not to be had
    └── MissingDependencyError  an optional package is not installed

A message says what is wrong, what was given and what to do, in one sentence or two.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class SonotypeError(Exception):
    """Root of the tree; `exit_code` is what the command line exits with."""

    exit_code = 1


class SettingError(SonotypeError):
    """An option or setting is unknown or out of range."""

    exit_code = 2


class DataError(SonotypeError):
    """A data set cannot be used as asked."""


class AudioError(DataError):
    """One audio file cannot be decoded."""


class BundleError(SonotypeError):
    """A bundle is missing, broken, edited or newer than this sonotype."""


class ExportError(SonotypeError):
    """An exported file does not load or disagrees with its model."""


class WeightsError(SonotypeError):
    """Pre-trained weights are not on this machine and could not be fetched."""


class MissingDependencyError(SonotypeError):
    """An optional package is not installed.

    Args:
        package: Name of the missing package.
        extra: The sonotype extra that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs {package}, which is not installed; "
            f"run: pip install 'sonotype[{extra}]'"
        )


def unknown_name(kind: str, name: str, known: Iterable[str]) -> SettingError:
    """Return the error for a name that is not in a table, with the nearest one.

    Example:
        >>> print(unknown_name("label", "yess", ["no", "yes"]))
        label 'yess' is unknown (did you mean 'yes'?); choose from no, yes
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return SettingError(
        f"{kind} {name!r} is unknown{hint}; choose from {', '.join(names)}"
    )
