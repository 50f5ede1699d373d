"""Predictions as text, one writer a format; `WRITERS` lists them."""

import csv
import io
import json
from collections.abc import Callable, Sequence

from sonotype.inference.results import Prediction


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Return CSV with a row a file: path, label, score and every label's score."""
    text = io.StringIO()
    labels = sorted(predictions[0].labels) if predictions else []
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "label", "score", *(f"score_{label}" for label in labels)])
    for prediction in predictions:
        scores = dict(prediction)
        writer.writerow(
            [
                prediction.path,
                prediction.label,
                f"{prediction.score:.6f}",
                *(f"{scores[label]:.6f}" for label in labels),
            ]
        )
    return text.getvalue()


def to_json(predictions: Sequence[Prediction]) -> str:
    """Return a JSON array with an object a file."""
    rows = [prediction.to_dict() for prediction in predictions]
    return json.dumps(rows, indent=2) + "\n"


def to_table(predictions: Sequence[Prediction]) -> str:
    """Return aligned columns for reading: file, label, score, and the runner-up."""
    rows = [
        (str(each.path), each.label, f"{each.score:.3f}", *_runner_up(each))
        for each in predictions
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _runner_up(prediction: Prediction) -> tuple[str]:
    second = list(prediction)[1:2]
    return (f"then {second[0][0]} {second[0][1]:.3f}" if second else "",)


WRITERS: dict[str, Callable[[Sequence[Prediction]], str]] = {
    "table": to_table,
    "csv": to_csv,
    "json": to_json,
}
