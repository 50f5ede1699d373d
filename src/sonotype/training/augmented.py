"""Training with augmentation: layers around a classifier that prediction never sees."""

from collections.abc import Sequence
from typing import Any

import keras


class AugmentedModel(keras.Model):
    """A classifier with augmentation before and after its front end.

    The layers run on the device, inside the training step. Mixing layers blend the
    targets too, so examples and targets travel together: the input is a dict of both,
    and the loss compares the scores with the targets that came out of the layers.
    Outside training every augmentation is the identity.

    Args:
        classifier: A model from `build_classifier`; its layers `frontend`, `backbone`
            and `head` are shared, not copied.
        waveform: Layers applied to samples, in order.
        spectrogram: Layers applied to features, in order.

    Input shape:
        `{"audio": (batch, samples), "target": (batch, classes)}`.

    Output shape:
        `{"scores": (batch, classes), "target": (batch, classes)}`.
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        waveform: Sequence[keras.layers.Layer] = (),
        spectrogram: Sequence[keras.layers.Layer] = (),
    ) -> None:
        super().__init__()
        self.frontend = classifier.get_layer("frontend")
        self.backbone = classifier.get_layer("backbone")
        self.head = classifier.get_layer("head")
        self.waveform = list(waveform)
        self.spectrogram = list(spectrogram)

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Augment (in training), then classify."""
        audio, target = inputs["audio"], inputs["target"]  # (batch, samples)
        for layer in self.waveform:
            audio, target = _augment(layer, audio, target, training)
        features = self.frontend(audio)  # (batch, time, frequency[, channel])
        for layer in self.spectrogram:
            features, target = _augment(layer, features, target, training)
        scores = self.head(
            self.backbone(features, training=training), training=training
        )
        return {"scores": scores, "target": target}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Compare the scores with the targets that the augmentation made."""
        return super().compute_loss(
            x, y_pred["target"], y_pred["scores"], sample_weight, training
        )

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Measure against the targets before any mixing."""
        metrics: dict[str, Any] = super().compute_metrics(
            x, y, y_pred["scores"], sample_weight
        )
        return metrics


def _augment(
    layer: keras.layers.Layer, examples: Any, target: Any, training: bool
) -> tuple[Any, Any]:
    """Apply one layer; only layers that say so take the targets with the examples."""
    if getattr(layer, "mixes_targets", False):
        mixed, mixed_target = layer((examples, target), training=training)
        return mixed, mixed_target
    return layer(examples, training=training), target
