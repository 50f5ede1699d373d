"""`sonotype export`: a bundle's model in further formats, each of them compared."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonotype.interfaces.cli.console import emit, emit_table, plain_table, say
from sonotype.interfaces.cli.evaluate import leave_out_heard, read_clips
from sonotype.interfaces.cli.options import (
    BundleArgument,
    ForceOption,
    ReportFormat,
    split_names,
)

if TYPE_CHECKING:  # the help must not wait for arrays, let alone for Keras
    from rich.table import Table

    from sonotype.exporters.add_format import Exported, RealClips
    from sonotype.exporters.formats import Format
    from sonotype.inference.classifier import Classifier


def export(
    bundle: BundleArgument,
    *,
    to: Annotated[
        str,
        typer.Option(
            help="Formats, separated by commas: onnx, litert, litert-float16, "
            "litert-int8, litert-int8-full, openvino, saved-model, micro; or all. And "
            "litert-dense, for sonotype scan --dense."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Labelled recordings to compare on, and to learn the ranges of "
            "litert-int8-full and micro from. Default: the bundle's golden inputs."
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(help="How the data is laid out. Default: as the training data."),
    ] = None,
    all_clips: Annotated[
        bool, typer.Option("--all", help="Compare on clips heard in training too.")
    ] = False,
    format: Annotated[ReportFormat, typer.Option(help="Form of the report.")] = (
        ReportFormat.table
    ),
    force: ForceOption = False,
) -> None:
    """Write a bundle's model in further formats, and prove each of them."""
    from sonotype.errors import ExportError, SonotypeError
    from sonotype.inference.classifier import load
    from sonotype.runtime import quiet_stderr

    classifier = load(bundle)
    # The converters read TensorFlow's graphs, wherever the model was trained.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quiet_stderr():
        from sonotype.exporters import add_format as exporting
        from sonotype.training.load import load_trained

    rows = chosen_formats(to, has_data=data is not None)
    opened = classifier.bundle
    for row in rows:
        exporting.check_format(opened, row, has_clips=bool(data), replace=force)
    real = None
    if data is None:
        say("compared on the golden inputs alone; --data FOLDER takes real clips")
    else:
        real = read_real_clips(classifier, data, layout=layout, all_clips=all_clips)
    model = load_trained(opened).model
    examples = exporting.make_examples(opened, model, real)
    done: list[Exported] = []
    failed: list[str] = []
    for row in rows:
        say(f"writing {bundle / row.file}")
        try:
            added = exporting.add_format(opened, row, model, examples, replace=force)
        except SonotypeError as error:  # the other formats are still wanted
            failed.append(f"{row.name}: {error}")
        else:
            done.append(added)
            say_dense(added)
    measure = "accuracy" if classifier.task == "single-label" else "mean AP"
    before = examples.accuracy_of(examples.expected)
    if before is not None:
        say(f"the Keras model: {measure} {before:.3f}")
    if format is ReportFormat.json:
        emit(json.dumps([asdict(added) for added in done], indent=2))
    elif done:
        emit_table(formats_table(done, measure))
    if failed:
        raise ExportError("; ".join(failed))


def chosen_formats(to: str, *, has_data: bool) -> "list[Format]":
    """Return the rows for `--to`; with `all`, say which are left out and why.

    Raises:
        SettingError: If there is no such format, or none was given.
    """
    from sonotype.errors import SettingError, unknown_name
    from sonotype.exporters.formats import FORMATS

    names = split_names(to) or []
    if names == ["all"]:
        rows = [
            row for row in FORMATS.values() if row.name != "litert" and row.is_in_all
        ]
        for row in list(rows):
            package = row.missing()
            if package is not None:
                reason = f"{package} is not installed (sonotype[{row.extra}])"
            elif row.needs_clips and not has_data:
                reason = "it needs recordings (--data)"
            else:
                continue
            say(f"left out {row.name}: {reason}")
            rows.remove(row)
        return rows
    for name in names:
        if name not in FORMATS:
            raise unknown_name("format", name, [*FORMATS, "all"])
    if not names:
        raise SettingError(f"--to names no format; choose from {', '.join(FORMATS)}")
    return [FORMATS[name] for name in dict.fromkeys(names)]


def read_real_clips(
    classifier: "Classifier", data: Path, *, layout: str | None, all_clips: bool
) -> "RealClips":
    """Read recordings to compare on: those that were not heard in training.

    Ranges are learned from those that were, if the data has any.

    Raises:
        DataError: If none remains, or the model knows none of their classes.
    """
    from sonotype.interfaces.real_clips import MOST_CLIPS, real_clips

    clips = read_clips(classifier, data, layout=layout, classes=None, group_by=None)
    if all_clips:
        return real_clips(classifier, clips)
    compared = leave_out_heard(classifier.bundle.path, clips)
    if len(compared) > MOST_CLIPS:
        say(f"compared on {MOST_CLIPS} of {len(compared)} clips")
    fresh = set(compared.paths())
    heard = [place for place, path in enumerate(clips.paths()) if path not in fresh]
    return real_clips(classifier, compared, clips.select(heard) if heard else None)


def say_dense(added: "Exported") -> None:
    """Tell how far dense scores are from those of windows by themselves."""
    facts = added.facts
    if "window_difference" in facts:
        say(
            f"scores of a dense scan differ from those of windows by themselves by "
            f"{facts['window_difference']:.3f} on average, and "
            f"{facts['same_label']:.1%} of {facts['n_windows_compared']} windows have "
            "the same label; see docs/how-to/scan-long-recordings.md"
        )


def formats_table(done: "list[Exported]", measure: str) -> "Table":
    """Return a row for each format: its size, and how far it is from the model."""
    columns = ["format", "file", "MB", "differ", "ops", "ms"]
    rated = [added for added in done if added.accuracy_change is not None]
    table = plain_table([*columns, *([measure] if rated else [])])
    table.columns[1].justify = "left"
    for added in done:
        change = added.accuracy_change
        table.add_row(
            added.name,
            added.file,
            f"{added.n_bytes / 1e6:.2f}",
            f"{added.agreement.largest_difference:.0e}",
            str(added.facts.get("n_operators", "")),
            f"{added.ms_per_clip:.2f}",
            "" if change is None else f"{change:+.3f}",
        )
    return table
