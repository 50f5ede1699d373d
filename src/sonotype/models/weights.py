"""Find pre-trained weights: a file, Keras's cache, or the publisher's address."""

import contextlib
import hashlib
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras

from sonotype.errors import WeightsError

SUFFIXES = (".h5", ".keras")
# A server that does not answer must not hold up a training run for minutes.
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class PublishedWeights:
    """A file of weights on the internet.

    Args:
        file_name: Its name, there and in the cache.
        address: The folder it is in, ending in a slash.
        md5: The digest its publisher gives.
    """

    file_name: str
    address: str
    md5: str


def find_weights(name: str | Path, published: PublishedWeights) -> Path:
    """Return the file that holds the weights.

    Args:
        name: A file, or `imagenet` for the published one: from the cache of Keras
            (`$KERAS_HOME/models` or `~/.keras/models`) if it is there, otherwise
            downloaded into it and checked against its digest.
        published: The published file.

    Raises:
        WeightsError: If the file does not exist or cannot be had.
    """
    if name == "imagenet":
        return _cached(published) or _downloaded(published)
    path = Path(name)
    if not path.is_file() or path.suffix not in SUFFIXES:
        raise WeightsError(
            f"{path} is not a file of weights ending in .h5 or .keras; "
            "name one, or use --weights imagenet or --weights none"
        )
    return path


def load_weights(model: keras.Model, path: Path) -> None:
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
    """Return whether the file is the published one, by its digest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(
            file, lambda: hashlib.md5(usedforsecurity=False)
        ).hexdigest()
    return digest == published.md5


def cache_folder() -> Path:
    """Return where Keras keeps downloaded weights."""
    home = os.environ.get("KERAS_HOME") or Path("~", ".keras")
    return Path(home).expanduser() / "models"


def _cached(published: PublishedWeights) -> Path | None:
    path = cache_folder() / published.file_name
    return path if path.is_file() and is_published(path, published) else None


def _downloaded(published: PublishedWeights) -> Path:
    folder = cache_folder()
    try:
        # Keras silently goes to /tmp when the folder is missing.
        folder.mkdir(parents=True, exist_ok=True)
        # Keras writes its progress to stdout, which belongs to results.
        with contextlib.redirect_stdout(sys.stderr), _timeout(TIMEOUT_SECONDS):
            path = keras.utils.get_file(
                published.file_name,
                published.address + published.file_name,
                cache_dir=str(folder.parent),
                cache_subdir=folder.name,
                file_hash=published.md5,
                hash_algorithm="md5",
            )
    except Exception as error:  # get_file raises bare Exception when a download fails
        raise WeightsError(
            f"{published.file_name} cannot be downloaded from "
            f"{published.address}{published.file_name} ({_reason(error)}); download it "
            f"elsewhere and put it into {folder}, or train without: --weights none"
        ) from error
    return Path(path)


def _reason(error: Exception) -> str:
    """Return the last part of Keras's message, which says why."""
    return str(error).rpartition(" -- ")[2].rstrip(". ") or type(error).__name__


@contextlib.contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Limit how long the network may be silent; Keras has no option for it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
