"""The bundle's README: what the model is, how good, and how to use it."""

from collections.abc import Sequence
from typing import Any

from sonotype.bundle import Manifest
from sonotype.labels import Task
from sonotype.models.weights import allows_commerce

TEMPLATE = """\
# {title}

An audio classifier of {labels}.

- Input: {clip_seconds:g} s of mono sound at {sample_rate} Hz. Files of any rate,
  length and number of channels are converted.
- Output: {output}
- Made by sonotype {version} on {created:%Y-%m-%d} from {n_clips} clips of {n_groups}
  groups.{weights}

## How good it is

{metrics}

## Use

```
sonotype predict {name} a.wav b.flac
```

```python
import sonotype

print(sonotype.load("{name}").predict("a.wav"))
```

`settings.toml` repeats the training; `model.keras` is the same model for fine-tuning;
`heard.csv` lists the clips it was fitted to and chosen by.

## Limits

{limit}
It was tested on recordings like those it learned from; expect less elsewhere.
"""

OUTPUT: dict[Task, str] = {
    "single-label": """\
one score a class; the scores of a clip sum to one. They are not calibrated
  probabilities.""",
    "multi-label": """\
one score a class, each from 0 to 1, for a clip may hold any number of them.
  They are not calibrated probabilities; a class counts as heard from its threshold on,
  which was chosen on validation clips.""",
}
LIMIT: dict[Task, str] = {
    "single-label": """\
It chooses one of its classes for every clip, also for sounds that are none of them.""",
    "multi-label": "It knows no sounds but its classes, and can take others for them.",
}


def model_card(manifest: Manifest, name: str) -> str:
    """Return the model card as Markdown.

    Args:
        manifest: What the bundle holds.
        name: The bundle's folder name.
    """
    return TEMPLATE.format(
        title=name.removesuffix(".sonotype"),
        name=name,
        labels=_counted(manifest.labels),
        clip_seconds=manifest.clip_seconds,
        sample_rate=manifest.sample_rate,
        version=manifest.sonotype_version,
        created=manifest.created,
        n_clips=manifest.data["n_clips"],
        n_groups=manifest.data["n_groups"],
        weights="".join(
            f"\n- Starting weights: {weights['backbone']}, {weights['from']}, "
            f"licence {weights['licence']}{_restriction(weights['licence'])}."
            for weights in manifest.weights
        ),
        output=OUTPUT[manifest.task],
        limit=LIMIT[manifest.task],
        metrics=_metrics(manifest.test_metrics),
    )


def _restriction(licence: str) -> str:
    if allows_commerce(licence):
        return ""
    return ": neither they nor this model are for commercial use"


def _counted(labels: Sequence[str]) -> str:
    """Return how many classes there are, and which."""
    if len(labels) == 1:
        return f"one class: {labels[0]}"
    return f"{len(labels)} classes: {', '.join(labels)}"


def _metrics(metrics: dict[str, Any] | None) -> str:
    """Return the test numbers as a sentence and a table."""
    if metrics is None:
        return "Not measured: no clips were held out."
    if "mean_average_precision" in metrics:
        return _label_metrics(metrics)
    rows = [
        f"| {row['label']} | {row['n_clips']} | {_share(row['precision'])} "
        f"| {_share(row['recall'])} |"
        for row in metrics["classes"]
    ]
    spread = _spread(metrics["accuracy_interval"])
    return "\n".join(
        [
            f"Accuracy {_share(metrics['accuracy'])}{spread}, macro F1 "
            f"{_share(metrics['macro_f1'])}, on {metrics['n_clips']} clips of "
            f"{metrics['n_groups']} groups that took no part in training.",
            "",
            "| class | clips | precision | recall |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _label_metrics(metrics: dict[str, Any]) -> str:
    """Return the test numbers of a multi-label model."""
    rows = [
        f"| {row['label']} | {row['n_heard']} | {row['n_absent']} "
        f"| {_share(row['average_precision'])} | {row['threshold']:.3f} "
        f"| {_share(row['precision'])} | {_share(row['recall'])} |"
        for row in metrics["classes"]
    ]
    spread = _spread(metrics["mean_average_precision_interval"])
    return "\n".join(
        [
            f"Mean average precision {_share(metrics['mean_average_precision'])}"
            f"{spread}, macro F1 {_share(metrics['macro_f1'])} at the thresholds, on "
            f"{metrics['n_clips']} clips of {metrics['n_groups']} groups that took no "
            "part in training.",
            "",
            "| class | heard | absent | average precision | threshold | precision "
            "| recall |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _spread(interval: dict[str, Any]) -> str:
    """Return an interval in brackets, or nothing if it is not known."""
    if interval["low"] is None:
        return ""
    low, high = _share(interval["low"]), _share(interval["high"])
    return f" ({interval['level']:.0%} interval {low} to {high})"


def _share(value: float | None) -> str:
    """Return a share in per cent; undefined ones as a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"
