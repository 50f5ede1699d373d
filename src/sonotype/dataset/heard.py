"""Which clips a model has heard, told by content, so a test set stays a test set."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from sonotype.clips import Clips
from sonotype.errors import BundleError
from sonotype.runtime import usable_cores

COLUMNS = ("sha256", "path", "label", "group", "split")


def content_hashes(paths: Sequence[Path]) -> list[str]:
    """Return the sha256 of each file's bytes, in hexadecimal."""
    # Many clips may come from one long recording.
    distinct = list(dict.fromkeys(paths))
    # hashlib lets other threads run while it works on more than 2 KB.
    with ThreadPoolExecutor(usable_cores()) as pool:
        known = dict(zip(distinct, pool.map(_content_hash, distinct), strict=True))
    return [known[path] for path in paths]


def heard_table(clips: Clips) -> pl.DataFrame:
    """Return the clips a model was fitted to and chosen by, with `COLUMNS`.

    Paths are written relative to the folder that holds them all, so that a bundle
    tells nothing of the machine it was made on.
    """
    paths = clips.paths()
    root = Path(os.path.commonpath(paths)) if len(paths) > 1 else paths[0].parent
    return pl.DataFrame(
        {
            "sha256": content_hashes(paths),
            "path": [path.relative_to(root).as_posix() for path in paths],
            "label": clips.frame["labels"].list.join(","),
            "group": clips.frame["group"],
            "split": clips.frame["split"],
        }
    )


def unheard(clips: Clips, table: Path) -> Clips:
    """Return the clips whose files a model has not heard, under whatever name.

    Args:
        clips: Clips to choose from.
        table: The model's `heard.csv`.

    Raises:
        BundleError: If the table cannot be read.
    """
    try:
        heard = set(pl.read_csv(table, columns=["sha256"])["sha256"])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BundleError(f"{table} cannot be read: {error}") from error
    hashes = content_hashes(clips.paths())
    fresh = [position for position, key in enumerate(hashes) if key not in heard]
    return clips.select(np.array(fresh, dtype=np.int64))


def _content_hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
