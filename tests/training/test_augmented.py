from typing import Any

import keras
import numpy as np
import pytest

from sonotype.augment.mixup import Mixup
from sonotype.frontend.log_mel import LogMel
from sonotype.models.classifier import build_classifier
from sonotype.training.augmented import AugmentedModel


class Louder(keras.layers.Layer):
    """Doubles in training, and only then."""

    def call(self, audio: Any, training: bool = False) -> Any:
        return audio * 2.0 if training else audio


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_classifier(
        LogMel(sample_rate=8_000, n_mels=16),
        n_classes=3,
        clip_seconds=0.2,
        channels=[4, 4],
        strides=[2, 2],
        dropout=0.0,
    )


@pytest.fixture
def inputs(rng: np.random.Generator) -> dict[str, np.ndarray]:
    audio = rng.standard_normal((4, 1_600)).astype(np.float32)
    return {"audio": audio, "target": np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]}


def test_outside_training_it_is_the_classifier(
    classifier: keras.Model, inputs: dict[str, np.ndarray]
) -> None:
    model = AugmentedModel(classifier, waveform=[Louder()], spectrogram=[Mixup(0.3)])
    found = model(inputs, training=False)
    np.testing.assert_allclose(
        found["scores"], classifier(inputs["audio"], training=False), atol=1e-6
    )
    np.testing.assert_array_equal(found["target"], inputs["target"])


def test_waveform_layers_come_before_the_front_end(
    classifier: keras.Model, inputs: dict[str, np.ndarray]
) -> None:
    seen: dict[str, Any] = {}

    class Peek(keras.layers.Layer):
        def call(self, features: Any, training: bool = False) -> Any:
            seen["features"] = features
            return features

    model = AugmentedModel(classifier, waveform=[Louder()], spectrogram=[Peek()])
    model(inputs, training=True)
    louder = classifier.get_layer("frontend")(2.0 * inputs["audio"])
    np.testing.assert_allclose(seen["features"], louder, atol=1e-5)


def test_the_loss_is_against_the_mixed_targets(
    classifier: keras.Model, inputs: dict[str, np.ndarray]
) -> None:
    class AllOfTheLast(keras.layers.Layer):
        mixes_targets = True

        def call(self, pair: tuple[Any, Any], training: bool = False) -> Any:
            features, target = pair
            return features, keras.ops.ones_like(target) * np.array([0.0, 0.0, 1.0])

    model = AugmentedModel(classifier, spectrogram=[AllOfTheLast()])
    # Batch normalisation must not learn here, or the scores before would differ.
    for layer in model.backbone.layers:
        layer.trainable = False
    loss = keras.losses.CategoricalCrossentropy()
    model.compile("sgd", loss, metrics=["accuracy"], jit_compile=False)
    scores = model(inputs, training=False)["scores"]
    last = np.tile(np.array([0.0, 0.0, 1.0], np.float32), (4, 1))
    found = model.train_on_batch(inputs, inputs["target"], return_dict=True)
    assert found["loss"] == pytest.approx(float(loss(last, scores)), rel=1e-4)


def test_fitting_changes_the_shared_classifier(
    classifier: keras.Model, inputs: dict[str, np.ndarray]
) -> None:
    before = [weight.copy() for weight in classifier.get_weights()]
    model = AugmentedModel(classifier)
    model.compile("adam", "categorical_crossentropy", jit_compile=False)
    model.fit(inputs, inputs["target"], epochs=1, verbose=0)
    changed = [
        not np.array_equal(old, new)
        for old, new in zip(before, classifier.get_weights(), strict=True)
    ]
    assert any(changed)
