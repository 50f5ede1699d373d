"""`sonotype demo`: the whole job on spoken words it makes itself."""

import time
from pathlib import Path
from typing import Annotated

import typer

from sonotype.interfaces.cli.console import (
    ConsoleObserver,
    emit,
    say,
    say_rejected,
)

CLIPS_PREDICTED = 5
# Voices that are made up are clear: real ones are worth all epochs of the recipe.
EPOCHS_FOR_SPOKEN_WORDS = 40


def demo(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="Your own folder of recordings instead of made-up words."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where it all goes.")] = Path("demo"),
) -> None:
    """Make a small spoken-word set, train, evaluate on unheard voices, predict."""
    from sonotype.atomic import refuse_unwritable
    from sonotype.dataset.spoken.spoken_words import make_spoken_words
    from sonotype.inference.classifier import load
    from sonotype.inference.writers import to_table
    from sonotype.interfaces.workflow import train_folder
    from sonotype.settings import read_settings

    started = time.monotonic()
    name = "words" if data is None else data.resolve().name
    bundle = out / f"{name}.sonotype"
    epochs = EPOCHS_FOR_SPOKEN_WORDS if data is None else None
    settings = read_settings(overrides={"training.epochs": epochs})
    refuse_unwritable(bundle)
    with ConsoleObserver() as observer:
        if data is None:
            observer.stage("Speaking words")
            data = make_spoken_words(
                out / "spoken_words", reuse=True, on_progress=observer.progress
            )
        outcome = train_folder(data, bundle, settings, observer, replace=True)
    say_rejected(outcome.rejected, where=f", listed in {bundle / 'rejected.csv'}")

    say("\nHow well it does on voices it never heard:")
    emit(f"  Keras   {outcome.report}")
    emit(f"  LiteRT  {outcome.shipped}")
    test = outcome.parts.test
    step = max(1, len(test) // CLIPS_PREDICTED)
    files = [clip.path for clip in test.select(range(0, len(test), step))]
    say("\nSome of them, predicted without TensorFlow:")
    emit(to_table(list(load(bundle).predict_many(files[:CLIPS_PREDICTED]))))
    say(
        f"{time.monotonic() - started:.0f} seconds in all. The bundle is {bundle}: look"
    )
    say(f"at {bundle / 'README.md'} and {bundle / 'confusion.png'}. Next, try:\n")
    say(f"  sonotype predict {bundle} {files[0]}")
    say(f"  sonotype plot {files[0]}")
    say(f"  sonotype evaluate {bundle} YOUR_FOLDER")
    say("  sonotype train YOUR_FOLDER --out yours.sonotype")
