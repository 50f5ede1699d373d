"""`sonotype listen`: sound that comes by itself, scored as it comes."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonotype.interfaces.cli.console import emit_table, plain_table, say
from sonotype.interfaces.cli.event_options import (
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
    parse_seconds,
)
from sonotype.interfaces.cli.options import (
    BundleArgument,
    ClassesOption,
    RuntimeOption,
    split_names,
)

if TYPE_CHECKING:  # the help must not wait for arrays
    from sonotype.inference.classifier import Classifier
    from sonotype.inference.event_detection import EventRule
    from sonotype.inference.live.source import Source
    from sonotype.inference.scan import WindowScores

STDIN = "-"
# To a microsecond: far less than a sample, and no digits that mean nothing.
_DECIMALS = 6
# What Ctrl-C sends, and what systemd, Docker or `kill` does.
_ENDING = (signal.SIGINT, signal.SIGTERM)


class Lines(StrEnum):
    """What a line is about."""

    events = "events"
    onsets = "onsets"
    windows = "windows"


class Encoding(StrEnum):
    """How raw samples are stored."""

    s16le = "s16le"
    f32le = "f32le"


def show_devices(wanted: bool) -> None:
    """Print the inputs of this machine and stop."""
    if not wanted:
        return
    from rich.markup import escape

    from sonotype.inference.live.microphone import list_devices

    table = plain_table(["input", "number", "channels", "rate in Hz"])
    for number, name, n_channels, rate in list_devices():
        table.add_row(escape(name), str(number), str(n_channels), str(rate))
    emit_table(table)
    raise typer.Exit


def listen(
    bundle: BundleArgument,
    source: Annotated[
        str | None,
        typer.Argument(
            help="An audio file, which is played; - for raw samples on stdin. "
            "Default: a microphone."
        ),
    ] = None,
    *,
    device: Annotated[
        str | None, typer.Option(help="Number or name of the microphone.")
    ] = None,
    list_devices: Annotated[
        bool,
        typer.Option(
            "--list-devices",
            callback=show_devices,
            is_eager=True,
            help="Print the microphones there are.",
        ),
    ] = False,
    rate: Annotated[
        int | None,
        typer.Option(min=1, help="Rate of raw samples in hertz. Default: 16000."),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(min=1, help="Channels in raw samples. Default: 1.")
    ] = None,
    encoding: Annotated[
        Encoding | None, typer.Option(help="Form of raw samples. Default: s16le.")
    ] = None,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="Take a file or a pipe as fast as it can be scored; nothing is lost.",
        ),
    ] = False,
    hop: HopOption = None,
    runtime: RuntimeOption = "litert",
    lines: Annotated[
        Lines,
        typer.Option(
            help="A line for each event, once it is over; for each onset, at once; or "
            "for each window."
        ),
    ] = Lines.events,
    refractory: Annotated[
        float | None,
        typer.Option(
            parser=parse_seconds,
            metavar="TIME",
            help="Of onsets: none of the same label for so long. Default: 1s.",
        ),
    ] = None,
    threshold: ThresholdOption = None,
    off: OffOption = None,
    smooth: SmoothOption = 0.0,
    smooth_by: SmoothByOption = SmoothBy.mean,
    gap: GapOption = 0.0,
    min_: MinOption = 0.0,
    extent: ExtentOption = Extent.centre,
    classes: ClassesOption = None,
) -> None:
    """Listen to a microphone, a pipe or a file, and print JSON lines; Ctrl-C ends."""
    from sonotype.errors import SettingError
    from sonotype.inference.classifier import load

    if refractory is not None and lines != Lines.onsets:
        raise SettingError("--refractory is about onsets; add --lines onsets")
    refuse_options_of_others(
        source,
        fast=fast,
        device=device,
        rate=rate,
        channels=channels,
        encoding=encoding,
    )
    classifier = load(bundle, runtime=runtime)
    options = EventOptions(
        threshold, off, smooth, smooth_by, gap, min_, extent, split_names(classes)
    )
    sound = open_source(
        source,
        classifier,
        device=device,
        fast=fast,
        pcm=(rate or 16_000, channels or 1, encoding or Encoding.s16le),
    )
    rule = options.rule(classifier.labels)
    writer = make_writer(lines, classifier, sound, rule, hop=hop, refractory=refractory)
    run(classifier, sound, writer, hop=hop)


def refuse_options_of_others(source: str | None, *, fast: bool, **given: Any) -> None:
    """Raise if an option was given that is about another kind of source.

    Raises:
        SettingError: If one was.
    """
    from sonotype.errors import SettingError

    if source is None and fast:
        raise SettingError("a microphone cannot be --fast; name a file, or - for stdin")
    if source is not None and given.pop("device") is not None:
        raise SettingError(f"--device is about a microphone, but {source} is none")
    given.pop("device", None)
    wrong = [name for name, value in given.items() if value is not None]
    if wrong and source != STDIN:
        raise SettingError(
            f"--{wrong[0]} is about raw samples on stdin; add - after the bundle"
        )


def open_source(
    source: str | None,
    classifier: "Classifier",
    *,
    device: str | None,
    fast: bool,
    pcm: tuple[int, int, Encoding],
) -> "Source":
    """Return where sound comes from.

    Raises:
        MissingDependencyError: If sounddevice is needed and not installed.
        AudioError: If the file or the microphone cannot be read.
        SettingError: If samples should come on stdin, but that is a terminal.
    """
    from sonotype.inference.live.microphone import parse_device
    from sonotype.inference.live.source import (
        BUFFER_SECONDS,
        from_file,
        from_microphone,
    )
    from sonotype.inference.live.stdin import from_stdin

    # Between two gaps there is then sound of two windows at least.
    seconds = max(BUFFER_SECONDS, 4 * classifier.clip_seconds)
    if source is None:
        return from_microphone(
            parse_device(device),
            sample_rate=classifier.sample_rate,
            buffer_seconds=seconds,
        )
    if source != STDIN:
        return from_file(Path(source), fast=fast, buffer_seconds=seconds)
    sample_rate, n_channels, encoding = pcm
    return from_stdin(
        sample_rate,
        n_channels=n_channels,
        encoding=encoding,
        fast=fast,
        buffer_seconds=seconds,
    )


class Writer:
    """Makes lines of windows.

    Args:
        source: Tells when something was heard.
        push: Returns start, end and what else there is of each line.
        finish: The same of the lines that are left at the end.
    """

    def __init__(
        self,
        source: "Source",
        push: "Callable[[WindowScores], Iterator[tuple[float, float, dict[str, Any]]]]",
        finish: Callable[[], Iterator[tuple[float, float, dict[str, Any]]]]
        | None = None,
    ) -> None:
        self._source = source
        self._push = push
        self._finish = finish

    def push(self, windows: "WindowScores") -> Iterator[str]:
        """Yield the lines that these windows give."""
        yield from map(self._line, self._push(windows))

    def finish(self) -> Iterator[str]:
        """Yield the lines that are left."""
        if self._finish is not None:
            yield from map(self._line, self._finish())

    def _line(self, found: tuple[float, float, dict[str, Any]]) -> str:
        start, end, what = found
        heard = self._source.heard_at(start)
        row = {
            "start_seconds": round(start, _DECIMALS),
            "duration_seconds": round(end - start, _DECIMALS),
            "begins_at": heard and heard.isoformat(timespec="milliseconds"),
            **what,
        }
        return json.dumps(row, ensure_ascii=False)


def make_writer(
    lines: Lines,
    classifier: "Classifier",
    source: "Source",
    rule: "EventRule",
    *,
    hop: float | None,
    refractory: float | None,
) -> Writer:
    """Return what makes the lines that are asked for."""
    from sonotype.inference.online_detection import (
        OnlineDetector,
        OnsetDetector,
        live_info,
    )

    info = live_info(classifier, source.name, hop_seconds=hop)

    def rows(found: Any) -> Iterator[tuple[float, float, dict[str, Any]]]:
        for each in found:
            what = {"label": each.label, "score": round(each.score, _DECIMALS)}
            yield each.start_seconds, each.end_seconds, what

    if lines == Lines.windows:
        return Writer(source, lambda windows: window_rows(windows, info.labels))
    if lines == Lines.onsets:
        seconds = 1.0 if refractory is None else refractory
        onsets = OnsetDetector(info, rule, refractory_seconds=seconds)
        return Writer(source, lambda windows: rows(onsets.push(windows)))
    events = OnlineDetector(info, rule)
    return Writer(
        source,
        lambda windows: rows(events.push(windows)),
        lambda: rows(events.finish()),
    )


def window_rows(
    windows: "WindowScores", labels: tuple[str, ...]
) -> Iterator[tuple[float, float, dict[str, Any]]]:
    """Yield start, end and scores of each window."""
    for start, end, scores in zip(
        windows.start_seconds.tolist(),
        windows.end_seconds.tolist(),
        windows.scores.tolist(),
        strict=True,
    ):
        rounded = (round(score, _DECIMALS) for score in scores)
        yield start, end, {"scores": dict(zip(labels, rounded, strict=True))}


def run(
    classifier: "Classifier", source: "Source", writer: Writer, *, hop: float | None
) -> None:
    """Print lines until the source ends, fails or is stopped; then tell how it went.

    Raises:
        AudioError: If the source fails.
    """
    from sonotype.errors import AudioError
    from sonotype.inference.live.listening import Listening
    from sonotype.interfaces.cli.live_meter import LiveMeter

    say(f"listening to {source.name} at {source.sample_rate} Hz; Ctrl-C ends")
    meter = LiveMeter(classifier.labels, source)
    listening = Listening(classifier, source, hop_seconds=hop, on_block=meter.hear)
    failure: AudioError | None = None
    with meter, stopped_by_signals(source):
        try:
            for windows in listening:
                meter.score(windows)
                for line in writer.push(windows):
                    meter.emit(line)
        except AudioError as error:
            failure = error
        for line in writer.finish():
            meter.emit(line)
    say(str(listening.summary()))
    if source.n_dropped and source.name == "stdin":
        say("if this is a recording and can wait, --fast loses nothing")
    if failure is not None:
        raise failure


@contextmanager
def stopped_by_signals(source: "Source") -> Iterator[None]:
    """Let Ctrl-C and a service manager stop a source; a second time, the program."""

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(number: int, frame: FrameType | None) -> None:
        restore()
        source.stop()

    before = {number: signal.signal(number, stop) for number in _ENDING}
    try:
        yield
    finally:
        restore()
