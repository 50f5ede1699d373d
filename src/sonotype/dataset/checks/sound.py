"""What one file sounds like, in numbers, from one pass over its samples."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonotype.audio.av_file import AvSound
from sonotype.audio.io import to_mono
from sonotype.audio.sound_file import Sound, open_sound, read_blocks
from sonotype.dataset.checks.bandwidth import LongTermSpectrum, Wall
from sonotype.dataset.checks.clipping import Plateaus
from sonotype.dataset.checks.fingerprint import Fingerprint, Fingerprinter
from sonotype.errors import AudioError

_SEGMENT_SECONDS = 0.1


@dataclass(frozen=True)
class FileFacts:
    """What is known of a file: its header, and what was heard in it.

    Args:
        path: The file.
        digest: SHA-256 of its bytes, in hexadecimal.
        samples_digest: SHA-256 of its decoded samples and their rate.
        container: Its format, in libsndfile's words.
        encoding: How samples are stored, likewise.
        sample_rate: Samples of one channel per second.
        n_channels: Channels.
        n_samples: Samples of one channel that were decoded.
        levels: Of its loudest channel, and what the channels have in common.
        wall: Where its treble ends, if it ends at a wall.
        fingerprint: To find it again in another form.
    """

    path: Path
    digest: str
    samples_digest: str
    container: str
    encoding: str
    sample_rate: int
    n_channels: int
    n_samples: int
    levels: "Levels"
    wall: Wall | None
    fingerprint: Fingerprint

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.n_samples / self.sample_rate


@dataclass(frozen=True)
class Levels:
    """How loud a recording is, and how its channels go together.

    Args:
        peak: Greatest absolute sample.
        swing: Half the distance from the lowest to the highest sample of a channel, so
            without any constant; the widest channel's.
        offset: The mean of the channel where it is greatest.
        offset_spread: Standard deviation of that channel's mean over tenths of a
            second: small beside a constant, not beside a low rumble.
        clipped_share: Share of samples that lie on flat tops, from 0 to 1.
        n_plateaus: How many flat tops.
        mono_share: Power of the channels' mean over the mean of their powers: 1 for
            equal channels, 0 for opposite ones.
    """

    peak: float
    swing: float
    offset: float
    offset_spread: float
    clipped_share: float
    n_plateaus: int
    mono_share: float


def listen(path: Path) -> FileFacts:
    """Decode a file once and return what can be said of it.

    It is decoded block by block, so a recording of a week needs no more memory than
    one of a minute, but for its fingerprint: four megabytes an hour.

    Args:
        path: An audio file.

    Raises:
        AudioError: If it cannot be decoded to its end, or holds a sample that is not a
            finite number.
    """
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(f"{path}: cannot be read: {error.strerror}") from error
    with open_sound(path) as sound:
        ear = _Ear(sound.samplerate, sound.channels)
        for block in read_blocks(sound):
            if not np.isfinite(block).all():
                raise AudioError(
                    f"{path}: holds a sample that is not a finite number; "
                    "write the file again from its source"
                )
            ear.add(block)
        _check_length(sound, ear.n_samples)
        return FileFacts(
            path=path,
            digest=digest,
            samples_digest=ear.samples_digest.hexdigest(),
            container=sound.format,
            encoding=sound.subtype,
            sample_rate=sound.samplerate,
            n_channels=sound.channels,
            n_samples=ear.n_samples,
            levels=ear.levels(),
            wall=ear.spectrum.find_wall(),
            fingerprint=ear.fingerprinter.finish(),
        )


def _check_length(sound: Sound | AvSound, n_found: int) -> None:
    if n_found == 0 or (sound.n_samples is not None and n_found < sound.n_samples):
        raise AudioError(
            f"{sound.path}: is cut short or damaged: its header promises "
            f"{sound.n_samples} samples, but {n_found} could be decoded; "
            "get the whole file again"
        )


class _Ear:
    """Everything that listens, block by block."""

    def __init__(self, sample_rate: int, n_channels: int) -> None:
        self.n_samples = 0
        self.samples_digest = hashlib.sha256(f"{sample_rate} {n_channels}".encode())
        self.spectrum = LongTermSpectrum(sample_rate)
        self.fingerprinter = Fingerprinter(sample_rate)
        self._segment_samples = max(1, round(_SEGMENT_SECONDS * sample_rate))
        self._lowest = np.full(n_channels, np.inf)
        self._highest = np.full(n_channels, -np.inf)
        self._sum = np.zeros(n_channels)
        self._power = np.zeros(n_channels)
        self._mono_power = 0.0
        self._segments = np.zeros((3, n_channels))  # number, sum, sum of squares
        self._plateaus = [Plateaus() for _ in range(n_channels)]

    def add(self, block: np.ndarray) -> None:
        """Go on with the next samples, float32 of shape `(n, n_channels)`."""
        self.n_samples += len(block)
        self.samples_digest.update(np.ascontiguousarray(block).data)
        mono = to_mono(block)
        self.spectrum.add(mono)
        self.fingerprinter.add(mono)
        # (n, channels) -> (channels, n): sums along the long axis are ten times faster.
        channels = np.ascontiguousarray(block.T)
        self._lowest = np.minimum(self._lowest, channels.min(axis=1))
        self._highest = np.maximum(self._highest, channels.max(axis=1))
        self._sum += channels.sum(axis=1, dtype=np.float64)
        self._power += np.square(channels).sum(axis=1, dtype=np.float64)
        self._mono_power += float(np.square(mono).sum(dtype=np.float64))
        self._add_segments(channels)
        for samples, plateaus in zip(channels, self._plateaus, strict=True):
            plateaus.add(samples)

    def levels(self) -> Levels:
        """Return the levels of all that was added."""
        offsets = self._sum / self.n_samples
        worst = int(np.abs(offsets).argmax())
        clipped = [plateaus.n_samples for plateaus in self._plateaus]
        power = float(self._power.mean())
        return Levels(
            peak=float(max(self._highest.max(), -self._lowest.min())),
            swing=float((self._highest - self._lowest).max() / 2),
            offset=float(offsets[worst]),
            offset_spread=self._offset_spread()[worst],
            clipped_share=max(clipped) / self.n_samples,
            n_plateaus=max(plateaus.n_plateaus for plateaus in self._plateaus),
            mono_share=self._mono_power / power if power else 1.0,
        )

    def _add_segments(self, channels: np.ndarray) -> None:
        n_channels, n_samples = channels.shape
        n_segments = n_samples // self._segment_samples
        whole = channels[:, : n_segments * self._segment_samples]
        shape = (n_channels, n_segments, self._segment_samples)
        means = whole.reshape(shape).mean(axis=2, dtype=np.float64)
        self._segments += [
            np.full(n_channels, n_segments),
            means.sum(axis=1),
            np.square(means).sum(axis=1),
        ]

    def _offset_spread(self) -> Sequence[float]:
        number, total, squares = self._segments
        if not number.all():
            return [np.inf] * len(number)
        variance = squares / number - np.square(total / number)
        spread: list[float] = np.sqrt(np.maximum(variance, 0.0)).tolist()
        return spread
