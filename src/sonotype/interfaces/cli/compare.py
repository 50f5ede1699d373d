"""`sonotype compare`: which pre-trained backbone hears the difference."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from sonotype.errors import SettingError, WeightsError, unknown_name
from sonotype.interfaces.cli.console import (
    ConsoleObserver,
    emit,
    emit_table,
    plain_table,
    say,
    say_rejected,
)
from sonotype.interfaces.cli.options import (
    CacheOption,
    ClassesOption,
    DataArgument,
    GroupByOption,
    TableFormat,
    split_names,
)

if TYPE_CHECKING:
    from sonotype.training.transfer.compare import Candidate

COLUMNS = ("backbone", "score", "low", "high", "clips", "seconds", "megabytes")


def compare(
    data: DataArgument,
    *,
    backbones: Annotated[
        str | None,
        typer.Option(
            help="Names from `sonotype models`, separated by commas; weights that are "
            "not here are downloaded. Default: all at hand, and no download."
        ),
    ] = None,
    layout: Annotated[
        str | None, typer.Option(help="How the data is laid out, as for train.")
    ] = None,
    classes: ClassesOption = None,
    group_by: GroupByOption = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the folds.")] = None,
    cache: CacheOption = None,
    output_format: Annotated[
        TableFormat, typer.Option("--format", help="How to print the table.")
    ] = TableFormat.table,
) -> None:
    """Try every pre-trained backbone at hand on the data, frozen, under a linear head.

    Each clip is scored by a head that never heard its group.
    """
    from sonotype.dataset.cache.audio_cache import AudioCache
    from sonotype.interfaces.workflow import fetch_weights, read_clips
    from sonotype.runtime import quiet_stderr
    from sonotype.settings import read_settings

    named = _named(backbones)
    settings = read_settings(
        overrides={
            "data.layout": layout,
            "data.classes": split_names(classes),
            "data.group_by": group_by,
            "seed": seed,
        }
    )
    with ConsoleObserver() as observer:
        audio = AudioCache(cache, sample_rate=settings.audio.sample_rate)
        clips = read_clips(data, settings, audio, observer)
        observer.stage("Starting Keras")
        with quiet_stderr():
            from sonotype.training.train import task_of
            from sonotype.training.transfer.compare import (
                backbones_at_hand,
                compare_backbones,
                only_if_named,
                usual_length,
            )
        here, elsewhere = backbones_at_hand()
        chosen = named or here
        if not chosen:
            raise WeightsError(
                "no pre-trained backbone is at hand; `sonotype models` says where "
                "their weights come from"
            )
        for name in named:
            fetch_weights(name, "pretrained", observer)
        observer.stage("Trying backbones")
        lengths = audio.load_all(clips).lengths
        found = []
        for candidate in compare_backbones(
            clips,
            chosen,
            like=settings,
            clip_seconds=usual_length(lengths, audio.sample_rate),
            task=task_of(settings, clips),
            cache_folder=cache,
            on_progress=observer.progress,
        ):
            found.append(candidate)
            observer.candidate(candidate)
    say_rejected(clips.rejected)
    _print(sorted(found, key=lambda one: -one.score), output_format)
    if named:
        return
    if elsewhere:
        say(f"not at hand: {', '.join(elsewhere)}; see `sonotype models`")
    say(only_if_named())


def _named(backbones: str | None) -> list[str]:
    """Return the backbones that are asked for by name.

    Raises:
        SettingError: If there is none of a name, or no weights for it.
    """
    from sonotype.models.listing import read_listing

    names = split_names(backbones) or []
    known = {listed.name: listed.weights for listed in read_listing()}
    for name in names:
        if name not in known:
            raise unknown_name("backbone", name, known)
        if known[name] is None:
            raise SettingError(f"backbone {name} has no weights to start from")
    return names


def _print(found: "list[Candidate]", output_format: TableFormat) -> None:
    rows = [
        (
            one.backbone,
            round(one.score, 4),
            round(one.interval.low, 4),
            round(one.interval.high, 4),
            one.n_clips,
            round(one.seconds, 1),
            round(one.megabytes, 1),
        )
        for one in found
    ]
    if output_format == TableFormat.json:
        emit(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows]))
    elif output_format == TableFormat.csv:
        emit("\n".join(",".join(map(str, row)) for row in (COLUMNS, *rows)))
    else:
        table = plain_table(COLUMNS)
        for row in rows:
            table.add_row(*map(str, row))
        emit_table(table)
