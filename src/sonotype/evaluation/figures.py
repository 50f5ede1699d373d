"""Reports as pictures."""

from typing import TYPE_CHECKING

import numpy as np

from sonotype.errors import MissingDependencyError
from sonotype.evaluation.label_figure import plot_average_precision
from sonotype.evaluation.multi_label import MultiLabelReport
from sonotype.evaluation.report import Report
from sonotype.evaluation.words import counted, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# With more classes a count no longer fits its cell, and the colour has to do.
MOST_CLASSES_WITH_COUNTS = 20
# With more classes only every second, third, ... one is named.
MOST_NAMES = 60
BAR_PERCENT = (0, 1, 5, 10, 20, 40, 60, 80, 100)
# Widths in inches at the font sizes used, found by looking.
CELL_INCHES = 0.48
SMALL_CELL_INCHES = 0.2
LEAST_INCHES = 2.6
MOST_INCHES = 12.0
CHARACTER_INCHES = 0.085


def plot_report(report: Report | MultiLabelReport) -> "Figure":
    """Draw a report: the confusion matrix, or the labels where a clip has several."""
    if isinstance(report, MultiLabelReport):
        return plot_average_precision(report)
    return plot_confusion(report)


def plot_confusion(report: Report) -> "Figure":
    """Draw the confusion matrix of a report.

    A row is a true label. The colour is the share of that row, so a rare class can be
    read like a common one, and it grows with the square root, so a confusion of a few
    per cent shows. The number is the count, left out where it is 0 or where there are
    more than 20 classes. The row of a class without clips is grey.

    Args:
        report: The outcome of an evaluation.

    Returns:
        A matplotlib figure that belongs to no window: save it with `savefig`.

    Raises:
        MissingDependencyError: If matplotlib is not installed.

    Example:
        >>> from pathlib import Path
        >>> from sonotype.clips import Clip, Clips
        >>> from sonotype.evaluation.report import report_from_scores
        >>> clips = Clips.of([Clip(Path(f"{n}.wav"), (n,), n) for n in ("no", "yes")])
        >>> report = report_from_scores(np.eye(2), clips, clips.labels)
        >>> figure = plot_confusion(report)
        >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
        ('predicted', 'true')
    """
    try:
        from matplotlib import colormaps
        from matplotlib.colors import PowerNorm
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError("matplotlib", "train") from None

    names = [shortened(name) for name in report.labels]
    counts = np.array(report.confusion, dtype=np.int64)  # (true, predicted)
    figure = Figure(figsize=_size_inches(names), layout="compressed")
    axes = figure.add_subplot()
    # One hue from light to dark: readable without colour vision, and in grey print.
    colours = colormaps["Blues"].with_extremes(bad="0.9")
    # The square root lifts the few per cent of a confusion off the white of none.
    scale = PowerNorm(0.5, vmin=0.0, vmax=100.0)
    percent = _row_percent(counts)
    image = axes.imshow(percent, cmap=colours, norm=scale, interpolation="none")
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03, ticks=BAR_PERCENT)
    bar.set_label("% of the clips of the true label")
    _name_axes(axes, names)
    if len(names) <= MOST_CLASSES_WITH_COUNTS:
        _write_counts(axes, counts, colours(scale(percent)))
    axes.set_title(_title(report), fontsize="medium")
    return figure


def _title(report: Report) -> str:
    """Return the report in two lines, which fit above a small matrix too."""
    return (
        f"accuracy {report.accuracy:.3f} ({report.accuracy_interval})\n"
        f"{counted(report.n_clips, 'clip')} of {counted(report.n_groups, 'group')}, "
        f"macro F1 {report.macro_f1:.3f}"
    )


def _size_inches(names: list[str]) -> tuple[float, float]:
    """Return width and height with room for the cells, the names and the bar."""
    has_counts = len(names) <= MOST_CLASSES_WITH_COUNTS
    cell_inches = CELL_INCHES if has_counts else SMALL_CELL_INCHES
    side = min(max(len(names) * cell_inches, LEAST_INCHES), MOST_INCHES)
    margin = 0.6 + CHARACTER_INCHES * max(len(name) for name in names)
    return side + margin + 1.0, side + margin + 0.8


def _row_percent(counts: np.ndarray) -> np.ndarray:
    """Return each row in percent of its sum; a row without clips is masked."""
    n_true = counts.sum(axis=1, keepdims=True)
    percent = 100.0 * counts / np.maximum(n_true, 1)
    is_empty = np.broadcast_to(n_true == 0, counts.shape)
    return np.ma.masked_array(percent, mask=is_empty)


def _name_axes(axes: "Axes", names: list[str]) -> None:
    """Put the names along both axes, and what the axes are."""
    step = -(-len(names) // MOST_NAMES)
    places, shown = range(0, len(names), step), names[::step]
    axes.set_xticks(places, shown, rotation=90)
    axes.set_yticks(places, shown)
    small = len(names) > MOST_CLASSES_WITH_COUNTS
    axes.tick_params(length=0, labelsize="small" if small else "medium")
    # A label like "$10" is a name, not the start of a formula.
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_parse_math(False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")


def _write_counts(axes: "Axes", counts: np.ndarray, colours: np.ndarray) -> None:
    """Write each count into its cell, white where the cell is dark."""
    # Luma weights of ITU-R BT.601.
    is_dark = colours[..., :3] @ np.array([0.299, 0.587, 0.114]) < 0.5
    fontsize = "small" if counts.max() >= 10_000 else "medium"
    for row, column in np.argwhere(counts):
        axes.text(
            column,
            row,
            f"{counts[row, column]}",
            ha="center",
            va="center",
            fontsize=fontsize,
            color="white" if is_dark[row, column] else "black",
        )
