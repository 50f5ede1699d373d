"""Reports as tables on the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from sonotype.interfaces.cli.console import emit, emit_table, plain_table

if TYPE_CHECKING:  # the help must not wait for numpy
    from sonotype.evaluation.multi_label import MultiLabelReport
    from sonotype.evaluation.report import Report


def print_reports(reports: "Mapping[str, Report | MultiLabelReport]") -> None:
    """Print the headline of every report, then the tables of the first."""
    from sonotype.evaluation.report import Report

    for name, report in reports.items():
        emit(f"{name:<7} {report}")
    first = next(iter(reports.values()))
    if isinstance(first, Report):
        tables = [class_table(first), confusion_table(first)]
    else:
        tables = [label_table(first)]
    for table in tables:
        emit("")
        emit_table(table)


def class_table(report: "Report") -> Table:
    """Return precision, recall and F1 of each class."""
    table = plain_table(["class", "clips", "precision", "recall", "F1"])
    for row in report.classes:
        shares = (f"{share:.3f}" for share in (row.precision, row.recall, row.f1))
        table.add_row(escape(row.label), str(row.n_clips), *shares)
    return table


def confusion_table(report: "Report") -> Table:
    """Return the confusion matrix, nothing where there is none."""
    table = plain_table(["true \\ predicted", *report.labels])
    for label, counts in zip(report.labels, report.confusion, strict=True):
        table.add_row(escape(label), *(str(count or ".") for count in counts))
    return table


def label_table(report: "MultiLabelReport") -> Table:
    """Return average precision and, at its threshold, precision and recall of each."""
    columns = ["heard", "absent", "avg. precision", "threshold", "precision", "recall"]
    table = plain_table(["label", *columns])
    for row in report.classes:
        shares = (row.average_precision, row.threshold, row.precision, row.recall)
        table.add_row(
            escape(row.label),
            str(row.n_heard),
            str(row.n_absent),
            *(f"{share:.3f}" for share in shares),
        )
    return table
