"""`sonotype info`: what a bundle or an audio file is."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sonotype.interfaces.cli.console import emit
from sonotype.interfaces.cli.options import ReportFormat


def info(
    path: Annotated[Path, typer.Argument(help="A bundle or an audio file.")],
    *,
    format: Annotated[ReportFormat, typer.Option(help="Form of the answer.")] = (
        ReportFormat.table
    ),
) -> None:
    """Show what a bundle or an audio file is."""
    facts = describe_bundle(path) if path.is_dir() else describe_audio(path)
    if format is ReportFormat.json:
        emit(json.dumps(facts, indent=2, default=str))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        emit(f"{name:<{width}}  {readable(value)}")


def describe_audio(path: Path) -> dict[str, Any]:
    """Return the facts of an audio file's header."""
    from sonotype.audio.io import read_info

    found = read_info(path)
    return {
        "file": str(path),
        "format": f"{found.container} {found.encoding}",
        "sample_rate_hz": found.sample_rate,
        "channels": found.n_channels,
        "samples": found.n_samples,
        "duration_seconds": round(found.duration_seconds, 6),
    }


def describe_bundle(path: Path) -> dict[str, Any]:
    """Return the facts of a bundle, after checking all its files and its scores."""
    from sonotype.bundle import read_bundle
    from sonotype.inference.classifier import load

    bundle = read_bundle(path)
    manifest = bundle.manifest
    for name in manifest.files:
        bundle.file(name)
    difference = load(path).check_golden()
    metrics = manifest.test_metrics or {}
    return {
        "bundle": str(path),
        "labels": list(manifest.labels),
        "task": manifest.task,
        "sample_rate_hz": manifest.sample_rate,
        "clip_seconds": manifest.clip_seconds,
        **(
            {"test_accuracy": metrics.get("accuracy")}
            if manifest.task == "single-label"
            else {"test_mean_average_precision": metrics.get("mean_average_precision")}
        ),
        "test_macro_f1": metrics.get("macro_f1"),
        "test_clips": metrics.get("n_clips"),
        "trained_on_clips": manifest.data.get("n_clips"),
        "trained_on_groups": manifest.data.get("n_groups"),
        "graph_bytes": manifest.files["model.tflite"].n_bytes,
        "embedding_channels": manifest.embedding_channels or 0,
        "files_intact": len(manifest.files),
        "golden_difference": difference,
        "created": manifest.created.isoformat(timespec="seconds"),
        "versions": manifest.versions,
    }


def readable(value: object) -> str:
    """Return a value as a person would write it."""
    if value is None:
        return "not measured"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
