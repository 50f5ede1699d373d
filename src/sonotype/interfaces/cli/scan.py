"""`sonotype scan`: every window of long recordings."""

import os
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from sonotype.interfaces.cli.console import ConsoleObserver, emit, say, say_rejected
from sonotype.interfaces.cli.event_options import (
    NO_OPTIONS,
    EventOptions,
    Extent,
    ExtentOption,
    GapOption,
    HopOption,
    MinOption,
    OffOption,
    SmoothBy,
    SmoothByOption,
    SmoothOption,
    ThresholdOption,
)
from sonotype.interfaces.cli.options import (
    BundleArgument,
    ClassesOption,
    RuntimeOption,
    split_names,
)

if TYPE_CHECKING:
    from sonotype.clips import Rejected
    from sonotype.inference.classifier import Classifier
    from sonotype.inference.folder.scan_folder import Recording, ScanSummary


ALL = "1/1"


class PrintedFormat(StrEnum):
    """How events are printed."""

    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    raven = "raven"
    audacity = "audacity"


class Scoring(NamedTuple):
    """What scores windows, and which."""

    bundle: Path
    hop: float | None
    dense: bool
    runtime: str

    def load(self) -> "Classifier":
        """Load the bundle, and tell the hop if it is not as asked or as usual."""
        from sonotype.inference.classifier import load

        classifier = load(self.bundle, runtime=self.runtime)
        if self.dense and self.hop is None:
            hop = classifier.hop_samples(dense=True) / classifier.sample_rate
            say(f"windows begin every {hop:g} s")
        return classifier


def scan(
    bundle: BundleArgument,
    recordings: Annotated[
        list[Path], typer.Argument(help="Audio files of any length, or folders.")
    ],
    *,
    hop: HopOption = None,
    dense: Annotated[
        bool,
        typer.Option(
            "--dense",
            help="Compute once what overlapping windows share, with the graph that "
            "`sonotype export --to litert-dense` adds: faster, and other scores.",
        ),
    ] = False,
    runtime: RuntimeOption = "litert",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the scores of every window into this folder, a Parquet file a "
            "recording; `sonotype events` makes events of them. Killed anywhere, the "
            "same command goes on. Default: print events."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes, with --out. Default: one for each core."),
    ] = None,
    shard: Annotated[
        str, typer.Option(help="With --out, only part i of n: i/n.")
    ] = ALL,
    format: Annotated[
        PrintedFormat | None, typer.Option(help="Form of the events. Default: csv.")
    ] = None,
    threshold: ThresholdOption = None,
    off: OffOption = None,
    smooth: SmoothOption = 0.0,
    smooth_by: SmoothByOption = SmoothBy.mean,
    gap: GapOption = 0.0,
    min_: MinOption = 0.0,
    extent: ExtentOption = Extent.centre,
    classes: ClassesOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if any file cannot be read.")
    ] = False,
) -> None:
    """Score every window of recordings of any length; TensorFlow is not needed."""
    options = EventOptions(
        threshold, off, smooth, smooth_by, gap, min_, extent, split_names(classes)
    )
    rejected: list[Rejected] = []
    found = list(find_recordings(recordings, rejected))
    scored = Scoring(bundle, hop, dense, runtime)
    if out is None:
        refuse_folder_options({"workers": workers, "shard": shard})
        form = format or PrintedFormat.csv
        is_any = print_events(scored, found, options, form, rejected)
        say_rejected(rejected)
    else:
        refuse_event_options({"format": format, **vars(options)})
        summary = scan_into(scored, found, out, workers=workers, shard=shard)
        rejected += summary.rejected
        is_any = bool(summary.n_scanned or summary.n_before)
        say_rejected(rejected)
    if rejected and (strict or not is_any):
        raise typer.Exit(1)


