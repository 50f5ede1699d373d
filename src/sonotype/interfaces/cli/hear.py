"""`sonotype hear`: what training hears and sees of a recording."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonotype.interfaces.cli.console import emit, say
from sonotype.interfaces.cli.options import ForceOption

if TYPE_CHECKING:  # the help must not wait for arrays
    import numpy as np
    from matplotlib.figure import Figure

    from sonotype.training.versions import Parameter, Version

# With one file, these mix it with a version of itself.
MIXING = {"cut_mix", "mix_style", "mixup"}
COLUMNS = 4
PANEL_INCHES = (2.6, 2.1)


def hear(
    files: Annotated[
        list[Path],
        typer.Argument(help="Audio files; layers that mix clips mix these."),
    ],
    *,
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    recipe: Annotated[
        str | None,
        typer.Option(help="Built-in settings to start from: default, article, ..."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file whose settings replace the recipe's.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Data set whose background noise is mixed in."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Versions of each file.")] = 7,
    seed: Annotated[int | None, typer.Option(help="Seed of the versions.")] = None,
    force: ForceOption = False,
) -> None:
    """Write what training hears and sees of a recording: sounds and a picture."""
    from sonotype.atomic import atomic_folder, refuse_existing
    from sonotype.settings import read_settings

    refuse_existing(out, replace=force)
    settings = read_settings(recipe, config=config, overrides={"seed": seed})
    clips = read_clips(files, settings.audio.sample_rate, settings.n_samples)
    names = [f"{place}-{file.stem}" for place, file in enumerate(files, start=1)]

    import soundfile

    from sonotype.dataset.readers.folder import BACKGROUND_NOISE
    from sonotype.errors import DataError
    from sonotype.interfaces.workflow import read_noise
    from sonotype.runtime import quiet_stderr

    rate = settings.audio.sample_rate
    noise = None if data is None else read_noise(data, rate)
    if data is not None and noise is None:
        raise DataError(f"{data}: there are no recordings in {data / BACKGROUND_NOISE}")
    with quiet_stderr():
        from sonotype.training.versions import make_versions, plain_features
    versions = make_versions(clips, settings, count=count, noise=noise)
    plain = plain_features(clips, settings)
    seconds = settings.audio.clip_seconds
    figure = contact_sheet(names, plain, versions, clip_seconds=seconds)
    heard = numbered(names, versions)
    digits = len(str(count))
    with atomic_folder(out, replace=force) as partial:
        for name, clip in zip(names, clips, strict=True):
            # Floating point, because augmented samples may pass 1.
            sound = partial / f"{name}-{0:0{digits}}.wav"
            soundfile.write(sound, clip, rate, subtype="FLOAT")
        for name, version in heard.items():
            sound = partial / f"{name}.wav"
            soundfile.write(sound, version.samples, rate, subtype="FLOAT")
        figure.savefig(partial / "versions.png", dpi=100)
    for name, version in heard.items():
        emit(f"{name}.wav")
        for layer, drawn in groupby(version.drawn, key=lambda found: found.layer):
            emit(f"  {layer}: {', '.join(map(described, drawn))}")
    mixing = sorted({layer.layer for layer in settings.augment.spectrogram} & MIXING)
    if len(files) == 1 and mixing:
        say(f"{', '.join(mixing)}: give several files to see clips mixed")
    say(f"wrote {out}; {out / 'versions.png'} shows what the network sees")


def numbered(names: list[str], versions: "list[Version]") -> "dict[str, Version]":
    """Return the versions by their clip's name and a number of their own."""
    count = len(versions) // len(names)
    digits = len(str(count))
    return {
        f"{names[version.clip]}-{place % count + 1:0{digits}}": version
        for place, version in enumerate(versions)
    }


def read_clips(files: list[Path], sample_rate: int, n_samples: int) -> "np.ndarray":
    """Return the middle of each file, `(files, n_samples)`."""
    import numpy as np

    from sonotype.audio.io import read_audio
    from sonotype.audio.windows import fit_length

    return np.stack([fit_length(read_audio(f, sample_rate), n_samples) for f in files])


def described(parameter: "Parameter") -> str:
    """Return a drawn parameter as a person would write it."""
    numbers = (
        f"{value:.0f}" if value.is_integer() else f"{value:.4g}"
        for value in parameter.values
    )
    return " ".join([parameter.name, *numbers])


def contact_sheet(
    names: list[str],
    plain: "np.ndarray",
    versions: "list[Version]",
    *,
    clip_seconds: float,
) -> "Figure":
    """Draw the features of each clip and of its versions, on one scale of colours."""
    from matplotlib.figure import Figure

    count = len(versions) // len(names)
    rows_each = -(-(count + 1) // COLUMNS)
    columns = min(count + 1, COLUMNS)
    width, height = PANEL_INCHES
    figure = Figure(
        figsize=(columns * width, len(names) * rows_each * height),
        layout="constrained",
    )
    grid = figure.subplots(
        len(names) * rows_each, columns, squeeze=False, sharex=True, sharey=True
    )
    for axes in grid.ravel():
        axes.set_visible(False)
    for clip, name in enumerate(names):
        panels = [(f"{name}, as it is", plain[clip])]
        own = [version for version in versions if version.clip == clip]
        panels += [(f"{n}", one.features) for n, one in enumerate(own, start=1)]
        low, high = plain[clip].min(), plain[clip].max()
        shown = grid[clip * rows_each : (clip + 1) * rows_each].ravel()
        for axes, (title, features) in zip(shown, panels, strict=False):
            axes.set_visible(True)
            axes.imshow(
                features.T,  # (frames, bands) -> (bands, frames)
                extent=(0.0, clip_seconds, 0, features.shape[1]),
                origin="lower",
                aspect="auto",
                cmap="magma",
                vmin=low,
                vmax=high,
            )
            # A name like "$5" is not the start of a formula.
            axes.set_title(title, fontsize="small", parse_math=False)
    figure.supxlabel("seconds", fontsize="small")
    figure.supylabel("band", fontsize="small")
    return figure
