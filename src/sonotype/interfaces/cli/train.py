"""`sonotype train`: labelled recordings to a bundle."""

from pathlib import Path
from typing import Annotated

import typer

from sonotype.interfaces.cli.console import ConsoleObserver, emit, say, say_rejected
from sonotype.interfaces.cli.options import (
    CacheOption,
    ClassesOption,
    DataArgument,
    ForceOption,
    GroupByOption,
    split_names,
)


def train(
    data: DataArgument,
    *,
    out: Annotated[Path, typer.Option(help="The bundle to make: NAME.sonotype.")],
    recipe: Annotated[
        str | None,
        typer.Option(help="Built-in settings to start from: default or article."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file whose settings replace the recipe's.")
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="How the data is laid out: auto (the default), folder, table, "
            "audiofolder, annotated, esc, fsdd, urbansound, speech_commands, or a "
            "protocol of the last: speech_commands:12-class, :35-class, :8-words."
        ),
    ] = None,
    classes: ClassesOption = None,
    group_by: GroupByOption = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training clips.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="Starting weights: none, imagenet, or a weights file."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of split and training.")
    ] = None,
    cache: CacheOption = None,
    force: ForceOption = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if any file cannot be read.")
    ] = False,
) -> None:
    """Train a classifier on recordings in class folders, or in another layout."""
    from sonotype.dataset.readers.layout import recognise
    from sonotype.interfaces.workflow import train_folder
    from sonotype.settings import read_settings

    settings = read_settings(
        recipe,
        config=config,
        overrides={
            "data.layout": layout,
            "data.classes": split_names(classes),
            "data.group_by": group_by,
            "training.epochs": epochs,
            "model.weights": weights,
            "seed": seed,
        },
    )
    say(f"{data}: {recognise(data, settings.data.layout)}")
    with ConsoleObserver() as observer:
        outcome = train_folder(
            data,
            out,
            settings,
            observer,
            replace=force,
            cache_folder=cache,
            strict=strict,
        )
    say_rejected(outcome.rejected, where=f", listed in {out / 'rejected.csv'}")
    if outcome.report and outcome.shipped:
        emit(f"Keras   {outcome.report}")
        emit(f"LiteRT  {outcome.shipped}")
    say(f"wrote {out}; next: sonotype predict {out} FILE...")
