import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as oracle

from sonotype.clips import Clip, Clips
from sonotype.errors import DataError
from sonotype.evaluation.evaluate import evaluate as evaluate_any
from sonotype.evaluation.report import (
    ClassReport,
    Mistake,
    Report,
    report_from_scores,
)
from sonotype.labels import Labels, Task

NO_UP_YES = Labels(("no", "up", "yes"))


class Lookup:
    """A model that gives each file the scores it was told."""

    task: Task = "single-label"
    thresholds = None

    def __init__(self, labels: Labels, known: dict[str, list[float]]) -> None:
        self.labels = labels
        self.known = known

    def scores(self, clips: Clips) -> np.ndarray:
        return np.array([self.known[path.name] for path in clips.paths()])


def evaluate(model: Lookup, clips: Clips) -> Report:
    """The report, which is this one for a single-label model."""
    report = evaluate_any(model, clips)
    assert isinstance(report, Report)
    return report


def make_clips(*names: str, labels: Labels | None = None, group: str = "") -> Clips:
    """One file a name, `no-0.wav` and so on, each its own group unless given."""
    return Clips.of(
        (
            Clip(Path(f"{name}-{number}.wav"), (name,), group or f"{name}-{number}")
            for number, name in enumerate(names)
        ),
        labels,
    )


@pytest.fixture
def clips() -> Clips:
    return make_clips("no", "no", "up", "yes", labels=NO_UP_YES)


@pytest.fixture
def model() -> Lookup:
    """Right on the first and last clip, surest on its mistake in the third."""
    scores = {
        "no-0.wav": [0.7, 0.2, 0.1],
        "no-1.wav": [0.3, 0.1, 0.6],
        "up-2.wav": [0.9, 0.0, 0.1],
        "yes-3.wav": [0.0, 0.0, 1.0],
    }
    return Lookup(NO_UP_YES, scores)


def test_counts_by_hand(model: Lookup, clips: Clips) -> None:
    report = evaluate(model, clips)
    assert (report.n_clips, report.n_groups, report.accuracy) == (4, 4, 0.5)
    assert report.confusion == ((1, 0, 1), (1, 0, 0), (0, 0, 1))
    no, up, yes = report.classes
    assert no == ClassReport("no", 2, precision=0.5, recall=0.5, f1=0.5)
    assert (up.n_clips, up.recall, up.f1) == (1, 0.0, 0.0)
    assert math.isnan(up.precision)
    assert (yes.precision, yes.recall) == (0.5, 1.0)
    assert yes.f1 == pytest.approx(2 / 3)
    assert report.macro_f1 == pytest.approx((1 / 2 + 0 + 2 / 3) / 3)


def test_mistakes_come_surest_first(model: Lookup, clips: Clips) -> None:
    assert evaluate(model, clips).mistakes == (
        Mistake(Path("up-2.wav"), true="up", predicted="no", score=0.9),
        Mistake(Path("no-1.wav"), true="no", predicted="yes", score=0.6),
    )


def test_equally_sure_mistakes_keep_the_order_of_the_table() -> None:
    clips = make_clips("yes", *["no"] * 200)
    scores = np.array([[0.2, 0.8], *[[0.1, 0.9], [0.2, 0.8]] * 100])
    mistakes = report_from_scores(scores, clips, clips.labels).mistakes
    wanted = [f"no-{number}" for number in (*range(1, 201, 2), *range(2, 201, 2))]
    assert [mistake.path.stem for mistake in mistakes] == wanted


def test_a_mistake_says_where_in_its_file_it_is() -> None:
    clip = Clip(Path("dawn.wav"), ("no",), "a", start_seconds=3.0, end_seconds=4.5)
    clips = Clips.of([clip], NO_UP_YES)
    (mistake,) = report_from_scores(
        np.array([[0.0, 1.0, 0.0]]), clips, NO_UP_YES
    ).mistakes
    assert (mistake.start_seconds, mistake.end_seconds) == (3.0, 4.5)


def test_labels_are_matched_by_name_not_position(model: Lookup, clips: Clips) -> None:
    shuffled = Clips(clips.frame, Labels(("yes", "no", "up")))
    assert evaluate(model, shuffled).to_dict() == evaluate(model, clips).to_dict()


def test_clips_may_carry_only_some_of_the_labels(model: Lookup) -> None:
    some = make_clips("no", "no", labels=Labels(("no",)))
    report = evaluate(model, some)
    assert report.labels == NO_UP_YES
    assert report.confusion == ((1, 0, 1), (0, 0, 0), (0, 0, 0))
    assert [entry.n_clips for entry in report.classes] == [2, 0, 0]


def test_a_listed_label_that_no_clip_carries_does_no_harm(model: Lookup) -> None:
    listed = Labels(("bed", "no", "up", "yes"))
    assert evaluate(model, make_clips("no", labels=listed)).accuracy == 1.0


