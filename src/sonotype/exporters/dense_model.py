"""A classifier of clips as one network over a stretch of many windows.

A network of convolutions makes of a longer sound a longer map, and what overlapping
windows share is computed once. The windows then hear their neighbours where a clip ends
in the padding of every layer, so their scores differ from those of clips.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from sonotype.errors import ExportError
from sonotype.frontend.birdnet_spectrogram import BirdNETSpectrogram
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.normalize import Normalize
from sonotype.frontend.to_image import ToImage
from sonotype.training.load import load_model

# The length of a stretch, in windows together with what they hear around them: much
# longer ones save little, and recordings that end in the middle of one pay for all.
STRETCH_LENGTHS = 4
# Windows begin at least this part of a clip apart; closer ones are alike.
FINEST_STRIDE = 10
# What sound beyond a window may change of its map, as a part of the largest number.
NEGLIGIBLE = 1e-3
# On so many clips, and at least so long a sound, is seen how far a window hears.
PROBE_CLIPS, PROBE_SAMPLES = 8, 200_000
# As many frames as divide by any step in time that a network has.
MANY_FRAMES = 64 * 9 * 5 * 7

_WHOLE_CLIP = (
    BirdNETSpectrogram,  # it scales each clip by itself
    ToImage,
    layers.RNN,
    layers.Bidirectional,
    layers.MultiHeadAttention,
    layers.Attention,
    layers.Flatten,
    layers.GlobalMaxPooling2D,
    layers.GlobalAveragePooling1D,
    layers.GlobalMaxPooling1D,
)


@dataclass(frozen=True)
class DenseModel:
    """The scores of many windows of one stretch of sound, lengths in samples.

    Args:
        model: From audio `(1, stretch_samples)` to scores `(1, n_windows * n_labels)`,
            window after window.
        window_samples: Length of a window: of the clips that the network learned.
        stride: From one window's start to the next.
        first: Where in the stretch the first window begins; what is before it, and
            after the last one, is heard but has no scores.
        n_windows: How many windows have scores.
    """

    model: keras.Model
    window_samples: int
    stride: int
    first: int
    n_windows: int

    @property
    def stretch_samples(self) -> int:
        """Length of the input."""
        return int(self.model.input_shape[-1])

    def windows(self, stretches: np.ndarray) -> np.ndarray:
        """Return the windows that have scores, `(n_windows in all, window_samples)`."""
        every = np.lib.stride_tricks.sliding_window_view(
            stretches, self.window_samples, axis=1
        )
        chosen = every[:, self.first :: self.stride][:, : self.n_windows]
        return chosen.reshape(-1, self.window_samples)

    def scores(self, stretches: np.ndarray) -> np.ndarray:
        """Score stretches, `(n, stretch_samples)` to `(n, n_windows * n_labels)`."""
        return np.concatenate(
            [ops.convert_to_numpy(self.model(one[None])) for one in stretches]
        )


def build_dense(model: keras.Model) -> DenseModel:
    """Build the network that scores the windows of a stretch at once.

    Args:
        model: A trained classifier as `build_classifier` makes it; it stays as it is.

    Raises:
        ExportError: If a layer needs the whole clip, or the map of a sound is not part
            of that of a longer one.
    """
    plan = _Plan(_copy(model))
    before, after = plan.margins()
    unit = plan.unit
    step = max(1, plan.window_samples // FINEST_STRIDE // unit)
    heard = plan.window_samples + (before + after) * unit
    n_windows = max(2, (STRETCH_LENGTHS - 1) * heard // (step * unit))
    n_units = before + (n_windows - 1) * step + after
    audio = keras.Input(
        batch_shape=(1, plan.window_samples + n_units * unit), name="audio"
    )
    flow = plan.map_of(audio)
    n_frames = plan.backbone.output_shape[1]
    starts = before + step * np.arange(n_windows)
    which = (starts[:, None] + np.arange(n_frames)).ravel().astype(np.int32)
    taken = ops.take(flow, ops.convert_to_tensor(which), axis=1)
    windows = ops.reshape(taken, (n_windows, n_frames, *flow.shape[2:]))
    scores = ops.reshape(plan.head(windows, training=False), (1, -1))
    return DenseModel(
        keras.Model(audio, scores, name="dense"),
        window_samples=plan.window_samples,
        stride=step * unit,
        first=before * unit,
        n_windows=n_windows,
    )


def _copy(model: keras.Model) -> keras.Model:
    """Return the same model of layers of its own, for layers remember their calls."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return load_model(path)


