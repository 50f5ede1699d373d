"""A trained model to a bundle on disk, whole and verified or not at all."""

import hashlib
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np
import soundfile

from sonotype import __version__
from sonotype.atomic import atomic_folder
from sonotype.bundle import (
    FORMAT_VERSION,
    GRAPH,
    Bundle,
    Golden,
    Manifest,
    describe_file,
    read_bundle,
    write_manifest,
)
from sonotype.exporters.embedding import embedding_facts
from sonotype.exporters.golden import golden_inputs
from sonotype.exporters.litert import to_litert
from sonotype.exporters.model_card import model_card
from sonotype.exporters.verify import verify
from sonotype.models.table import find_backbone
from sonotype.models.weights import published_names
from sonotype.runtime import LiteRT
from sonotype.settings import Settings
from sonotype.training.train import TrainedModel

N_REAL_CLIPS = 64


def export(
    trained: TrainedModel,
    path: Path | str,
    *,
    test_metrics: Mapping[str, Any] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    replace: bool = False,
) -> Bundle:
    """Write a bundle: the graph for prediction, the model, its settings, its labels.

    The LiteRT file is loaded again and compared with the model on clips it was
    validated on; the folder appears only when every score agrees within 1e-4.

    Args:
        trained: What `train` returned.
        path: The folder to make, by custom `NAME.sonotype`.
        test_metrics: Numbers from `evaluate(...).to_dict()`, kept with the model,
            but for its list of single clips.
        attachments: Further files by name: a picture, a list of rejected files.
        replace: Whether an existing folder may be replaced.

    Raises:
        ExportError: If the graph does not convert, load or agree.
        SettingError: If `path` exists and must not be replaced.
    """
    path = Path(path)
    with atomic_folder(path, replace=replace) as folder:
        about_graph = _write_graphs(trained, folder)
        (folder / "settings.toml").write_text(trained.settings.to_toml(), "utf-8")
        heard = trained.heard_table()
        heard.write_csv(folder / "heard.csv")
        golden = _write_golden(trained, folder)
        for name, content in (attachments or {}).items():
            (folder / name).write_bytes(content)
        manifest = _manifest(trained, golden, about_graph, test_metrics)
        manifest.data["sha256"] = fingerprint(heard["sha256"])
        (folder / "README.md").write_text(model_card(manifest, path.name), "utf-8")
        listed = {
            file.relative_to(folder).as_posix(): describe_file(file)
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
        write_manifest(folder, manifest.model_copy(update={"files": listed}))
    return read_bundle(path)


def _write_graphs(trained: TrainedModel, folder: Path) -> dict[str, Any]:
    """Write `model.keras` and `model.tflite`; compare the latter on real clips.

    Returns:
        What `model.json` says of the graph.
    """
    trained.model.save(folder / "model.keras")
    graph = folder / GRAPH
    graph.write_bytes(to_litert(trained.model))
    samples, expected = _real_clips(trained)
    runtime = LiteRT(graph)
    return {
        **asdict(verify(runtime, samples, expected)),
        **embedding_facts(runtime, trained.model, samples),
    }


def _real_clips(trained: TrainedModel) -> tuple[np.ndarray, np.ndarray]:
    """Return some validation clips and the model's scores for them."""
    validation = np.flatnonzero(trained.heard.frame["split"] == "validation")
    chosen = validation[:: max(1, len(validation) // N_REAL_CLIPS)][:N_REAL_CLIPS]
    clips = trained.heard.select(chosen)
    audio = trained.cache.load_all(clips)
    samples = audio.batch(np.arange(len(clips)), trained.settings.n_samples)
    # Not `trained.scores`, which hears longer clips in several windows.
    return samples, np.asarray(trained.model.predict_on_batch(samples))


def _write_golden(trained: TrainedModel, folder: Path) -> tuple[Golden, ...]:
    """Write the golden inputs as WAV files and return what the model says of them."""
    audio = trained.settings.audio
    (folder / "golden").mkdir()
    clips = golden_inputs(trained.settings.n_samples, audio.sample_rate)
    samples = np.stack(list(clips.values())).astype(np.float32) / 32768
    scores = trained.model.predict_on_batch(samples)
    golden = []
    for (name, clip), row in zip(clips.items(), scores, strict=True):
        file = f"golden/{name}.wav"
        soundfile.write(folder / file, clip, audio.sample_rate, subtype="PCM_16")
        golden.append(Golden(file=file, scores=tuple(float(score) for score in row)))
    return tuple(golden)


def _manifest(
    trained: TrainedModel,
    golden: tuple[Golden, ...],
    about_graph: dict[str, Any],
    test_metrics: Mapping[str, Any] | None,
) -> Manifest:
    settings, heard = trained.settings, trained.heard
    return Manifest(
        format_version=FORMAT_VERSION,
        sonotype_version=__version__,
        created=datetime.now(UTC),
        task=trained.task,
        labels=trained.labels.names,
        sample_rate=settings.audio.sample_rate,
        clip_seconds=settings.audio.clip_seconds,
        hop_seconds=settings.n_hop / settings.audio.sample_rate,
        thresholds=trained.thresholds,
        files={},
        golden=golden,
        test_metrics=_without_clips(test_metrics),
        data={
            "n_clips": len(heard),
            "n_groups": len(set(heard.groups())),
            "clips_per_label": heard.counts(),
        },
        exports={GRAPH: about_graph},
        weights=_pretrained(settings),
        versions=_versions(),
    )


def fingerprint(hashes: Iterable[str]) -> str:
    """Return one hash for a set of files, whatever their names and order.

    Example:
        >>> fingerprint(["b", "a"]) == fingerprint(["a", "b"])
        True
    """
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def _without_clips(metrics: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the numbers alone: paths of single clips are nobody else's business."""
    if metrics is None:
        return None
    return {name: value for name, value in metrics.items() if name != "mistakes"}


def _pretrained(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return where the starting weights came from, and their licence."""
    weights = settings.model.weights
    if weights == "none":
        return ()
    backbone = settings.model.backbone
    published = find_backbone(backbone).weights
    is_named = published and weights in published_names(published)
    licence = published.licence if published and is_named else "see their source"
    return ({"backbone": backbone, "from": weights, "licence": licence},)


def _versions() -> dict[str, str]:
    """Return the versions that made the bundle."""
    packages = ("keras", "numpy", "soundfile", "soxr", "ai-edge-litert")
    found = {package: metadata.version(package) for package in packages}
    found[keras.backend.backend()] = import_module(keras.backend.backend()).__version__
    return {"python": platform.python_version(), **found}