def test_numbers_equal_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    labels = Labels(tuple("abcdefgh"))
    true = generator.integers(0, 7, 300)
    scores = generator.random((300, 8))
    scores[np.arange(300), true] += 0.4
    clips = make_clips(*(labels[index] for index in true), labels=labels)
    report = report_from_scores(scores, clips, labels)
    predicted = scores.argmax(axis=1)
    assert report.accuracy == pytest.approx(oracle.accuracy_score(true, predicted))
    assert report.macro_f1 == pytest.approx(
        oracle.f1_score(true, predicted, average="macro", zero_division=0)
    )
    wanted = oracle.confusion_matrix(true, predicted, labels=range(8))
    assert report.confusion == tuple(map(tuple, wanted.tolist()))
    assert len(report.mistakes) == (true != predicted).sum()
    interval = report.accuracy_interval
    assert interval.low < report.accuracy < interval.high
    # 300 clips, each its own group: the interval of a binomial share, within a tenth.
    error = math.sqrt(report.accuracy * (1 - report.accuracy) / 300)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_report_does_not_depend_on_the_order_of_clips(
    model: Lookup, clips: Clips
) -> None:
    turned = clips.select([3, 1, 0, 2])
    assert evaluate(model, turned).to_dict() == evaluate(model, clips).to_dict()


def test_seed_moves_only_the_interval() -> None:
    groups = [f"speaker {n_clips}" for n_clips in range(1, 9) for _ in range(n_clips)]
    clips = make_clips(*("no", "yes") * 18).with_groups(groups)
    scores = np.random.default_rng(1).random((36, 2))
    first, again, other = (
        report_from_scores(scores, clips, clips.labels, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first.accuracy_interval != other.accuracy_interval
    interval = first.accuracy_interval
    assert dataclasses.replace(other, accuracy_interval=interval) == first


def test_reads_as_one_line() -> None:
    clips = make_clips(*("no", "yes") * 600)
    scores = np.tile(np.eye(2), (600, 1))
    scores[:12] = scores[:12, ::-1]
    text = str(report_from_scores(scores, clips, clips.labels))
    assert text.startswith("accuracy 0.990 (95 % interval 0.98")
    assert text.endswith(") on 1,200 clips of 1,200 groups, macro F1 0.990")


def test_one_group_has_no_interval() -> None:
    clips = make_clips("no", "yes", group="ann")
    report = report_from_scores(np.eye(2), clips, clips.labels)
    assert str(report) == (
        "accuracy 1.000 (no 95 % interval: one group only) on 2 clips of 1 group, "
        "macro F1 1.000"
    )


def test_dict_survives_strict_json(model: Lookup, clips: Clips) -> None:
    one_group = clips.with_groups(["ann"] * 4)
    found = evaluate(model, one_group).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["labels"] == ["no", "up", "yes"]
    assert found["accuracy_interval"] == {"low": None, "high": None, "level": 0.95}
    assert found["classes"][1]["precision"] is None
    assert found["confusion"] == [[1, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert found["mistakes"][0] == {
        "path": "up-2.wav",
        "true": "up",
        "predicted": "no",
        "score": 0.9,
        "start_seconds": None,
        "end_seconds": None,
    }
    assert found.keys() == {field.name for field in dataclasses.fields(Report)}


def test_scores_of_any_float_type_are_taken(model: Lookup, clips: Clips) -> None:
    scores = model.scores(clips).astype(np.float16)
    report = report_from_scores(scores, clips, NO_UP_YES)
    assert report.confusion == evaluate(model, clips).confusion
    json.dumps(report.to_dict())


def test_unknown_labels_are_named_before_any_scoring(clips: Clips) -> None:
    model = Lookup(Labels(("no", "stop")), known={})
    wanted = r"does not know: 'up', 'yes'\. It knows: 'no', 'stop'\. Leave"
    with pytest.raises(DataError, match=wanted):
        evaluate(model, clips)


def test_many_unknown_labels_are_counted() -> None:
    clips = make_clips(*"abcdefgh")
    with pytest.raises(DataError, match="'a', 'b', 'c', 'd', 'e' and 3 more"):
        evaluate(Lookup(NO_UP_YES, {}), clips)


def test_no_clips_are_refused(model: Lookup) -> None:
    with pytest.raises(DataError, match="no clips to evaluate"):
        evaluate(model, make_clips(labels=NO_UP_YES))


def test_clips_with_two_labels_are_refused(model: Lookup) -> None:
    clips = Clips.of([Clip(Path("both.wav"), ("no", "yes"), "a")], NO_UP_YES)
    with pytest.raises(DataError, match=r"both\.wav: single-label data needs exactly"):
        evaluate(model, clips)


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (4,), (4, 3, 1)])
def test_scores_of_another_shape_are_refused(
    shape: tuple[int, ...], clips: Clips
) -> None:
    with pytest.raises(DataError, match=r"4 clips and 3 labels need \(4, 3\)"):
        report_from_scores(np.zeros(shape), clips, NO_UP_YES)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_refused(
    bad: float, model: Lookup, clips: Clips
) -> None:
    model.known["up-2.wav"] = [0.1, bad, 0.2]
    with pytest.raises(DataError, match=r"1 clip got scores .* first up-2.wav"):
        evaluate(model, clips)