def find_recordings(
    paths: Sequence[Path], rejected: "list[Rejected]"
) -> "Iterator[Recording]":
    """Yield the audio files, and those in folders, named after the folder."""
    from sonotype.clips import Rejected
    from sonotype.dataset.readers.audio_files import find_audio
    from sonotype.inference.folder.scan_folder import Recording

    for path in paths:
        if not path.is_dir():
            yield Recording(path, path.name)
            continue
        inside = find_audio(path)
        rejected += inside.rejected
        if not inside.files and not inside.rejected:
            rejected.append(Rejected(path, "holds no audio files"))
        # Without `..`, and not following links.
        name = os.path.basename(os.path.abspath(path))  # noqa: PTH100, PTH119
        for file in inside.files:
            yield Recording(file, (Path(name) / file.relative_to(path)).as_posix())


def scan_into(
    scored: Scoring,
    recordings: "Sequence[Recording]",
    out: Path,
    *,
    workers: int | None,
    shard: str,
) -> "ScanSummary":
    """Scan recordings into a folder, with a bar, and tell what was done."""
    from sonotype.inference.folder.journal import Shard
    from sonotype.inference.folder.scan_folder import scan_folder

    if scored.dense:
        scored.load()
    began = time.monotonic()
    with ConsoleObserver() as observer:
        observer.stage("scanning")

        def progress(done: int, total: int) -> None:
            detail = f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
            observer.progress(done, max(1, total), detail)

        try:
            summary = scan_folder(
                scored.bundle,
                recordings,
                out,
                hop_seconds=scored.hop,
                dense=scored.dense,
                runtime=scored.runtime,
                n_workers=workers,
                shard=Shard.parse(shard),
                on_progress=progress,
            )
        except KeyboardInterrupt:
            say("stopped; the same command goes on from here")
            raise typer.Exit(130) from None
    seconds = time.monotonic() - began
    hours = summary.sound_seconds / 3600
    say(
        f"scanned {summary.n_scanned:,} recordings, {hours:.2f} hours, "
        f"{summary.n_windows:,} windows, in {seconds:.1f} s: "
        f"{summary.sound_seconds / seconds:,.0f} times real time"
    )
    if summary.n_before:
        say(f"{summary.n_before:,} recordings were scanned before")
    say(f"scores are in {out}; sonotype events {out} makes events of them")
    return summary


def print_events(
    scored: Scoring,
    recordings: "Sequence[Recording]",
    options: EventOptions,
    format: PrintedFormat,
    rejected: "list[Rejected]",
) -> bool:
    """Print the events in recordings; return whether any could be read."""
    from sonotype.clips import Rejected
    from sonotype.errors import DataError
    from sonotype.inference.event_detection import RecordingEvents
    from sonotype.inference.event_writers import EVENT_FORMATS
    from sonotype.inference.score_file import RecordingScores, scan_info

    classifier = scored.load()
    how: dict[str, Any] = {"hop_seconds": scored.hop, "dense": scored.dense}
    rule = options.rule(classifier.labels)
    found = []
    for path, _ in recordings:
        try:
            info = scan_info(classifier, path, **how)
            scores = RecordingScores.of(info, classifier.scan(path, **how))
        except DataError as error:
            # The list names the file already.
            rejected.append(Rejected(path, str(error).removeprefix(f"{path}: ")))
            continue
        found.append(RecordingEvents.of(scores, rule))
    emit_bytes(EVENT_FORMATS[format].write(found))
    return bool(found)


def emit_bytes(content: bytes) -> None:
    """Print text, which may be none."""
    if content:
        emit(content.decode())


def refuse_folder_options(options: dict[str, Any]) -> None:
    """Raise if events were asked for together with options of a folder of scores.

    Raises:
        SettingError: If one was given.
    """
    from sonotype.errors import SettingError

    for name, value in options.items():
        if value not in (None, ALL):
            raise SettingError(
                f"--{name} is for scores in a folder, and events are printed; name the "
                "folder with --out"
            )


def refuse_event_options(options: dict[str, Any]) -> None:
    """Raise if a folder of scores was asked for together with options of events.

    Raises:
        SettingError: If one was given.
    """
    from sonotype.errors import SettingError

    usual = {"format": None, **vars(NO_OPTIONS)}
    given = [name for name, value in options.items() if value != usual[name]]
    if given:
        raise SettingError(
            f"--{given[0].replace('_', '-')} is about events, but --out writes scores; "
            "give it to: sonotype events"
        )
