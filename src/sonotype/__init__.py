"""Turn labelled sound into a classifier people can ship.

Every public name is here, and each is imported when it is first used: predicting pays
for nothing that only training needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sonotype.audio.figure import plot_audio
    from sonotype.audio.io import read_audio
    from sonotype.clips import Clip, Clips
    from sonotype.dataset.clip_files import read_clips, write_clips
    from sonotype.dataset.event_clips import clips_from_events, event_centred_clips
    from sonotype.dataset.overlap import OverlapRule
    from sonotype.dataset.readers.annotated import read_annotated
    from sonotype.dataset.readers.folder import read_folder
    from sonotype.dataset.readers.layout import read_dataset
    from sonotype.dataset.readers.table import read_table
    from sonotype.dataset.split import k_folds, split
    from sonotype.errors import SonotypeError
    from sonotype.evaluation.evaluate import evaluate
    from sonotype.evaluation.figures import plot_confusion
    from sonotype.evaluation.report import Report
    from sonotype.events import Event, Events
    from sonotype.exporters.export import export
    from sonotype.frontend.log_mel import LogMel
    from sonotype.frontend.mfcc import MFCC
    from sonotype.frontend.normalize import Normalize
    from sonotype.frontend.pad import Pad
    from sonotype.frontend.pcen import PCEN
    from sonotype.frontend.pre_emphasis import PreEmphasis
    from sonotype.frontend.presets import preset_layers
    from sonotype.frontend.spectrogram import Spectrogram
    from sonotype.frontend.to_image import ToImage
    from sonotype.inference.classifier import Classifier, load
    from sonotype.inference.embedding import Embeddings
    from sonotype.inference.event_counts import count_events, plot_events
    from sonotype.inference.event_detection import (
        EventRule,
        detect_events,
        merge_events,
    )
    from sonotype.inference.results import Prediction
    from sonotype.inference.score_file import read_scores
    from sonotype.labels import Labels
    from sonotype.models.classifier import build_classifier
    from sonotype.settings import Settings, read_settings
    from sonotype.training.load import load_trained
    from sonotype.training.tf_dataset import tf_dataset
    from sonotype.training.train import TrainedModel, train

_HOME = {
    "Classifier": "inference.classifier",
    "Clip": "clips",
    "Clips": "clips",
    "Embeddings": "inference.embedding",
    "Event": "events",
    "EventRule": "inference.event_detection",
    "Events": "events",
    "Labels": "labels",
    "LogMel": "frontend.log_mel",
    "MFCC": "frontend.mfcc",
    "Normalize": "frontend.normalize",
    "OverlapRule": "dataset.overlap",
    "PCEN": "frontend.pcen",
    "Pad": "frontend.pad",
    "PreEmphasis": "frontend.pre_emphasis",
    "Prediction": "inference.results",
    "Report": "evaluation.report",
    "Settings": "settings",
    "SonotypeError": "errors",
    "Spectrogram": "frontend.spectrogram",
    "ToImage": "frontend.to_image",
    "TrainedModel": "training.train",
    "build_classifier": "models.classifier",
    "clips_from_events": "dataset.event_clips",
    "count_events": "inference.event_counts",
    "detect_events": "inference.event_detection",
    "evaluate": "evaluation.evaluate",
    "event_centred_clips": "dataset.event_clips",
    "export": "exporters.export",
    "k_folds": "dataset.split",
    "load": "inference.classifier",
    "load_trained": "training.load",
    "merge_events": "inference.event_detection",
    "plot_audio": "audio.figure",
    "plot_confusion": "evaluation.figures",
    "plot_events": "inference.event_counts",
    "preset_layers": "frontend.presets",
    "read_annotated": "dataset.readers.annotated",
    "read_audio": "audio.io",
    "read_clips": "dataset.clip_files",
    "read_dataset": "dataset.readers.layout",
    "read_folder": "dataset.readers.folder",
    "read_scores": "inference.score_file",
    "read_settings": "settings",
    "read_table": "dataset.readers.table",
    "split": "dataset.split",
    "tf_dataset": "training.tf_dataset",
    "train": "training.train",
    "write_clips": "dataset.clip_files",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'sonotype' has no attribute {name!r}")
    value = getattr(import_module(f"sonotype.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
