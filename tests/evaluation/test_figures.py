import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from sonotype.clips import Clip, Clips
from sonotype.errors import MissingDependencyError
from sonotype.evaluation.figures import MOST_CLASSES_WITH_COUNTS, plot_confusion
from sonotype.evaluation.report import Report, report_from_scores
from sonotype.labels import Labels

LONG_NAME = "European Herring Gull (Larus argentatus), juvenile contact call"


def make_report(confusion: np.ndarray, names: list[str] | None = None) -> Report:
    """A report with just these counts."""
    names = names or [f"class {index}" for index in range(len(confusion))]
    true, predicted = np.nonzero(confusion)
    n_clips = confusion[true, predicted]
    true, predicted = np.repeat(true, n_clips), np.repeat(predicted, n_clips)
    clips = Clips.of(
        (
            Clip(Path(f"{number}.wav"), (names[index],), f"group {number % 7}")
            for number, index in enumerate(true)
        ),
        Labels(tuple(names)),
    )
    return report_from_scores(np.eye(len(names))[predicted], clips, clips.labels)


def make_counts(n_labels: int) -> np.ndarray:
    generator = np.random.default_rng(n_labels)
    counts = generator.integers(0, 3, (n_labels, n_labels))
    return counts + np.diag(generator.integers(5, 40, n_labels))


def drawn(figure: Figure) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of the cells, and their red, green and blue."""
    image = figure.axes[0].images[0]
    values = image.get_array()
    assert values is not None
    return values, image.to_rgba(values)[..., :3]


def test_a_row_is_a_true_label_in_per_cent() -> None:
    counts = np.array([[8, 2, 0], [1, 1, 0], [0, 0, 4]])
    figure = plot_confusion(make_report(counts, ["no", "up", "yes"]))
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert bar.get_ylabel() == "% of the clips of the true label"
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == ["no", "up", "yes"]
    percent, _ = drawn(figure)
    np.testing.assert_allclose(percent, [[80, 20, 0], [50, 50, 0], [0, 0, 100]])


def test_counts_stand_in_their_cells_and_zeros_are_left_out() -> None:
    counts = np.array([[8, 2, 0], [1, 1, 0], [0, 0, 4]])
    axes = plot_confusion(make_report(counts)).axes[0]
    written = {text.get_position(): int(text.get_text()) for text in axes.texts}
    # A position is (x, y): column first.
    assert written == {(0, 0): 8, (1, 0): 2, (0, 1): 1, (1, 1): 1, (2, 2): 4}


def test_every_count_can_be_read_on_its_colour() -> None:
    shares = np.arange(0, 101, 10)
    counts = np.zeros((11, 11), dtype=np.int64)
    counts[:, 0], counts[:, 1] = shares, 100 - shares
    figure = plot_confusion(make_report(counts))
    _, colours = drawn(figure)

    def luminance(colour: np.ndarray) -> float:
        """Relative luminance, WCAG 2.2."""
        linear = np.where(
            colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for text in figure.axes[0].texts:
        column, row = (int(place) for place in text.get_position())
        pair = sorted(
            luminance(np.array(colour))
            for colour in (to_rgb(text.get_color()), colours[row, column])
        )
        # 3 to 1 is the least contrast WCAG allows for large text.
        assert (pair[1] + 0.05) / (pair[0] + 0.05) > 3.0


def test_row_without_clips_is_grey() -> None:
    percent, colours = drawn(plot_confusion(make_report(np.array([[3, 1], [0, 0]]))))
    assert np.ma.getmaskarray(percent).tolist() == [[False, False], [True, True]]
    red, green, blue = colours[1, 0]
    assert red == green == blue < 1.0


def test_title_has_accuracy_interval_and_macro_f1() -> None:
    report = make_report(make_counts(4))
    title = plot_confusion(report).axes[0].get_title()
    assert f"accuracy {report.accuracy:.3f} ({report.accuracy_interval})" in title
    assert f"{report.n_clips} clips of 7 groups" in title
    assert f"macro F1 {report.macro_f1:.3f}" in title


@pytest.mark.parametrize(
    ("n_labels", "name"),
    [(1, "w"), (2, LONG_NAME), (8, "w"), (12, LONG_NAME), (35, LONG_NAME), (50, "w")],
)
def test_all_of_it_fits_on_the_picture(
    n_labels: int, name: str, tmp_path: Path
) -> None:
    names = [f"{name} {index}" for index in range(n_labels)]
    figure = plot_confusion(make_report(make_counts(n_labels), names))
    figure.savefig(tmp_path / "confusion.png", dpi=figure.dpi)
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
    for text in figure.findobj(Text):
        if not text.get_text():
            continue
        box = text.get_window_extent()
        assert min(box.x0, box.y0) >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text
    n_written = len(figure.axes[0].texts)
    assert (n_written > 0) == (n_labels <= MOST_CLASSES_WITH_COUNTS)


@pytest.mark.parametrize("axis", ["x", "y"])
def test_names_do_not_overlap(axis: str) -> None:
    figure = plot_confusion(make_report(make_counts(50)))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    ticks = axes.get_xticklabels() if axis == "x" else axes.get_yticklabels()
    boxes = [tick.get_window_extent() for tick in ticks]
    starts = sorted((getattr(b, f"{axis}0"), getattr(b, f"{axis}1")) for b in boxes)
    for (_, end), (start, _) in itertools.pairwise(starts):
        assert start >= end - 1


def test_large_counts_stay_in_their_cells() -> None:
    report = make_report(np.array([[6]]))
    huge = Report(**{**vars(report), "confusion": ((999_999,),)})
    cells = plot_confusion(make_report(make_counts(12)))
    figure = plot_confusion(huge)
    figure.draw_without_rendering()
    (number,) = figure.axes[0].texts
    width = number.get_window_extent().width
    cells.draw_without_rendering()
    assert width < cells.axes[0].get_window_extent().width / 12


def test_hundreds_of_classes_are_drawn_with_some_of_the_names() -> None:
    figure = plot_confusion(make_report(np.eye(300, dtype=np.int64)))
    ticks = figure.axes[0].get_yticklabels()
    assert [tick.get_text() for tick in ticks][:3] == ["class 0", "class 5", "class 10"]
    assert max(figure.get_size_inches()) < 20


def test_names_are_taken_as_they_are(tmp_path: Path) -> None:
    names = ["$10", "$_bad^{$", LONG_NAME]
    figure = plot_confusion(make_report(make_counts(3), names))
    figure.savefig(tmp_path / "confusion.svg")
    shown = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert shown[:2] == names[:2]
    assert shown[2].startswith("European")
    assert shown[2].endswith("call")
    assert len(shown[2]) < 30


def test_leaves_no_state_behind() -> None:
    code = (
        "import sys, numpy\n"
        "import sonotype.evaluation.figures as figures\n"
        "assert 'matplotlib' not in sys.modules, 'imported too early'\n"
        "from pathlib import Path\n"
        "from sonotype.clips import Clip, Clips\n"
        "from sonotype.evaluation.report import report_from_scores\n"
        "clips = Clips.of([Clip(Path('a.wav'), ('no',), 'a')])\n"
        "report = report_from_scores(numpy.eye(1), clips, clips.labels)\n"
        "figures.plot_confusion(report)\n"
        "assert 'matplotlib.pyplot' not in sys.modules, 'pyplot keeps figures'\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"sonotype\[train\]"):
        plot_confusion(make_report(np.array([[1]])))
