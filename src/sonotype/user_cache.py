"""Where sonotype keeps on this machine what it can make or fetch again."""

import os
from pathlib import Path


def default_cache_folder() -> Path:
    """Return where decoded audio and weights are kept unless another place is named.

    `$SONOTYPE_CACHE`, or `$XDG_CACHE_HOME/sonotype`, or `~/.cache/sonotype`.
    """
    if chosen := os.environ.get("SONOTYPE_CACHE"):
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "sonotype"
