"""`sonotype plot`: a picture of a recording."""

from pathlib import Path
from typing import Annotated

import typer

from sonotype.interfaces.cli.console import say
from sonotype.interfaces.cli.options import ForceOption


def plot(
    audio: Annotated[Path, typer.Argument(help="An audio file.")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="The picture. Default: the file's name, .png.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Draw the waveform and the spectrogram of an audio file."""
    from sonotype.audio.figure import plot_audio
    from sonotype.errors import SettingError
    from sonotype.interfaces.cli.picture import refuse_picture, save_picture

    out = out or Path(f"{audio.stem}.png")
    if out.exists() and not force:
        raise SettingError(f"{out} exists already; pass --force to replace it")
    refuse_picture(out)
    save_picture(plot_audio(audio), out)
    say(f"wrote {out}")
