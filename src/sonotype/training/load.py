"""The Keras model of a bundle, for fine-tuning and for comparison."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from sonotype.audio.io import read_audio
from sonotype.audio.windows import cut_windows
from sonotype.bundle import Bundle
from sonotype.clips import Clip, Clips
from sonotype.errors import BundleError
from sonotype.frontend.table import FRONTENDS
from sonotype.labels import Labels, Task
from sonotype.training.score import score_windows


@dataclass(frozen=True)
class KerasClassifier:
    """The Keras model of a bundle behind the same two words as `Classifier`.

    Args:
        model: Plain Keras, ready to be compiled and fitted further.
        bundle: Where it came from.
    """

    model: keras.Model
    bundle: Bundle

    @property
    def labels(self) -> Labels:
        """What the outputs mean."""
        return Labels(self.bundle.manifest.labels)

    @property
    def task(self) -> Task:
        """Whether a clip carries one label or any number."""
        return self.bundle.manifest.task

    @property
    def thresholds(self) -> dict[str, float] | None:
        """From which score each label counts as heard, in a multi-label model."""
        return self.bundle.manifest.thresholds

    def scores(self, clips: Clips) -> np.ndarray:
        """Score clips read from their files, float32 `(n_clips, n_labels)`."""
        manifest = self.bundle.manifest
        hop = max(1, round(manifest.hop_seconds * manifest.sample_rate))

        def windows(clip: Clip) -> np.ndarray:
            samples = read_audio(
                clip.path,
                manifest.sample_rate,
                start_seconds=clip.start_seconds,
                end_seconds=clip.end_seconds,
            )
            return cut_windows(samples, manifest.n_samples, hop=hop)

        return score_windows(self.model, map(windows, clips), task=self.task)


def load_trained(bundle: Bundle) -> KerasClassifier:
    """Load `model.keras` of a bundle.

    Raises:
        BundleError: If the file is broken, edited, or does not load.
    """
    return KerasClassifier(load_model(bundle.file("model.keras")), bundle)


def load_model(path: Path) -> keras.Model:
    """Load a classifier that Keras saved, for prediction.

    Raises:
        BundleError: If the file does not load.
    """
    layers = {f"sonotype>{layer.__name__}": layer for layer in FRONTENDS.values()}
    try:
        return keras.models.load_model(path, custom_objects=layers, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise BundleError(f"{path} does not load in Keras: {reason}") from error
