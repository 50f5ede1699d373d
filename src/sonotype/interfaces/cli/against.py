"""Found events against annotated ones, for `sonotype events`."""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from sonotype.clips import Rejected
from sonotype.dataset.annotations.event_table import has_scores
from sonotype.dataset.annotations.formats import (
    ANNOTATION_FORMATS,
    ANNOTATION_SUFFIXES,
    read_beginning,
    recognise_format,
)
from sonotype.dataset.annotations.recordings import RecordingIndex
from sonotype.errors import DataError, SettingError
from sonotype.evaluation.event_matching import Agreement, Collar, Overlap
from sonotype.evaluation.event_report import EventReport, event_report
from sonotype.evaluation.event_thresholds import (
    CANDIDATES,
    EventThreshold,
    best_event_thresholds,
)
from sonotype.evaluation.words import shown
from sonotype.events import Events
from sonotype.inference.event_detection import detect_events, merge_events
from sonotype.interfaces.cli.console import (
    emit,
    emit_table,
    plain_table,
    say,
    say_rejected,
    say_table,
)
from sonotype.interfaces.cli.event_options import EventOptions

if TYPE_CHECKING:
    from rich.table import Table

    from sonotype.inference.score_file import RecordingScores


@dataclass(frozen=True)
class Truth:
    """What is known of recordings that were scanned.

    Args:
        events: What is in them, each with the name that its recording was scanned by.
        recordings: Those that have annotations, also empty ones.
        rejected: Annotation files and recordings that are left out, with reasons.
    """

    events: Events
    recordings: tuple[Path, ...]
    rejected: tuple[Rejected, ...]


def read_truth(annotations: Path, scanned: Sequence[Path]) -> Truth:
    """Return the annotations that are about scanned recordings.

    They are told by name, so the recordings themselves need not be there any more.

    Args:
        annotations: A file in any format of annotations, or a folder of them.
        scanned: The recordings as they were named to the scan.

    Raises:
        SettingError: If a recording is among the scores twice.
        DataError: If there is no such file or folder, or it is about none of them.
    """
    twice = [path for path in set(scanned) if scanned.count(path) > 1]
    if twice:
        raise SettingError(
            f"{twice[0]} is among the scores more than once; give one scan of it"
        )
    if not annotations.exists():
        raise DataError(f"{annotations}: there is no such folder or file")
    index = RecordingIndex(scanned)
    parts: list[Events] = []
    known: set[Path] = set()
    rejected: list[Rejected] = []
    for path in _annotation_files(annotations):
        try:
            part, about = _read(path, index, may_score=path == annotations)
        except DataError as error:
            rejected.append(Rejected(path, str(error).removeprefix(f"{path}: ")))
            continue
        parts.append(part)
        known |= about
        rejected += part.rejected
    if not known:
        first = f"; {rejected[0].path}: {rejected[0].reason}" if rejected else ""
        raise DataError(
            f"{annotations}: holds no annotations of the recordings that were scanned"
            f"{first}"
        )
    rejected += [
        Rejected(path, "was scanned, but has no annotations, so it is not compared")
        for path in scanned
        if path not in known
    ]
    return Truth(Events.concatenate(parts), tuple(sorted(known)), tuple(rejected))


@dataclass(frozen=True)
class Comparison:
    """What the command line says about a comparison.

    Args:
        annotations: A file of annotations, or a folder of them.
        collar_seconds: How far times may lie apart.
        overlap: What share of their time events must share instead.
        onset_only: Whether the ends of events are not compared.
        is_json: Whether the report is printed as JSON.
    """

    annotations: Path
    collar_seconds: float
    overlap: float | None
    onset_only: bool
    is_json: bool

    def agreement(self) -> Agreement:
        """Return what makes a found event an annotated one.

        Raises:
            SettingError: If a value is out of range.
        """
        if self.overlap is not None:
            return Overlap(self.overlap)
        usual = Collar(self.collar_seconds)
        return replace(usual, end_share=None) if self.onset_only else usual


def compare(
    scores: "Sequence[RecordingScores]",
    options: EventOptions,
    comparison: Comparison,
    *,
    choose: bool,
) -> None:
    """Print how well events agree with annotations, or which thresholds make them.

    Events never touch each other, so annotated ones are joined by the same rule.

    Raises:
        SettingError: If thresholds are both given and chosen.
        DataError: If there are no annotations, or of labels the model does not know.
    """
    info = scores[0].info
    if any(each.info.labels != info.labels for each in scores):
        raise DataError("the scores are of models with different labels")
    truth = read_truth(
        comparison.annotations, [Path(each.info.recording) for each in scores]
    )
    labels = _labels(truth.events, info.labels, options)
    annotated = merge_events(truth.events, gap_seconds=options.gap)
    joined = replace(truth, events=annotated)
    # Before the numbers, which should be read with it in mind.
    say_rejected(truth.rejected)
    if choose:
        _print_thresholds(scores, joined, labels, options, comparison.agreement())
        return
    rule = options.rule(info.labels)
    report = event_report(
        annotated,
        Events.concatenate([detect_events(each, rule) for each in scores]),
        agreement=comparison.agreement(),
        recordings=truth.recordings,
        labels=labels,
    )
    if comparison.is_json:
        emit(json.dumps(report.to_dict(), indent=2))
        return
    emit(f"{report}\n")
    emit_table(event_table(report))


