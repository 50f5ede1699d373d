"""`sonotype cache`: how much room decoded audio takes, and getting it back."""

from enum import StrEnum
from typing import Annotated

import typer

from sonotype.errors import SettingError
from sonotype.interfaces.cli.console import emit, emit_table, plain_table, say
from sonotype.interfaces.cli.options import CacheOption


class Action(StrEnum):
    """What to do with the cache."""

    list = "list"
    clear = "clear"


def cache(
    action: Annotated[
        Action, typer.Argument(help="Show what is in it, or delete it all.")
    ],
    *,
    cache: CacheOption = None,
) -> None:
    """Show or clear the cache of decoded audio; it is filled again when needed."""
    from sonotype.dataset.cache.audio_cache import default_cache_folder
    from sonotype.dataset.cache.cache_folder import (
        clear_cache,
        list_cache,
        remove_strays,
    )

    root = default_cache_folder() if cache is None else cache
    if root.exists() and not root.is_dir():
        raise SettingError(f"{root} is a file, not a folder of decoded audio")
    if action is Action.clear:
        n_files, n_bytes = clear_cache(root)
        emit(f"removed {n_files} files, {n_bytes / 1e6:.1f} MB, from {root}")
        return
    say(f"decoded audio in {root}")
    n_files, n_bytes = remove_strays(root)
    if n_files:
        say(f"removed {n_files} files that killed builds left, {n_bytes / 1e6:.1f} MB")
    entries = list_cache(root)
    table = plain_table(["sample rate", "clips", "MB"])
    for entry in entries:
        size = f"{entry.n_bytes / 1e6:.1f}"
        table.add_row(f"{entry.sample_rate} Hz", str(entry.n_clips), size)
    n_clips = sum(entry.n_clips for entry in entries)
    n_bytes = sum(entry.n_bytes for entry in entries)
    table.add_row("all", str(n_clips), f"{n_bytes / 1e6:.1f}")
    emit_table(table)
