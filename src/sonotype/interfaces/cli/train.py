"""`sonotype train`: labelled recordings to a bundle."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonotype.errors import SettingError
from sonotype.interfaces.cli.console import ConsoleObserver, emit, say, say_rejected
from sonotype.interfaces.cli.options import (
    CacheOption,
    ClassesOption,
    DataArgument,
    ForceOption,
    GroupByOption,
    parse_seconds,
    split_names,
)

if TYPE_CHECKING:
    from sonotype.interfaces.workflow import Auto

AUTO = "auto"


class Transfer(StrEnum):
    """What of a pre-trained network learns."""

    auto = AUTO
    frozen = "frozen"
    finetune = "finetune"
    scratch = "scratch"


def train(
    data: DataArgument,
    *,
    out: Annotated[Path, typer.Option(help="The bundle to make: NAME.sonotype.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Built-in settings to start from: auto (the default: tries the "
            "pre-trained backbones at hand), default, article, speech_embedding, "
            "efficientat, birdnet, pictures."
        ),
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
        typer.Option(
            help="Starting weights: none, pretrained, or a file or folder of weights."
        ),
    ] = None,
    transfer: Annotated[
        Transfer | None,
        typer.Option(
            help="What of a pre-trained network learns: the head alone (frozen), its "
            "upper layers too (finetune), everything (scratch). auto: what pays."
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            parser=parse_seconds,
            metavar="TIME",
            help="Time for auto to try and train: 90s, 2m, 1h. Default: 2 minutes per "
            "1000 clips.",
        ),
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

    auto = _auto(recipe, config, epochs, weights, transfer, budget)
    settings = read_settings(
        "default" if auto else recipe,
        config=config,
        overrides={
            "data.layout": layout,
            "data.classes": split_names(classes),
            "data.group_by": group_by,
            "training.epochs": epochs,
            "model.weights": weights,
            "training.transfer": None if auto else _method(transfer),
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
            auto=auto,
        )
    say_rejected(outcome.rejected, where=f", listed in {out / 'rejected.csv'}")
    if outcome.report and outcome.shipped:
        emit(f"Keras   {outcome.report}")
        emit(f"LiteRT  {outcome.shipped}")
    say(f"wrote {out}; next: sonotype predict {out} FILE...")


def _auto(
    recipe: str | None,
    config: Path | None,
    epochs: int | None,
    weights: str | None,
    transfer: Transfer | None,
    budget: float | None,
) -> "Auto | None":
    """Return what auto may do, or `None` where the settings say how to train."""
    from sonotype.interfaces.workflow import Auto

    told = {"--config": config, "--epochs": epochs, "--weights": weights}
    given = [name for name, value in told.items() if value is not None]
    if transfer == Transfer.scratch:
        given.append("--transfer scratch")
    if recipe not in (None, AUTO) or (recipe is None and given):
        if budget is not None:
            raise SettingError("--budget is for --recipe auto, which chooses itself")
        return None
    if given:
        raise SettingError(f"{given[0]} does not go with --recipe auto, which chooses")
    if budget == 0:
        raise SettingError("--budget must be above 0; leave it out for the usual time")
    return Auto(budget_seconds=budget, finetune=transfer != Transfer.frozen)


def _method(transfer: Transfer | None) -> str | None:
    """Return the setting that the option stands for."""
    return None if transfer in (None, Transfer.auto) else str(transfer)
