"""`sonotype events`: from the scores of a scan to events, as often as one likes."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonotype.interfaces.cli.console import emit, say, say_rejected
from sonotype.interfaces.cli.event_options import (
    EventOptions,
    Extent,
    ExtentOption,
    GapOption,
    MinOption,
    OffOption,
    SmoothBy,
    SmoothByOption,
    SmoothOption,
    ThresholdOption,
)
from sonotype.interfaces.cli.options import (
    ClassesOption,
    parse_seconds,
    split_names,
)

if TYPE_CHECKING:
    from sonotype.clips import Rejected
    from sonotype.inference.event_detection import RecordingEvents
    from sonotype.inference.score_file import RecordingScores


COLLAR_SECONDS = 0.2


class FileFormat(StrEnum):
    """How events are written."""

    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    raven = "raven"
    audacity = "audacity"
    parquet = "parquet"


def events(
    scores: Annotated[
        list[Path],
        typer.Argument(help="Folders that `sonotype scan` made, or files in them."),
    ],
    *,
    threshold: ThresholdOption = None,
    off: OffOption = None,
    smooth: SmoothOption = 0.0,
    smooth_by: SmoothByOption = SmoothBy.mean,
    gap: GapOption = 0.0,
    min_: MinOption = 0.0,
    extent: ExtentOption = Extent.centre,
    classes: ClassesOption = None,
    format: Annotated[FileFormat, typer.Option(help="Form of the events.")] = (
        FileFormat.csv
    ),
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write into this file; for raven and audacity, into a file for each "
            "recording in this folder. Default: print."
        ),
    ] = None,
    count_by: Annotated[
        str | None,
        typer.Option(
            help="Print how many events there are instead, by any of site, day and "
            "hour, separated by commas."
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw events against the hours of the day into this file."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Print how well the events agree with these annotations instead: a "
            "file in any format, or a folder. With --format json as JSON."
        ),
    ] = None,
    collar: Annotated[
        float,
        typer.Option(
            parser=parse_seconds,
            metavar="TIME",
            help="How far the times of an event may be off to count; its end by 20 % "
            "of its length, if that is more.",
        ),
    ] = COLLAR_SECONDS,
    overlap: Annotated[
        float | None,
        typer.Option(
            help="Instead of a collar: the share of their time, such as 0.3, that a "
            "found and an annotated event must have in common."
        ),
    ] = None,
    onset_only: Annotated[
        bool, typer.Option("--onset-only", help="Compare where events begin only.")
    ] = False,
    choose_threshold: Annotated[
        bool,
        typer.Option(
            "--choose-threshold",
            help="Print each label's --threshold that agrees best with the "
            "annotations. They must be of other recordings than you report on.",
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if any file cannot be read.")
    ] = False,
) -> None:
    """Make events of the scores of a scan, count them, or compare with annotations."""
    options = EventOptions(
        threshold, off, smooth, smooth_by, gap, min_, extent, split_names(classes)
    )
    rejected: list[Rejected] = []
    files = list(find_scores(scores, rejected))
    if against or choose_threshold:
        others = {"--count-by": count_by, "--picture": picture, "--out": out}
        refuse_beside_against(against, others)
        read = [each for _, each in read_each(files, options, rejected)]
        is_any = bool(read)
        if read and against:
            from sonotype.interfaces.cli.against import Comparison, compare

            is_json = format is FileFormat.json
            comparison = Comparison(against, collar, overlap, onset_only, is_json)
            compare(read, options, comparison, choose=choose_threshold)
    else:
        how = {"--collar": collar != COLLAR_SECONDS, "--onset-only": onset_only}
        refuse_without_against({**how, "--overlap": overlap is not None})
        if picture:
            from sonotype.interfaces.cli.picture import refuse_picture

            refuse_picture(picture)
        found = list(detect(files, options, rejected))
        is_any = bool(found)
        write_events(found, format, out, count_by, picture)
    say_rejected(rejected)
    if rejected and (strict or not is_any):
        raise typer.Exit(1)


def refuse_beside_against(against: Path | None, others: Mapping[str, object]) -> None:
    """Raise if there is nothing to compare with, or something else is asked for too.

    Raises:
        SettingError: If so.
    """
    from sonotype.errors import SettingError

    if against is None:
        raise SettingError(
            "--choose-threshold needs annotations to choose by; name them with "
            "--against"
        )
    for name, value in others.items():
        if value is not None:
            raise SettingError(
                f"--against prints a comparison and no events; leave out {name}"
            )


def refuse_without_against(given: Mapping[str, bool]) -> None:
    """Raise if an option is given that only a comparison minds.

    Raises:
        SettingError: If so.
    """
    from sonotype.errors import SettingError

    for name, is_given in given.items():
        if is_given:
            raise SettingError(
                f"{name} is about a comparison; name the annotations with --against"
            )


def write_events(
    found: "Sequence[tuple[str, RecordingEvents]]",
    format: FileFormat,
    out: Path | None,
    count_by: str | None,
    picture: Path | None,
) -> None:
    """Print or write events, or count them, and draw them.

    Raises:
        SettingError: If a file cannot be written, or the format cannot be printed.
    """
    from sonotype.inference.event_counts import count_events, plot_events
    from sonotype.inference.event_writers import EVENT_FORMATS
    from sonotype.interfaces.cli.picture import save_picture

    recordings = [each for _, each in found]
    if count_by is not None:
        emit(count_events(recordings, split_names(count_by) or []).write_csv())
    elif out is None:
        print_text(recordings, format)
    elif EVENT_FORMATS[format].is_per_recording:
        write_each(found, out, format)
    else:
        write_file(out, EVENT_FORMATS[format].write(recordings))
    if picture:
        save_picture(plot_events(recordings), picture)


def find_scores(
    paths: Sequence[Path], rejected: "list[Rejected]"
) -> Iterator[tuple[Path, str]]:
    """Yield files of scores, and their names below the folder without `.parquet`."""
    from sonotype.clips import Rejected

    for path in paths:
        if not path.is_dir():
            yield path, path.name.removesuffix(".parquet")
            continue
        inside = [
            file
            for file in sorted(path.rglob("*.parquet"))
            if not file.name.startswith(".")
        ]
        for file in inside:
            yield file, file.relative_to(path).as_posix().removesuffix(".parquet")
        if not inside:
            reason = "holds no scores; make them with sonotype scan --out"
            rejected.append(Rejected(path, reason))


def detect(
    files: Sequence[tuple[Path, str]],
    options: EventOptions,
    rejected: "list[Rejected]",
) -> "Iterator[tuple[str, RecordingEvents]]":
    """Yield the events in each file of scores, with its name."""
    from sonotype.inference.event_detection import RecordingEvents

    for name, scores in read_each(files, options, rejected):
        yield name, RecordingEvents.of(scores, options.rule(scores.info.labels))


def read_each(
    files: Sequence[tuple[Path, str]],
    options: EventOptions,
    rejected: "list[Rejected]",
) -> "Iterator[tuple[str, RecordingScores]]":
    """Yield the scores in each file, with its name."""
    from sonotype.clips import Rejected
    from sonotype.errors import DataError
    from sonotype.inference.score_file import read_scores

    for file, name in files:
        try:
            yield name, read_scores(file, options.classes)
        except DataError as error:
            # The list names the file already.
            rejected.append(Rejected(file, str(error).removeprefix(f"{file}: ")))


def print_text(found: "Sequence[RecordingEvents]", format: FileFormat) -> None:
    """Print events.

    Raises:
        SettingError: If the format is no text.
    """
    from sonotype.errors import SettingError
    from sonotype.inference.event_writers import EVENT_FORMATS

    if not EVENT_FORMATS[format].is_text:
        raise SettingError(f"{format} cannot be printed; name a file with --out")
    if content := EVENT_FORMATS[format].write(found):
        emit(content.decode())


def write_each(
    found: "Sequence[tuple[str, RecordingEvents]]", out: Path, format: FileFormat
) -> None:
    """Write a file for each recording, below a folder."""
    from sonotype.inference.event_writers import EVENT_FORMATS

    known = EVENT_FORMATS[format]
    for name, each in found:
        write_file(out / f"{name}{known.suffix}", known.write([each]), quiet=True)
    say(f"wrote {len(found):,} files into {out}")


def write_file(path: Path, content: bytes, *, quiet: bool = False) -> None:
    """Write a file whole or not at all.

    Raises:
        SettingError: If it cannot be written.
    """
    from sonotype.atomic import output_file

    with output_file(path, make_folders=True) as partial:
        partial.write_bytes(content)
    if not quiet:
        say(f"wrote {path}")
