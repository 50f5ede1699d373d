"""The average precision of every label as a picture."""

from typing import TYPE_CHECKING

import numpy as np

from sonotype.errors import MissingDependencyError
from sonotype.evaluation.multi_label import MultiLabelReport
from sonotype.evaluation.words import counted, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_INCHES = 0.26
# More labels than this would make a picture that nobody prints or reads.
MOST_LABELS = 80


def plot_average_precision(report: MultiLabelReport) -> "Figure":
    """Draw how well each label is found, best first.

    A bar is the average precision, which needs no threshold; the two marks are
    precision and recall at the label's threshold. The number of clips that hold the
    label stands beside its name, for few clips make a rough number.

    Args:
        report: The outcome of an evaluation; of more than 80 labels the worst 80 are
            drawn.

    Returns:
        A matplotlib figure that belongs to no window: save it with `savefig`.

    Raises:
        MissingDependencyError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError("matplotlib", "train") from None

    known = [entry for entry in report.classes if entry.n_heard and entry.n_absent]
    shown = sorted(known, key=lambda entry: entry.average_precision)[:MOST_LABELS]
    rows = np.arange(len(shown))
    figure = Figure(figsize=(7.0, 1.6 + ROW_INCHES * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    values = [entry.average_precision for entry in shown]
    axes.barh(rows, values, color="#9ecae1", label="average precision")
    for name, marker, colour in (("precision", ">", "#08519c"), ("recall", "o", "0.2")):
        marks = [getattr(entry, name) for entry in shown]
        axes.plot(marks, rows, marker, ms=4, color=colour, label=f"{name} at threshold")
    names = [f"{shortened(entry.label)} ({entry.n_heard})" for entry in shown]
    axes.set_yticks(rows, names)
    # A label like "$10" is a name, not the start of a formula.
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.set_ylim(-0.6, max(len(shown), 1) - 0.4)
    axes.set_xlim(0.0, 1.02)
    axes.set_xlabel("share")
    axes.set_ylabel("label (clips that hold it)")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    figure.suptitle(
        f"mean average precision {report.mean_average_precision:.3f} "
        f"({report.mean_average_precision_interval})\n"
        f"{counted(report.n_clips, 'clip')} of {counted(report.n_groups, 'group')}, "
        f"macro F1 {report.macro_f1:.3f}",
        fontsize="medium",
    )
    return figure
