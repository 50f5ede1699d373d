"""`sonotype check`: what is in a data set, and what is wrong with it."""

import json
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich import markup

from sonotype.interfaces.cli.console import (
    ConsoleObserver,
    emit,
    emit_table,
    plain_table,
    say,
    writable,
)
from sonotype.interfaces.cli.options import (
    ClassesOption,
    DataArgument,
    GroupByOption,
    ReportFormat,
    split_names,
)

if TYPE_CHECKING:
    from sonotype.clips import Clips
    from sonotype.dataset.checks.doctor import CheckReport
    from sonotype.dataset.checks.findings import Finding
    from sonotype.dataset.checks.hearing import Heard
    from sonotype.dataset.checks.leakage import SharedBy
    from sonotype.training.split_gap import ModelGap, SplitGap

FINDINGS_SHOWN = 5
PATHS_SHOWN = 3


class FailOn(StrEnum):
    """The least severity that makes the command fail."""

    error = "error"
    warning = "warning"
    never = "never"


class SplitForm(StrEnum):
    """How to divide the clips before counting what the parts share."""

    random = "random"
    grouped = "grouped"


def check(
    data: DataArgument,
    *,
    format: Annotated[ReportFormat, typer.Option(help="Form of the report.")] = (
        ReportFormat.table
    ),
    page: Annotated[
        Path | None, typer.Option(help="Write the report into this HTML file as well.")
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit with 1 if anything this bad is found.")
    ] = FailOn.error,
    layout: Annotated[
        str, typer.Option(help="How the data is laid out, as in train.")
    ] = "auto",
    classes: ClassesOption = None,
    group_by: GroupByOption = None,
    leakage: Annotated[
        SplitForm | None,
        typer.Option(
            help="Split in this way and count what training, validation and test "
            "share, instead of listing findings; then say what a random split is "
            "worth."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the splits for --leakage.")] = 0,
) -> None:
    """Look at every file of a data set; say what is in it and what is wrong."""
    from sonotype.dataset.checks.doctor import examine
    from sonotype.dataset.checks.hearing import listen_to_all
    from sonotype.dataset.groups import without_near_duplicates
    from sonotype.dataset.near_copies import join_near_copies
    from sonotype.dataset.readers.layout import read_dataset, recognise

    refuse_lost_page(page, leakage)
    say(f"{data}: {recognise(data, layout)}")
    told_by, joins = without_near_duplicates(group_by)
    names = split_names(classes)
    clips = read_dataset(data, layout=layout, classes=names, group_by=told_by)
    with ConsoleObserver() as observer:
        observer.stage("listening")
        heard = listen_to_all(clips, observer.progress)
        observer.stage("comparing")
        if joins:
            clips = join_near_copies(clips, heard.files, observer.progress)
        if leakage:
            leak = find_leakage(clips, heard, leakage, seed, observer)
        else:
            report = examine(clips, heard, observer.progress)
    if leakage:
        print_leakage(leak, format)
        return
    if format is ReportFormat.json:
        emit(json.dumps(report.to_dict(), indent=2))
    else:
        print_report(report, data)
    if page:
        from sonotype.dataset.checks.page import write_page

        write_page(report, page, root=data)
        say(f"wrote {page}")
    if is_failure(report.findings, fail_on):
        raise typer.Exit(1)


def refuse_lost_page(page: Path | None, leakage: SplitForm | None) -> None:
    """Raise before the work begins if no page would come of it.

    Raises:
        SettingError: If its folder is missing, or nothing would be written into it.
    """
    from sonotype.errors import SettingError

    if page and leakage:
        raise SettingError(
            "--page shows findings, and --leakage lists none; leave one of them out"
        )
    if page and not page.parent.is_dir():
        raise SettingError(f"--page {page}: there is no folder {page.parent}; make it")


def is_failure(findings: "tuple[Finding, ...]", fail_on: FailOn) -> bool:
    """Return whether anything at least as bad as `fail_on` was found."""
    bad = {
        FailOn.never: (),
        FailOn.error: ("error",),
        FailOn.warning: ("error", "warning"),
    }
    return any(finding.severity in bad[fail_on] for finding in findings)


class Leakage(NamedTuple):
    """What a split shares, and what a random one is worth, or why nobody can tell."""

    form: SplitForm
    shared: "tuple[SharedBy, ...]"
    gap: "SplitGap | None"
    problem: str | None


def find_leakage(
    clips: "Clips",
    heard: "Heard",
    form: SplitForm,
    seed: int,
    observer: ConsoleObserver,
) -> Leakage:
    """Split the clips in one way and count what the parts share; try quick models."""
    from sonotype.dataset.checks.leakage import (
        measure_leakage,
        split_at_random,
        split_by_group,
        usable_clips,
    )
    from sonotype.errors import DataError
    from sonotype.training.split_gap import measure_gap

    if form is SplitForm.random:
        parts = split_at_random(clips, seed=seed)
    else:
        parts = split_by_group(clips, heard.files, seed=seed)
    shared = measure_leakage(parts, heard.files, observer.progress)
    observer.stage("trying quick models")
    usable = usable_clips(clips, heard.files)
    try:
        gap = measure_gap(usable, seed=seed, on_progress=observer.progress)
    except DataError as error:
        return Leakage(form, shared, None, str(error))
    return Leakage(form, shared, gap, None)


def print_leakage(leak: Leakage, format: ReportFormat) -> None:
    """Print how many clips of each part an earlier part knows, and what it is worth."""
    if format is ReportFormat.json:
        plain = {
            "split": leak.form,
            "shared": [row.to_dict() for row in leak.shared],
            "gap": leak.gap.to_dict() if leak.gap else None,
            "gap_problem": leak.problem,
        }
        emit(json.dumps(plain))
        return
    table = plain_table(
        ["part", "against", "clips", "shared groups", "copies", "near copies"],
        title=f"clips that a part shares with an earlier one, {leak.form} split",
    )
    for row in leak.shared:
        numbers = (row.n_clips, row.n_in_shared_groups, row.n_copies, row.n_near_copies)
        table.add_row(row.part, row.source, *(f"{number:,}" for number in numbers))
    emit_table(table)
    if leak.gap:
        print_gap(leak.gap)
    else:
        emit(f"\nwhat a random split is worth cannot be told: {leak.problem}")


def print_gap(gap: "SplitGap") -> None:
    """Print how right quick models are on both kinds of split."""
    n_splits = len(gap.models[0].random)
    table = plain_table(
        ["quick model", "random split", "grouped split", "gap in points"],
        title=f"right answers in {n_splits} tests on {gap.n_test:,} clips each",
    )
    for model in gap.models:
        table.add_row(model.model, *gap_cells(model))
    emit("")
    emit_table(table)
    emit(f"\n{gap.sentence()}")


def gap_cells(model: "ModelGap") -> list[str]:
    """Return the numbers of one quick model, in percent."""
    from statistics import mean, stdev

    shares = [
        f"{100 * mean(part):.1f} % ±{100 * stdev(part):4.1f}"
        for part in (model.random, model.grouped)
    ]
    return [*shares, f"{100 * model.gap:+.1f} ±{100 * model.spread:4.1f}"]


def print_report(report: "CheckReport", root: Path) -> None:
    """Print what is in the data set, then the findings, the worst first."""
    from sonotype.dataset.checks.findings import KINDS, count_by_severity

    print_contents(report)
    for kind, group in groupby(report.findings, key=lambda finding: finding.kind):
        findings = list(group)
        known = KINDS[kind]
        number = f" ({len(findings):,})" if len(findings) > 1 else ""
        emit(f"\n{known.severity}: {known.title}{number}")
        for finding in findings[:FINDINGS_SHOWN]:
            emit(f"  {printable(finding.message)}{examples(finding, root)}")
        if len(findings) > FINDINGS_SHOWN:
            emit(f"  and {len(findings) - FINDINGS_SHOWN:,} more")
        emit(f"  -> {known.advice}")
    counts = count_by_severity(report.findings)
    words = ", ".join(
        f"{n:,} {severity}{'' if n == 1 else 's'}" for severity, n in counts.items()
    )
    emit(f"\n{words}")
    if any(len(finding.paths) > PATHS_SHOWN for finding in report.findings):
        say("--page FILE.html or --format json lists every file")


def print_contents(report: "CheckReport") -> None:
    """Print files by their kind, and clips and groups by class."""
    for name, value in contents(report).items():
        emit(f"{name:<9} {value}")
    table = plain_table(["class", "clips", "groups"])
    for row in report.classes:
        # Escaped, or rich takes a label like "[b]" for its markup.
        label = markup.escape(printable(row.label))
        table.add_row(label, f"{row.n_clips:,}", f"{row.n_groups:,}")
    table.add_section()
    table.add_row("all", f"{report.n_clips:,}", f"{report.n_groups:,}")
    emit("")
    emit_table(table)


def contents(report: "CheckReport") -> dict[str, str]:
    """Return what the files are, as lines of a table."""
    rates = {f"{rate:,} Hz": count for rate, count in report.sample_rates.items()}
    channels = {f"{number}": count for number, count in report.channels.items()}
    lengths = ", ".join(
        f"{name} {value:.3g}" for name, value in report.length_seconds.items()
    )
    return {
        "files": f"{report.n_files:,}, {report.hours:.2f} hours",
        "format": tally(report.formats),
        "encoding": tally(report.encodings),
        "rate": tally(rates),
        "channels": tally(channels),
        "seconds": lengths,
    }


def tally(counts: dict[str, int]) -> str:
    """Return counts in words, the greatest first."""
    return ", ".join(f"{name} ({count:,})" for name, count in counts.items())


def examples(finding: "Finding", root: Path) -> str:
    """Return the first files of a finding, below the data folder."""
    if not finding.paths:
        return ""
    names = [
        str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        for path in finding.paths[:PATHS_SHOWN]
    ]
    more = len(finding.paths) - len(names)
    return f"\n    {printable(', '.join(names))}" + (
        f" and {more:,} more" if more else ""
    )


def printable(text: str) -> str:
    """Return text without what would break a line or cannot be written as UTF-8."""
    shown = "".join(
        letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text
    )
    return writable(shown)
