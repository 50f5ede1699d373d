"""`sonotype embed`: what a network makes of sounds, for one's own use."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonotype.interfaces.cli.console import ConsoleObserver, say, say_rejected
from sonotype.interfaces.cli.options import BundleArgument, parse_seconds
from sonotype.interfaces.cli.scan import find_recordings

if TYPE_CHECKING:
    from sonotype.clips import Rejected
    from sonotype.inference.classifier import Classifier
    from sonotype.inference.embedding import Embeddings


def embed(
    bundle: BundleArgument,
    files: Annotated[
        list[Path], typer.Argument(help="Audio files of any length, or folders.")
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(
            help="The file to write: NAME.parquet, or NAME.npy with NAME.csv beside it."
        ),
    ],
    hop: Annotated[
        float | None,
        typer.Option(
            "--hop-seconds",
            "--hop",
            parser=parse_seconds,
            metavar="TIME",
            help="From one window to the next. Default: half the model's clip.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if any file cannot be read.")
    ] = False,
) -> None:
    """Write a vector for each window of recordings; TensorFlow is not needed."""
    from sonotype.atomic import refuse_unwritable
    from sonotype.inference.classifier import load
    from sonotype.inference.embedding_file import write_embeddings, writer_of

    writer_of(out)  # before hours of work
    refuse_unwritable(out)
    classifier = load(bundle)
    rejected: list[Rejected] = []
    paths = [recording.path for recording in find_recordings(files, rejected)]
    with ConsoleObserver() as observer:
        observer.stage("embedding")
        found = embed_each(classifier, paths, hop, rejected, observer.progress)
        n_windows = write_embeddings(out, found)
    say_rejected(rejected)
    if n_windows:
        say(f"wrote {n_windows:,} embeddings into {out}")
    if rejected and (strict or not n_windows):
        raise typer.Exit(1)


def embed_each(
    classifier: "Classifier",
    paths: Sequence[Path],
    hop_seconds: float | None,
    rejected: "list[Rejected]",
    on_progress: Callable[[int, int], None],
) -> "Iterator[Embeddings]":
    """Yield the embeddings of files; those that cannot be read are set aside."""
    from sonotype.clips import Rejected
    from sonotype.errors import DataError

    for n_done, path in enumerate(paths):
        on_progress(n_done, len(paths))
        try:
            yield classifier.embed(path, hop_seconds=hop_seconds)
        except DataError as error:
            # The list names the file already.
            rejected.append(Rejected(path, str(error).removeprefix(f"{path}: ")))
