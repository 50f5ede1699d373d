"""How the commands print: data to stdout, everything else to stderr."""

import io
import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table

if TYPE_CHECKING:  # the help must not wait for polars
    from sonotype.clips import Rejected
    from sonotype.dataset.checks.findings import Finding
    from sonotype.dataset.split import Split
    from sonotype.models.weights import PublishedWeights
    from sonotype.training.transfer.auto import Choice
    from sonotype.training.transfer.compare import Candidate

REJECTED_SHOWN = 10


def emit(text: str) -> None:
    """Write data to stdout."""
    sys.stdout.write(writable(text if text.endswith("\n") else f"{text}\n"))


def say(text: str) -> None:
    """Write a message for a person to stderr."""
    sys.stderr.write(f"{writable(text)}\n")


def writable(text: str) -> str:
    """Return text with the bytes of file names that are not UTF-8 as numbers."""
    return text.encode(errors="backslashreplace").decode()


def say_table(table: Table) -> None:
    """Draw a table on stderr."""
    Console(stderr=True, highlight=False).print(table)


def emit_table(table: Table) -> None:
    """Draw a table on stdout."""
    Console(highlight=False).print(table)


def plain_table(columns: Sequence[str], title: str | None = None) -> Table:
    """Return an empty table: first column text, the others numbers to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left")
    return table


def say_rejected(rejected: "Sequence[Rejected]", where: str = "") -> None:
    """List the files that were set aside, the first few with their reasons."""
    if not rejected:
        return
    files = "1 file was" if len(rejected) == 1 else f"{len(rejected)} files were"
    say(f"{files} set aside{where}:")
    for file in rejected[:REJECTED_SHOWN]:
        say(f"  {file.path}: {file.reason}")
    if len(rejected) > REJECTED_SHOWN:
        say(f"  and {len(rejected) - REJECTED_SHOWN} more")


def split_table(parts: "Split") -> Table:
    """Return the clips of each class and the groups in each part of a split.

    A clip with several labels counts in each of its classes; clips with none have a row
    of their own.
    """
    table = plain_table(["class", *parts._fields])
    counts = [part.counts() for part in parts]
    for label in parts.train.labels:
        table.add_row(escape(label), *(str(count[label]) for count in counts))
    unlabelled = [(part.frame["labels"].list.len() == 0).sum() for part in parts]
    if any(unlabelled):
        table.add_row("no class", *map(str, unlabelled))
    table.add_row("all", *(str(len(part)) for part in parts), end_section=True)
    table.add_row("groups", *(str(part.frame["group"].n_unique()) for part in parts))
    return table


def candidate_line(candidate: "Candidate") -> str:
    """Return what a backbone achieved, in columns."""
    return (
        f"  {candidate.backbone:<20} {candidate.score:.3f} ({candidate.interval})"
        f"  {candidate.seconds:4.0f} s {candidate.megabytes:6.1f} MB"
    )


def download_line(published: "PublishedWeights") -> str:
    """Return what is to be downloaded, from where, and what may be done with it."""
    size = f"{published.n_bytes / 1e6:.1f} MB" if published.n_bytes else "size unknown"
    return (
        f"downloading {published.file_name} ({size}; "
        f"licence {published.licence or 'not stated'}) from {published.address}"
    )


def restriction_line(published: "PublishedWeights") -> str:
    """Return what may not be done with a model made of some weights."""
    return (
        f"licence of {published.file_name}: {published.licence}; "
        "neither it nor a model made of it is for commercial use"
    )


def own_stderr() -> TextIO:
    """Return a copy of stderr, whose bars `quiet_stderr` does not swallow."""
    try:
        return os.fdopen(os.dup(sys.stderr.fileno()), "w")
    except io.UnsupportedOperation:  # somebody put another object in its place
        return sys.stderr


class ConsoleObserver:
    """Shows stages and progress bars with the time left, on stderr."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<31}"),
            BarColumn(bar_width=12),
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
            TimeRemainingColumn(table_column=Column(no_wrap=True, min_width=7)),
            TextColumn("{task.fields[detail]}"),
            console=Console(file=own_stderr(), highlight=False),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "ConsoleObserver":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._finish()
        self._bars.stop()

    def stage(self, name: str) -> None:
        """Finish the last bar and begin another."""
        self._finish()
        self._task = self._bars.add_task(name, total=None, detail="")

    def progress(self, done: int, total: int, detail: str = "") -> None:
        """Move the current bar."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=total, detail=detail)

    def candidate(self, candidate: "Candidate") -> None:
        """Print a line of the table of backbones, above the bars."""
        self._bars.print(candidate_line(candidate), markup=False)

    def choice(self, choice: "Choice") -> None:
        """Print how the model will be trained, and why, above the bars."""
        for reason in choice.reasons:
            self._bars.print(reason, markup=False)

    def download(self, published: "PublishedWeights") -> None:
        """Print what is to be downloaded above the bars, and begin one for it."""
        self._bars.console.print(download_line(published), markup=False, soft_wrap=True)
        self.stage(f"Fetching {published.file_name}")

    def restricted(self, published: "PublishedWeights") -> None:
        """Print above the bars what the licence of weights forbids."""
        line = restriction_line(published)
        self._bars.console.print(line, markup=False, soft_wrap=True)

    def findings(self, found: "tuple[Finding, ...]") -> None:
        """Print what is wrong with the data, a line a kind, above the bars."""
        from sonotype.dataset.checks.quick import finding_lines

        for line in finding_lines(found):
            self._bars.console.print(escape(writable(line)), soft_wrap=True)
        if found:
            self._bars.console.print("sonotype check tells more, with advice")

    def parts(self, parts: "Split") -> None:
        """Print how the clips were split, above the bars."""
        self._bars.console.print(split_table(parts))

    def _finish(self) -> None:
        if self._task is not None:
            task = self._bars.tasks[-1]
            total = task.total or 1
            self._bars.update(self._task, total=total, completed=total)
            self._bars.stop_task(self._task)
