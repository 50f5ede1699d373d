"""`sonotype predict`: one row per file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonotype.interfaces.cli.console import emit, say_rejected
from sonotype.interfaces.cli.options import BundleArgument, RuntimeOption, TableFormat

if TYPE_CHECKING:
    from sonotype.clips import Rejected


def predict(
    bundle: BundleArgument,
    files: Annotated[list[Path], typer.Argument(help="Audio files, any rate.")],
    *,
    format: Annotated[TableFormat, typer.Option(help="Form of the rows.")] = (
        TableFormat.table
    ),
    runtime: RuntimeOption = "litert",
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if any file cannot be read.")
    ] = False,
) -> None:
    """Classify audio files; TensorFlow is not needed."""
    from sonotype.errors import AudioError
    from sonotype.inference.classifier import load
    from sonotype.inference.writers import WRITERS

    classifier = load(bundle, runtime=runtime)
    rejected: list[Rejected] = []

    def reject(file: Path, error: AudioError) -> None:
        # Here, for it imports polars, which takes a fifth of a start.
        from sonotype.clips import Rejected

        # The list names the file already.
        rejected.append(Rejected(file, str(error).removeprefix(f"{file}: ")))

    predictions = list(classifier.predict_many(files, on_error=reject))
    emit(WRITERS[format](predictions))
    say_rejected(rejected)
    if rejected and (strict or not predictions):
        raise typer.Exit(1)
