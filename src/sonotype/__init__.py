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
    from sonotype.dataset.readers.folder import read_folder
    from sonotype.dataset.split import k_folds, split
    from sonotype.errors import SonotypeError
    from sonotype.evaluation.figures import plot_confusion
    from sonotype.evaluation.report import Report, evaluate
    from sonotype.exporters.export import export
    from sonotype.frontend.log_mel import LogMel
    from sonotype.frontend.spectrogram import Spectrogram
    from sonotype.frontend.to_image import ToImage
    from sonotype.inference.classifier import Classifier, load
    from sonotype.inference.results import Prediction
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
    "Labels": "labels",
    "LogMel": "frontend.log_mel",
    "Prediction": "inference.results",
    "Report": "evaluation.report",
    "Settings": "settings",
    "SonotypeError": "errors",
    "Spectrogram": "frontend.spectrogram",
    "ToImage": "frontend.to_image",
    "TrainedModel": "training.train",
    "build_classifier": "models.classifier",
    "evaluate": "evaluation.report",
    "export": "exporters.export",
    "k_folds": "dataset.split",
    "load": "inference.classifier",
    "load_trained": "training.load",
    "plot_audio": "audio.figure",
    "plot_confusion": "evaluation.figures",
    "read_audio": "audio.io",
    "read_folder": "dataset.readers.folder",
    "read_settings": "settings",
    "split": "dataset.split",
    "tf_dataset": "training.tf_dataset",
    "train": "training.train",
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
