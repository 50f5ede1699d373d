"""`sonotype evaluate`: how good a bundle is on labelled recordings."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonotype.interfaces.cli.console import emit, say, say_rejected
from sonotype.interfaces.cli.options import (
    BundleArgument,
    ClassesOption,
    DataArgument,
    GroupByOption,
    ReportFormat,
    RuntimeOption,
    split_names,
)
from sonotype.interfaces.cli.report_tables import print_reports

if TYPE_CHECKING:
    from sonotype.clips import Clips
    from sonotype.inference.classifier import Classifier


def evaluate(
    bundle: BundleArgument,
    data: DataArgument,
    *,
    format: Annotated[ReportFormat, typer.Option(help="Form of the report.")] = (
        ReportFormat.table
    ),
    layout: Annotated[
        str | None,
        typer.Option(help="How the data is laid out. Default: as the training data."),
    ] = None,
    classes: ClassesOption = None,
    group_by: GroupByOption = None,
    runtime: RuntimeOption = "litert",
    all_clips: Annotated[
        bool, typer.Option("--all", help="Count clips heard in training too.")
    ] = False,
    keras: Annotated[
        bool | None,
        typer.Option(
            "--keras/--no-keras",
            help="Evaluate the Keras model beside the graph. "
            "Default: where Keras is installed.",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw the confusion matrix, or each label, into this file."),
    ] = None,
) -> None:
    """Measure a bundle on recordings it has not heard in training."""
    from sonotype.evaluation.evaluate import evaluate as evaluate_model
    from sonotype.inference.classifier import load
    from sonotype.interfaces.cli.picture import refuse_picture, save_picture

    if picture:
        refuse_picture(picture)
    classifier = load(bundle, runtime=runtime)
    clips = read_clips(
        classifier, data, layout=layout, classes=split_names(classes), group_by=group_by
    )
    if not all_clips:
        clips = leave_out_heard(bundle, clips)
    name = "LiteRT" if runtime == "litert" else runtime
    reports = {name: evaluate_model(classifier, clips)}
    if find_spec("keras") is not None if keras is None else keras:
        from sonotype.runtime import quiet_stderr

        with quiet_stderr():
            from sonotype.training.load import load_trained

        reports["Keras"] = evaluate_model(load_trained(classifier.bundle), clips)
    if format is ReportFormat.json:
        plain = {name: report.to_dict() for name, report in reports.items()}
        emit(json.dumps(plain, indent=2))
    else:
        print_reports(reports)
    if picture:
        from sonotype.evaluation.figures import plot_report

        save_picture(plot_report(reports[name]), picture)


def read_clips(
    classifier: "Classifier",
    data: Path,
    *,
    layout: str | None,
    classes: list[str] | None,
    group_by: str | None,
) -> "Clips":
    """Read the data set; without `classes`, those that the model knows.

    Raises:
        DataError: If the model knows none of them.
    """
    import polars as pl

    from sonotype.clips import Clips
    from sonotype.dataset.readers.layout import read_dataset
    from sonotype.errors import DataError
    from sonotype.settings import read_settings

    trained_on = read_settings(config=classifier.bundle.file("settings.toml")).data
    clips = read_dataset(
        data,
        layout=layout or trained_on.layout,
        classes=classes,
        group_by=group_by,
        clip_seconds=classifier.clip_seconds,
        **(trained_on.options if layout is None else {}),
    )
    say_rejected(clips.rejected)
    others = [label for label in clips.labels if label not in classifier.labels]
    if classes is not None or not others:
        return clips
    if len(others) == len(clips.labels):
        raise DataError(
            f"{data} has none of the model's classes: it has {', '.join(others)}, and "
            f"the model knows {', '.join(classifier.labels)}"
        )
    say(f"left out, for the model has no such class: {', '.join(others)}")
    is_known = ~clips.frame["labels"].list.eval(pl.element().is_in(others)).list.any()
    return Clips(clips.frame.filter(is_known), classifier.labels)


def leave_out_heard(bundle: Path, clips: "Clips") -> "Clips":
    """Return the clips that took no part in training; say how many did.

    Raises:
        DataError: If none remains.
    """
    from sonotype.dataset.heard import unheard
    from sonotype.errors import DataError

    kept = unheard(clips, bundle / "heard.csv")
    n_heard = len(clips) - len(kept)
    if not len(kept):
        raise DataError(
            f"all {n_heard} clips were used in training, so they cannot tell how good "
            "the model is; give others, or pass --all to count them anyway"
        )
    if n_heard:
        say(f"left out {n_heard} clips that were used in training (--all counts them)")
    return kept
