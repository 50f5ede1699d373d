"""`sonotype get`: public data sets, fetched from their publishers."""

from pathlib import Path
from typing import Annotated

import typer

from sonotype.interfaces.cli.console import (
    ConsoleObserver,
    emit,
    emit_table,
    plain_table,
    say,
)
from sonotype.interfaces.cli.options import ForceOption


def get(
    name: Annotated[
        str | None, typer.Argument(help="A data set; --list shows them all.")
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make. Default: NAME.")
    ] = None,
    list_all: Annotated[
        bool, typer.Option("--list", help="Show what can be fetched, and stop.")
    ] = False,
    force: ForceOption = False,
) -> None:
    """Fetch a public data set from its publisher, check and unpack it."""
    from sonotype.dataset.published.catalogue import fetch_data_set, find_data_set
    from sonotype.errors import SettingError

    if list_all:
        print_catalogue()
        return
    if name is None:
        raise SettingError("get needs the name of a data set; --list shows them all")
    data_set = find_data_set(name)
    say(f"{data_set.title}\n  from     {data_set.address}")
    say(f"  licence  {data_set.licence}\n  cite     {data_set.citation}")
    folder = Path(name) if out is None else out
    with ConsoleObserver() as observer:
        fetched = fetch_data_set(data_set, folder, replace=force, observer=observer)
    if not fetched.is_new:
        say(f"{folder} holds it already; pass --force to fetch it again")
    elif not data_set.sha256:
        say(f"no hash of it is published; this one has sha256 {fetched.sha256}")
    if fetched.earlier not in ("", fetched.sha256):
        say(f"the publisher has changed it: it had sha256 {fetched.earlier}")
    emit(str(folder))


def print_catalogue() -> None:
    """Print name, size and title of each data set, and its licence."""
    from sonotype.dataset.published.catalogue import read_catalogue

    table = plain_table(["name"])
    table.add_column("MB", justify="right")
    table.add_column("what it is", overflow="fold")
    for data_set in read_catalogue().values():
        size = f"{data_set.n_bytes / 1e6:.0f}" if data_set.n_bytes else "?"
        licence = data_set.licence.partition(",")[0]
        table.add_row(data_set.name, size, f"{data_set.title} ({licence})")
    emit_table(table)
