import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from sonotype.inference.results import Prediction
from sonotype.inference.writers import WRITERS

LABELS = ("no", "stop", "yes")


def two_predictions() -> list[Prediction]:
    return [
        Prediction.of([0.2, 0.1, 0.7], LABELS, Path("a, b.wav")),
        Prediction.of(np.array([0.5, 0.25, 0.25], np.float32), LABELS, Path('"c".wav')),
    ]


def test_the_highest_score_comes_first_and_ties_keep_their_order() -> None:
    first, second = two_predictions()
    assert list(first) == [("yes", 0.7), ("no", 0.2), ("stop", 0.1)]
    assert second.labels == ("no", "stop", "yes")
    assert (first.label, first.score, str(first)) == ("yes", 0.7, "yes 0.70")


def test_csv_reads_back_with_awkward_names() -> None:
    rows = list(csv.DictReader(io.StringIO(WRITERS["csv"](two_predictions()))))
    assert [row["path"] for row in rows] == ["a, b.wav", '"c".wav']
    assert [row["label"] for row in rows] == ["yes", "no"]
    assert [float(rows[0][f"score_{label}"]) for label in LABELS] == [0.2, 0.1, 0.7]


def test_json_reads_back() -> None:
    rows = json.loads(WRITERS["json"](two_predictions()))
    assert rows == [prediction.to_dict() for prediction in two_predictions()]
    assert rows[0]["scores"] == {"yes": 0.7, "no": 0.2, "stop": 0.1}


def test_the_table_has_a_line_a_file() -> None:
    lines = WRITERS["table"](two_predictions()).splitlines()
    assert lines == [
        "a, b.wav  yes  0.700  then no 0.200",
        '"c".wav   no   0.500  then stop 0.250',
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_no_prediction_is_no_error(name: str) -> None:
    assert WRITERS[name]([]).count("\n") <= 1