class _Plan:
    """The parts of a classifier, and how its map grows with the sound."""

    def __init__(self, model: keras.Model) -> None:
        self.frontend, self.backbone, self.head = map(
            model.get_layer, ("frontend", "backbone", "head")
        )
        self.window_samples = int(model.input_shape[-1])
        for layer in (*self.frontend.layers, *self.backbone.layers):
            if isinstance(layer, _WHOLE_CLIP) or (
                isinstance(layer, Normalize) and layer.statistics == "clip"
            ):
                raise _whole_clip(type(layer).__name__)
        # Samples from one frame of the map to the next.
        self.unit = self._samples_per_frame() * self._frames_per_step()
        if self.unit > self.window_samples:
            raise ExportError(
                "dense scanning needs a map with several frames a clip, but this "
                f"network has one every {self.unit} samples and clips of "
                f"{self.window_samples}; train it on longer clips"
            )

    def map_of(self, audio: keras.KerasTensor) -> keras.KerasTensor:
        """Return the map of a longer sound."""
        return _longer_backbone(self.backbone, _features(self.frontend, audio))

    def margins(self) -> tuple[int, int]:
        """Return how many frames of the map before and after a window it hears.

        Two overlapping sounds have the same map wherever neither's end is heard.
        """
        unit, n_samples = self.unit, self.window_samples
        shift = -(-n_samples // unit)
        least = max(PROBE_CLIPS * n_samples, PROBE_SAMPLES)
        length = n_samples + -(-least // unit) * unit
        audio = keras.Input(batch_shape=(1, length))
        model = keras.Model(audio, self.map_of(audio))
        sound = _probe(length + shift * unit)
        early, late = (
            ops.convert_to_numpy(model(sound[None, start : start + length]))[0]
            for start in (0, shift * unit)
        )
        difference = np.abs(early[shift:] - late[:-shift]).max(axis=(1, 2))
        is_same = difference <= NEGLIGIBLE * np.abs(early).max()
        middle = len(is_same) // 2
        if not is_same[middle]:
            raise ExportError(
                "this network cannot be scanned densely: the map of a sound is not "
                "part of that of a longer one, so it hears further than "
                f"{middle * unit} samples; use it without --dense"
            )
        heard = np.flatnonzero(~is_same)
        before = heard[heard < middle].max(initial=-1) + 1
        after = len(is_same) - heard[heard > middle].min(initial=len(is_same))
        return int(before), int(after)

    def _samples_per_frame(self) -> int:
        steps = self.frontend.layers[1:]
        starts: list[int] = []
        n_samples = self.window_samples
        n_frames = _frames(steps, n_samples)
        while len(starts) < 2:
            n_samples += 1
            if _frames(steps, n_samples) == n_frames + len(starts) + 1:
                starts.append(n_samples)
        return starts[1] - starts[0]

    def _frames_per_step(self) -> int:
        _, n_frames, *rest = self.backbone.input_shape
        longer = keras.Input(batch_shape=(1, n_frames + MANY_FRAMES, *rest))
        try:
            n_more = _longer_backbone(self.backbone, longer).shape[1]
        except (ValueError, TypeError) as error:
            raise _whole_clip(self.backbone.name) from error
        n_more -= self.backbone.output_shape[1]
        if n_more < 1 or MANY_FRAMES % n_more:
            raise _whole_clip(self.backbone.name)
        return int(MANY_FRAMES // n_more)


def _whole_clip(name: str) -> ExportError:
    return ExportError(
        f"this network cannot be scanned densely: {name} takes a clip as a whole, not "
        "frame by frame; use it without --dense"
    )


def _frames(steps: list[keras.layers.Layer], n_samples: int) -> int:
    shape: tuple[int | None, ...] = (1, n_samples)
    for step in steps:
        shape = step.compute_output_shape(shape)
    return int(shape[1] or 0)


def _probe(n_samples: int) -> np.ndarray:
    """Return noise whose loudness and colour change all the time."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(n_samples)
    noise[1:] += np.sin(np.arange(n_samples - 1) / 3e4) * noise[:-1]
    swell = 10 ** (np.sin(np.arange(n_samples) / 2e3) - 2)
    return (swell * noise).astype(np.float32)


def _features(frontend: keras.Model, audio: keras.KerasTensor) -> keras.KerasTensor:
    """Return the features of a longer sound."""
    flow = audio
    for layer in frontend.layers[1:]:
        is_relative = isinstance(layer, LogMel) and layer.range_db is not None
        flow = _relative(layer, flow) if is_relative else layer(flow)
    return flow


def _relative(layer: LogMel, audio: keras.KerasTensor) -> keras.KerasTensor:
    """Lift what is far below the loudest band of a clip's length round it."""
    range_db = layer.range_db
    plain = LogMel.from_config({**layer.get_config(), "range_db": None})
    levels = plain(audio)  # (1, frames, mels)
    loudest = ops.max(levels, axis=2, keepdims=True)
    n_frames = layer.output.shape[1]
    loudest = layers.MaxPooling1D(n_frames, strides=1, padding="same")(loudest)
    return ops.maximum(levels, loudest - range_db)


def _longer_backbone(
    backbone: keras.Model, features: keras.KerasTensor
) -> keras.KerasTensor:
    """Apply the layers of a backbone to more frames than it was built for."""
    longer = keras.models.clone_model(
        backbone,
        input_tensors=[keras.Input(batch_shape=features.shape)],
        clone_function=_for_any_length,
    )
    return longer(features, training=False)


def _for_any_length(layer: Any) -> Any:
    """Return the same layer, or one that does the same to any number of frames."""
    if isinstance(layer, layers.Reshape):
        shape = layer.input.shape
        if len(shape) == 2:  # what weighs channels, which stays a map: see below
            return lambda flow: flow
        if layer.target_shape[0] == shape[1]:
            return layers.Reshape((-1, *layer.target_shape[1:]))
    if isinstance(layer, layers.GlobalAveragePooling2D):
        return lambda flow: _moving_mean(flow, layer.input.shape[1])
    return layer


def _moving_mean(flow: keras.KerasTensor, n_frames: int) -> keras.KerasTensor:
    """Return the mean over all bands and over a clip's length round each frame.

    For layers that weigh channels by their means over the clip.
    """
    flow = layers.AveragePooling2D((1, flow.shape[2]))(flow)
    return layers.AveragePooling2D((n_frames, 1), strides=1, padding="same")(flow)
