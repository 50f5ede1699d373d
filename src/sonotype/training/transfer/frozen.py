"""A new head on a network that stays as it is."""

import keras
import numpy as np

from sonotype.clips import Clips
from sonotype.dataset.cache.audio_cache import CachedAudio
from sonotype.models.head import (
    ATTENTION,
    FRAME_LOGITS,
    MEAN_STD,
    SCORES,
    STANDARDIZE,
    set_statistics,
)
from sonotype.training.build import build_augmentation
from sonotype.training.fit import targets
from sonotype.training.run import Run
from sonotype.training.transfer.embed import embed_views
from sonotype.training.transfer.linear import (
    CrossValidated,
    LinearHead,
    cross_validate,
    fit_linear,
)


def embedder(classifier: keras.Model) -> keras.Model:
    """Return the part of a classifier before its last layer.

    Its output is one vector a clip, `(batch, channels)`: the pooled feature map. It
    shares its weights with the classifier.
    """
    head = classifier.get_layer("head")
    flow = _last_layer(head).input
    if _has(head, ATTENTION):
        flow = keras.layers.GlobalAveragePooling1D()(flow)  # frames all alike
    pooled = keras.Model(head.input, flow, name="pooled")
    audio = keras.Input(classifier.input_shape[1:], name="audio")
    features = classifier.get_layer("frontend")(audio)
    return keras.Model(audio, pooled(classifier.get_layer("backbone")(features)))


def fit_frozen(classifier: keras.Model, audio: CachedAudio, run: Run) -> CrossValidated:
    """Fit the head of a classifier in place; the rest is only listened to.

    A head with attention is given the same for all frames, which is the mean over time:
    what to attend to is for fine-tuning to find out.

    Args:
        classifier: With the weights its features come from.
        audio: The clips to learn from; their groups choose the penalty.
        run: Of its settings, `training.n_views` versions of each clip are heard: the
            plain one, and others from `augment.waveform`.

    Returns:
        The penalty, and scores of every clip by heads that never heard its group.
    """
    settings = run.settings
    waveform, _ = build_augmentation(settings, noise=run.noise)
    forget(classifier)
    views = embed_views(
        embedder(classifier),
        audio,
        n_views=settings.training.n_views,
        augmentation=waveform,
        seed=settings.seed,
        on_progress=run.listening,
    )
    return fit_head(classifier, views, audio.clips, run)


def fit_head(
    classifier: keras.Model, views: np.ndarray, clips: Clips, run: Run
) -> CrossValidated:
    """Fit the head of a classifier in place to embeddings, `(n_views, n_clips, n)`."""
    known, task = targets(clips, run.task), run.task
    embeddings = views.astype(np.float32)
    chosen = cross_validate(
        embeddings, known, clips.groups(), task=task, seed=run.settings.seed
    )
    fitted = fit_linear(embeddings, known, task=task, penalty=chosen.penalty)
    set_linear(classifier.get_layer("head"), fitted)
    return chosen


def forget(classifier: keras.Model) -> None:
    """Let the head take features as they come, until it learns their statistics."""
    head = classifier.get_layer("head")
    if _has(head, STANDARDIZE):
        n_channels = head.input_shape[-1]
        set_statistics(head, np.zeros(n_channels), np.ones(n_channels))


def set_linear(head: keras.Model, linear: LinearHead) -> None:
    """Give a classifier's head the weights of a linear head."""
    kernel, bias = linear.kernel, linear.bias
    mean, deviation = np.zeros(len(kernel)), np.ones(len(kernel))
    if _has(head, STANDARDIZE):
        # The layer has one number a channel of the map, which pooling may repeat.
        n_channels = head.input_shape[-1]
        mean = np.resize(linear.mean[:n_channels], len(kernel))
        deviation = np.resize(linear.deviation[:n_channels], len(kernel))
        set_statistics(head, mean[:n_channels], np.square(deviation[:n_channels]))
        if _has(head, MEAN_STD):
            mean[n_channels:] = 0.0  # how far values lie apart, wherever they are
    # What the layer does not do, the weights do.
    bias = bias + (mean - linear.mean) / linear.deviation @ kernel
    kernel = kernel * (deviation / linear.deviation)[:, None]
    _last_layer(head).set_weights([kernel, bias])
    if _has(head, ATTENTION):
        attention = head.get_layer(ATTENTION)
        attention.set_weights([np.zeros_like(one) for one in attention.get_weights()])


def _last_layer(head: keras.Model) -> keras.layers.Layer:
    """Return the layer that multiplies and adds."""
    return head.get_layer(FRAME_LOGITS if _has(head, ATTENTION) else SCORES)


def _has(head: keras.Model, layer: str) -> bool:
    return layer in [one.name for one in head.layers]