def _print_thresholds(
    scores: "Sequence[RecordingScores]",
    truth: Truth,
    labels: Sequence[str],
    options: EventOptions,
    agreement: Agreement,
) -> None:
    """Print the thresholds of highest event F1, as options to paste."""
    if options.threshold:
        raise SettingError("--choose-threshold chooses; leave out --threshold")
    best = best_event_thresholds(
        lambda value: _find(scores, options, value),
        truth.events,
        labels,
        agreement=agreement,
        recordings=truth.recordings,
        candidates=_candidates(options, scores[0].info.labels),
    )
    if not best:
        raise DataError("none of the model's labels is annotated in these recordings")
    say_table(threshold_table(best))
    names = shown([path.name for path in truth.recordings])
    say(
        "F1 is the highest of many here, so it is too good; report results on other "
        f"recordings than {names}"
    )
    chosen = [f"{entry.label}={entry.threshold:g}" for entry in best]
    emit(" ".join(f"--threshold {shlex.quote(text)}" for text in chosen))


def event_table(report: EventReport) -> "Table":
    """Return hits, misses and false alarms of each label."""
    columns = ["annotated", "hits", "misses", "false alarms"]
    table = plain_table(["label", *columns, "precision", "recall", "F1"])
    rows = report.classes
    for row in (*rows, report.overall) if len(rows) > 1 else rows:
        counts = (row.n_annotated, row.n_hits, row.n_misses, row.n_false_alarms)
        shares = (row.precision, row.recall, row.f1)
        table.add_row(
            escape(row.label), *map(str, counts), *(f"{share:.3f}" for share in shares)
        )
    return table


def threshold_table(best: Sequence[EventThreshold]) -> "Table":
    """Return the threshold of each label, and what it gives."""
    table = plain_table(["label", "annotated", "threshold", "F1"])
    for row in best:
        numbers = (str(row.n_annotated), f"{row.threshold:g}", f"{row.f1:.3f}")
        table.add_row(escape(row.label), *numbers)
    return table


def _labels(
    events: Events, model_labels: Sequence[str], options: EventOptions
) -> list[str]:
    """Return the labels to compare.

    Raises:
        DataError: If the annotations have others, and no labels were asked for.
    """
    if options.classes is not None:
        return list(options.classes)
    unknown = [name for name in events.label_names() if name not in model_labels]
    if unknown:
        raise DataError(
            f"the annotations have labels that the model does not know: "
            f"{shown(unknown)}; name those to compare with --classes"
        )
    return list(model_labels)


def _find(
    scores: "Sequence[RecordingScores]", options: EventOptions, threshold: float
) -> Events:
    rule = replace(options, threshold=[str(threshold)]).rule(scores[0].info.labels)
    return Events.concatenate([detect_events(each, rule) for each in scores])


def _candidates(options: EventOptions, labels: Sequence[str]) -> list[float]:
    """Return the thresholds to try: none below what an event lasts down to.

    Raises:
        SettingError: If there is none.
    """
    off = replace(options, threshold=["1"]).rule(labels).off
    least = max(off.values()) if isinstance(off, dict) else 0.0
    left = [value for value in CANDIDATES if value >= least]
    if not left:
        raise SettingError(f"--off {least:g} leaves no threshold to choose")
    return left


def _annotation_files(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        yield root
        return
    for path in sorted(root.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix.lower() in ANNOTATION_SUFFIXES and not is_hidden:
            yield path


def _read(
    path: Path, index: RecordingIndex, *, may_score: bool
) -> tuple[Events, set[Path]]:
    """Return the events of one file, and the scanned recordings it is about."""
    head = read_beginning(path)
    name = recognise_format(path, head)
    if name is None:
        raise DataError(f"{path}: is in no known format of annotations")
    if has_scores(head) and not may_score:
        raise DataError(f"{path}: tells scores, so it holds answers, not annotations")
    known = ANNOTATION_FORMATS[name]
    if not known.names_recordings(head):
        recording = index.match(path)
        return known.read(path, recording=recording), {recording}
    events = known.read(path)
    places = {str(place): index.find(place) for place in events.recordings()}
    scanned = {name: str(place) for name, place in places.items() if place}
    frame = events.frame.filter(events.frame["recording"].is_in(list(scanned)))
    frame = frame.with_columns(frame["recording"].replace(scanned))
    return Events(frame, events.rejected), {Path(name) for name in scanned.values()}
