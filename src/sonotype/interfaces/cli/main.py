"""The `sonotype` command: verbs, errors and exit codes.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by the user. Data goes to
stdout, progress and messages to stderr. No verb imports anything heavy before it runs.
"""

import logging
import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from sonotype import __version__
from sonotype.errors import MissingDependencyError, SonotypeError
from sonotype.interfaces.cli.cache import cache
from sonotype.interfaces.cli.check import check
from sonotype.interfaces.cli.compare import compare
from sonotype.interfaces.cli.console import emit, say
from sonotype.interfaces.cli.demo import demo
from sonotype.interfaces.cli.embed import embed
from sonotype.interfaces.cli.evaluate import evaluate
from sonotype.interfaces.cli.events import events
from sonotype.interfaces.cli.export import export
from sonotype.interfaces.cli.get import get
from sonotype.interfaces.cli.hear import hear
from sonotype.interfaces.cli.info import info
from sonotype.interfaces.cli.listen import listen
from sonotype.interfaces.cli.models import models
from sonotype.interfaces.cli.plot import plot
from sonotype.interfaces.cli.predict import predict
from sonotype.interfaces.cli.scan import scan
from sonotype.interfaces.cli.train import train

VERBS = (
    demo,
    get,
    check,
    hear,
    models,
    compare,
    train,
    evaluate,
    predict,
    export,
    scan,
    events,
    listen,
    embed,
    info,
    plot,
    cache,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turn labelled sound into a classifier people can ship.",
    epilog="Add --debug to any command to see where an error comes from.",
)
for verb in VERBS:
    app.command()(verb)


def show_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        emit(f"sonotype {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version, is_eager=True, help="Print it."
        ),
    ] = False,
) -> None:
    """Turn labelled sound into a classifier people can ship."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors become one sentence and an exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    # TensorFlow's start-up notes are about TensorFlow, not about the user's work.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # So is its warning of functions traced again: each network tried has its own.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        app(arguments)
    except SonotypeError as error:
        if debug:
            raise
        say(f"error: {error}")
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if debug or find_spec("keras"):
            raise
        say(f"error: {MissingDependencyError(error.name or 'a package', 'train')}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("stopped; nothing was written")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe, such as head, has had enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
