"""The bundle's README: what the model is, how good, and how to use it."""

from typing import Any

from sonotype.bundle import Manifest

TEMPLATE = """\
# {title}

An audio classifier of {n_labels} classes: {labels}.

- Input: {clip_seconds:g} s of mono sound at {sample_rate} Hz. Files of any rate,
  length and number of channels are converted.
- Output: one score a class; the scores of a clip sum to one. They are not calibrated
  probabilities.
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

It chooses one of its classes for every clip, also for sounds that are none of them.
It was tested on recordings like those it learned from; expect less elsewhere.
"""


def model_card(manifest: Manifest, name: str) -> str:
    """Return the model card as Markdown.

    Args:
        manifest: What the bundle holds.
        name: The bundle's folder name.
    """
    return TEMPLATE.format(
        title=name.removesuffix(".sonotype"),
        name=name,
        n_labels=len(manifest.labels),
        labels=", ".join(manifest.labels),
        clip_seconds=manifest.clip_seconds,
        sample_rate=manifest.sample_rate,
        version=manifest.sonotype_version,
        created=manifest.created,
        n_clips=manifest.data["n_clips"],
        n_groups=manifest.data["n_groups"],
        weights="".join(
            f"\n- Starting weights: {weights['backbone']}, {weights['from']}, "
            f"licence {weights['licence']}."
            for weights in manifest.weights
        ),
        metrics=_metrics(manifest.test_metrics),
    )


def _metrics(metrics: dict[str, Any] | None) -> str:
    """Return the test numbers as a sentence and a table."""
    if metrics is None:
        return "Not measured: no clips were held out."
    rows = [
        f"| {row['label']} | {row['n_clips']} | {_share(row['precision'])} "
        f"| {_share(row['recall'])} |"
        for row in metrics["classes"]
    ]
    interval = metrics["accuracy_interval"]
    known = interval["low"] is not None
    low, high = _share(interval["low"]), _share(interval["high"])
    spread = f" ({interval['level']:.0%} interval {low} to {high})" if known else ""
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


def _share(value: float | None) -> str:
    """Return a share in per cent; undefined ones as a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"
