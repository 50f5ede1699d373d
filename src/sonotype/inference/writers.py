"""Predictions as text, one writer a format; `WRITERS` lists them."""

import csv
import io
import json
from collections.abc import Callable, Sequence

from sonotype.inference.results import Prediction

HEARD_SEPARATOR = ","


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Return CSV with a row a file: path, label, score and every label's score.

    Multi-label predictions have the column `heard` too, its labels joined by commas.
    """
    text = io.StringIO()
    labels = sorted(predictions[0].labels) if predictions else []
    is_multi = any(each.heard is not None for each in predictions)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "path",
            "label",
            "score",
            *(["heard"] if is_multi else []),
            *(f"score_{label}" for label in labels),
        ]
    )
    for prediction in predictions:
        scores = dict(prediction)
        writer.writerow(
            [
                prediction.path,
                prediction.label,
                f"{prediction.score:.6f}",
                *([HEARD_SEPARATOR.join(prediction.heard or ())] if is_multi else []),
                *(f"{scores[label]:.6f}" for label in labels),
            ]
        )
    return text.getvalue()


def to_json(predictions: Sequence[Prediction]) -> str:
    """Return a JSON array with an object a file."""
    rows = [prediction.to_dict() for prediction in predictions]
    return json.dumps(rows, indent=2) + "\n"


def to_table(predictions: Sequence[Prediction]) -> str:
    """Return aligned columns for reading: the file, then what was heard in it.

    That is the label, its score and the runner-up where a clip has one label, else
    every label whose score reaches its threshold.
    """
    rows = [
        (str(each.path), each.label, f"{each.score:.3f}", _runner_up(each))
        if each.heard is None
        else (str(each.path), str(each))
        for each in predictions
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _runner_up(prediction: Prediction) -> str:
    second = list(prediction)[1:2]
    return f"then {second[0][0]} {second[0][1]:.3f}" if second else ""


WRITERS: dict[str, Callable[[Sequence[Prediction]], str]] = {
    "table": to_table,
    "csv": to_csv,
    "json": to_json,
}
