import json
import math
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from sklearn import metrics as oracle

from sonotype.clips import Clip, Clips
from sonotype.errors import DataError
from sonotype.evaluation.evaluate import evaluate
from sonotype.evaluation.label_figure import plot_average_precision
from sonotype.evaluation.multi_label import MultiLabelReport, multi_label_report
from sonotype.labels import Labels, Task

BIRDS = Labels(("crow", "owl", "wren"))


def make_clips(rng: np.random.Generator, n_clips: int = 60) -> Clips:
    """Clips that hold each bird or not, six a group."""
    return Clips.of(
        (
            Clip(
                Path(f"{position}.wav"),
                tuple(bird for bird in BIRDS if rng.uniform() < 0.4),
                f"site-{position // 6}",
            )
            for position in range(n_clips)
        ),
        BIRDS,
    )


def test_numbers_equal_scikit_learn(rng: np.random.Generator) -> None:
    clips = make_clips(rng)
    known, scores = clips.label_matrix(), rng.uniform(size=(60, 3)).round(2)
    thresholds = {"crow": 0.3, "owl": 0.5, "wren": 0.7}
    report = multi_label_report(scores, clips, BIRDS, thresholds=thresholds)
    given = scores >= [0.3, 0.5, 0.7]
    assert (report.n_clips, report.n_groups) == (60, 10)
    expected = oracle.average_precision_score(known, scores, average="macro")
    assert report.mean_average_precision == pytest.approx(expected)
    expected = oracle.f1_score(known, given, average="macro", zero_division=0)
    assert report.macro_f1 == pytest.approx(expected)
    for position, entry in enumerate(report.classes):
        truth, above = known[:, position], given[:, position]
        assert entry.precision == pytest.approx(oracle.precision_score(truth, above))
        assert entry.recall == pytest.approx(oracle.recall_score(truth, above))
        assert entry.n_heard + entry.n_absent == 60
    interval = report.mean_average_precision_interval
    assert interval.low < report.mean_average_precision < interval.high


def test_what_is_unknown_changes_no_number(rng: np.random.Generator) -> None:
    clips, scores = make_clips(rng), rng.uniform(size=(60, 3))
    unknown = Clips.of([Clip(Path("x.wav"), (), "site-0", absent=())], BIRDS)
    more = Clips.concatenate([clips, unknown])
    extended = np.concatenate([scores, rng.uniform(size=(1, 3))])
    before = multi_label_report(scores, clips, BIRDS)
    after = multi_label_report(extended, more, BIRDS)
    assert before.classes == after.classes


def test_labels_are_matched_by_name_and_unlisted_ones_are_unknown() -> None:
    clips = Clips.of(
        [Clip(Path("a.wav"), ("wren",), "a"), Clip(Path("b.wav"), (), "b")],
        Labels(("wren", "owl")),
    )
    scores = np.array([[0.1, 0.2, 0.9], [0.3, 0.1, 0.4]])
    crow, owl, wren = multi_label_report(scores, clips, BIRDS).classes
    assert (crow.n_heard, crow.n_absent) == (0, 0)
    assert (owl.n_absent, wren.average_precision) == (2, 1.0)
    assert math.isnan(crow.average_precision)


def test_a_model_with_thresholds_is_evaluated_as_multi_label() -> None:
    class Owls:
        labels = BIRDS
        task: Task = "multi-label"
        thresholds = MappingProxyType({"crow": 0.5, "owl": 0.2, "wren": 0.5})

        def scores(self, clips: Clips) -> np.ndarray:
            return np.tile([0.0, 0.3, 0.0], (len(clips), 1))

    heard = [("owl",), ("crow", "owl"), ()]
    clips = Clips.of(
        (Clip(Path(f"{n}.wav"), names, f"{n}") for n, names in enumerate(heard)), BIRDS
    )
    report = evaluate(Owls(), clips)
    assert isinstance(report, MultiLabelReport)
    crow, owl, _ = report.classes
    assert (owl.precision, owl.recall, owl.threshold) == (2 / 3, 1.0, 0.2)
    assert (crow.recall, math.isnan(crow.precision)) == (0.0, True)
    assert report.macro_f1 == pytest.approx((0.8 + 0.0) / 2)


def test_the_dict_survives_strict_json() -> None:
    clips = Clips.of([Clip(Path("a.wav"), ("owl",), "a")], BIRDS)
    report = multi_label_report(np.zeros((1, 3)), clips, BIRDS)
    kept = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert kept["mean_average_precision"] is None
    assert kept["mean_average_precision_interval"]["low"] is None
    assert [entry["label"] for entry in kept["classes"]] == list(BIRDS)
    assert str(report).endswith("on 1 clip of 1 group, macro F1 0.000")


def test_unknown_labels_and_no_clips_are_refused() -> None:
    clips = Clips.of([Clip(Path("a.wav"), ("duck",), "a")])
    with pytest.raises(DataError, match="does not know: 'duck'"):
        multi_label_report(np.zeros((1, 3)), clips, BIRDS)
    with pytest.raises(DataError, match="no clips to evaluate"):
        multi_label_report(np.zeros((0, 3)), Clips.of([], BIRDS), BIRDS)


def test_the_picture_shows_each_label_worst_at_the_bottom(
    rng: np.random.Generator,
) -> None:
    report = multi_label_report(rng.uniform(size=(60, 3)), make_clips(rng), BIRDS)
    (axes,) = plot_average_precision(report).axes
    widths = [bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle)]
    assert widths == sorted(entry.average_precision for entry in report.classes)
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert {name.split()[0] for name in names} == set(BIRDS)
