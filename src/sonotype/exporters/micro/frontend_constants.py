"""A front end as numbers: what C code, or any other language, needs to repeat it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import keras
import numpy as np

from sonotype.errors import ExportError
from sonotype.frontend.log_mel import DECIBELS, LogMel
from sonotype.frontend.pad import Pad
from sonotype.frontend.standardize import Standardize

# What the energy of a band is multiplied by once it is a logarithm, and whether the
# floor of the layer is added to the energy or the least it can be.
LOG_SCALES = {"stabilised": 1.0, "floored": 1.0, "decibels": DECIBELS}


@dataclass(frozen=True)
class Band:
    """The weights of one mel band, of the bins from its first on."""

    first_bin: int
    weights: tuple[float, ...]


@dataclass(frozen=True)
class FrontendConstants:
    """Every number of a front end of silence, mel bands and fixed scaling.

    A clip has `n_padding` samples of silence before and behind. Frame `k` is
    `frame_length` samples from `first_sample + k * hop_length` of that on; what lies
    outside is silence, or `mirrored`. It is multiplied by the window and transformed;
    magnitudes to the `power` are summed by the weights of a band. The feature is
    `(log_scale * ln(max(sum, log_floor) + log_offset) - mean) / deviation`, where the
    scaled logarithm is no more than `level_range` below the largest of the clip.
    """

    sample_rate: int
    n_samples: int
    n_padding: int
    first_sample: int
    mirrored: bool
    frame_length: int
    hop_length: int
    n_fft: int
    n_frames: int
    power: int
    log_scale: float
    log_floor: float
    log_offset: float
    level_range: float | None
    mean: float
    deviation: float
    window: tuple[float, ...]
    bands: tuple[Band, ...]

    @property
    def n_bins(self) -> int:
        """Bins of the spectrum of a frame."""
        return self.n_fft // 2 + 1

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Compute the features of clips with numpy alone.

        Args:
            samples: Clips, float32 `(n_clips, n_samples)` between -1 and 1.

        Returns:
            Float32 `(n_clips, n_frames, n_bands)`.
        """
        mel = np.zeros((self.n_bins, len(self.bands)))
        for column, band in zip(mel.T, self.bands, strict=True):
            column[band.first_bin : band.first_bin + len(band.weights)] = band.weights
        return np.stack([self._features(clip, mel) for clip in samples])

    def _features(self, clip: np.ndarray, mel: np.ndarray) -> np.ndarray:
        clip = np.pad(clip.astype(np.float64), self.n_padding)
        before = max(0, -self.first_sample)
        starts = self.first_sample + before + self.hop_length * np.arange(self.n_frames)
        after = max(0, int(starts[-1]) + self.frame_length - before - len(clip))
        clip = np.pad(
            clip, (before, after), mode="reflect" if self.mirrored else "constant"
        )
        frames = clip[starts[:, None] + np.arange(self.frame_length)]
        spectrum = np.fft.rfft(frames * np.array(self.window), self.n_fft)
        energy = np.abs(spectrum) ** self.power @ mel  # (frames, bands)
        levels = np.log(np.maximum(energy, self.log_floor) + self.log_offset)
        levels *= self.log_scale
        if self.level_range is not None:
            levels = np.maximum(levels, levels.max() - self.level_range)
        features = (levels - self.mean) / self.deviation
        return np.asarray(features, np.float32)


def read_frontend(frontend: keras.Model) -> FrontendConstants:
    """Return the numbers of a classifier's front end.

    Args:
        frontend: The layer `frontend` of a classifier: any number of `Pad`, one
            `LogMel`, any number of `Standardize`.

    Raises:
        ExportError: If it has other layers, or a layer is set to what the C code
            does not compute.
    """
    steps = [
        layer
        for layer in frontend.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    pads = list(takewhile(lambda layer: isinstance(layer, Pad), steps))
    mel, *scales = steps[len(pads) :] or [None]
    for layer, kind in [(mel, LogMel), *((scale, Standardize) for scale in scales)]:
        if not isinstance(layer, kind):
            name = "no such layer" if layer is None else type(layer).__name__
            raise ExportError(
                "the front end in C is Pad, LogMel and Standardize in this order, but "
                f"the model has {name} where {kind.__name__} is expected; such a model "
                "runs on phones and computers only"
            )
    _refuse_settings(mel)
    return _constants(frontend, pads, mel, scales)


def _refuse_settings(mel: LogMel) -> None:
    reasons = {
        'log="none", whose energies eight bits cannot hold': (
            mel.log not in LOG_SCALES
        ),
        f"an FFT of {mel.n_fft} samples, which is no power of two": bool(
            mel.n_fft & (mel.n_fft - 1)
        ),
    }
    for reason, is_so in reasons.items():
        if is_so:
            raise ExportError(
                f"the front end in C has no way to compute the layer {mel.name}: "
                f"it has {reason}"
            )


def _constants(
    frontend: keras.Model,
    pads: Sequence[Pad],
    mel: LogMel,
    scales: Sequence[Standardize],
) -> FrontendConstants:
    spectrogram = mel.power_spectrogram
    mean, deviation = 0.0, 1.0
    for scale in scales:
        mean += scale.mean * deviation
        deviation *= scale.deviation
    n_padding = sum(round(pad.seconds * pad.sample_rate) for pad in pads)
    is_added = mel.log == "stabilised"
    return FrontendConstants(
        sample_rate=mel.sample_rate,
        n_samples=frontend.input_shape[-1],
        n_padding=n_padding,
        first_sample=-spectrogram._before,
        mirrored=spectrogram.framing == "centre_reflect",
        frame_length=spectrogram.frame_length,
        hop_length=spectrogram.hop_length,
        n_fft=mel.n_fft,
        n_frames=frontend.output_shape[1],
        power=round(spectrogram.power),
        log_scale=LOG_SCALES[mel.log],
        log_floor=0.0 if is_added else mel.floor,
        log_offset=mel.floor if is_added else 0.0,
        level_range=mel.range_db,
        mean=mean,
        deviation=deviation,
        window=_float32(keras.ops.convert_to_numpy(spectrogram.window)),
        bands=tuple(map(_band, keras.ops.convert_to_numpy(mel.mel).T)),
    )


def _band(weights: np.ndarray) -> Band:
    bins = np.flatnonzero(weights)
    return Band(int(bins[0]), _float32(weights[bins[0] : bins[-1] + 1]))


def _float32(numbers: np.ndarray) -> tuple[float, ...]:
    """Return the shortest decimals that are the same numbers in single precision."""
    return tuple(float(str(number)) for number in numbers.astype(np.float32))
