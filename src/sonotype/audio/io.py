"""Audio files to float32 mono arrays, through libsndfile.

Everything that reads a user's recording comes through here, so a broken file is found
in one place and is always an `AudioError` of one sentence.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sonotype.audio.av_file import AV_SUFFIXES, AvSound
from sonotype.audio.resample import resample_blocks
from sonotype.audio.sound_file import Sound, count_samples, open_sound, read_blocks
from sonotype.errors import AudioError

# Containers whose missing end is noticed, and the names people give their files.
_SUFFIXES = {
    "AIFF": (".aif", ".aifc", ".aiff"),
    "AU": (".au", ".snd"),
    "CAF": (".caf",),
    "FLAC": (".flac",),
    "MP3": (".mp3",),
    "NIST": (".nist", ".sph"),
    "OGG": (".oga", ".ogg", ".opus"),
    "RF64": (".rf64",),
    "W64": (".w64",),
    "WAV": (".bwf", ".wav", ".wave"),
}
# Two gigabytes of float32: three hours at 48 kHz. Making a clip of it takes four times
# as much; what is longer would end the process where there is less memory.
_MOST_SAMPLES = 2**29
AUDIO_SUFFIXES = AV_SUFFIXES | frozenset(
    suffix
    for container in soundfile.available_formats()
    for suffix in _SUFFIXES.get(container, ())
)
# Samples that are checked at a time.
_PIECE = 2**14


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says.

    Args:
        path: The file.
        container: Its format, in libsndfile's words: WAV, FLAC, OGG, MP3 ...
        encoding: How samples are stored, likewise: PCM_16, FLOAT, VORBIS ...
        sample_rate: Samples of one channel per second.
        n_channels: Channels.
        n_samples: Samples of one channel.

    Example:
        >>> AudioInfo(Path("a.wav"), "WAV", "PCM_16", 8000, 1, 4000).duration_seconds
        0.5
    """

    path: Path
    container: str
    encoding: str
    sample_rate: int
    n_channels: int
    n_samples: int

    @property
    def duration_seconds(self) -> float:
        """Length of the recording."""
        return self.n_samples / self.sample_rate


def read_info(path: Path | str) -> AudioInfo:
    """Return what the header of an audio file says, without decoding it.

    A FLAC that was written to a pipe states no length, so that one is decoded.

    Args:
        path: An audio file.

    Returns:
        Its format, rate and length.

    Raises:
        AudioError: If there is no such file, it is not audio, it holds no samples, or
            it ends before its header says it does.
    """
    path = Path(path)
    with open_sound(path) as sound:
        n_samples = count_samples(sound)
        return AudioInfo(
            path=path,
            container=sound.format,
            encoding=sound.subtype,
            sample_rate=sound.samplerate,
            n_channels=sound.channels,
            n_samples=n_samples,
        )


def read_native(
    path: Path | str,
    *,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> tuple[np.ndarray, int]:
    """Return a recording, or an interval of it, at its own sample rate.

    Args:
        path: An audio file.
        start_seconds: Where to begin; `None` is the start of the file.
        end_seconds: Where to end; `None` is the end of the file.

    Returns:
        float32 mono samples of shape `(n_samples,)`, and the sample rate in hertz.

    Raises:
        AudioError: If the file cannot be decoded to its end, the interval is empty or
            not inside it, or a sample is not a finite number.
    """
    with open_sound(Path(path)) as sound:
        span = _span(sound, start_seconds, end_seconds)
        return _join(mono_blocks(sound, *span)), sound.samplerate


def read_audio(
    path: Path | str,
    sample_rate: int,
    *,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> np.ndarray:
    """Return a recording, or an interval of it, at the rate asked for.

    Args:
        path: An audio file.
        sample_rate: Rate wanted, in hertz.
        start_seconds: Where to begin; `None` is the start of the file.
        end_seconds: Where to end; `None` is the end of the file.

    Returns:
        float32 mono samples of shape `(n_samples,)`.

    Raises:
        AudioError: As `read_native`.
    """
    with open_sound(Path(path)) as sound:
        start, end = _span(sound, start_seconds, end_seconds)
        if sound.samplerate == sample_rate:
            return _join(mono_blocks(sound, start, end))
        return resample_blocks(
            mono_blocks(sound, start, end, reuse=True),
            from_rate=sound.samplerate,
            to_rate=sample_rate,
            n_samples=None if end is None else end - (start or 0),
        )


def to_mono(samples: np.ndarray) -> np.ndarray:
    """Return the mean of the channels: the one place where this is decided.

    Args:
        samples: float32 of shape `(n_samples, n_channels)`.

    Returns:
        float32 of shape `(n_samples,)`.

    Example:
        >>> to_mono(np.array([[0.5, 0.25], [1.0, -1.0]], np.float32))
        array([0.375, 0.   ], dtype=float32)
    """
    if samples.shape[1] == 1:
        return samples[:, 0]
    mono: np.ndarray
    if samples.shape[1] == 2:  # the same number, in a tenth of the time
        mono = samples[:, 0] + samples[:, 1]
        mono *= np.float32(0.5)
        return mono
    mono = samples.mean(axis=1, dtype=np.float32)
    return mono


def _join(blocks: Iterator[np.ndarray]) -> np.ndarray:
    joined = list(blocks)
    return joined[0] if len(joined) == 1 else np.concatenate(joined)


def _span(
    sound: Sound | AvSound, start_seconds: float | None, end_seconds: float | None
) -> tuple[int | None, int | None]:
    """Return the first sample and the one after the last; `None` is the file's."""
    start, end = None, sound.n_samples
    if start_seconds is not None or end_seconds is not None:
        start, end = _interval(sound, start_seconds, end_seconds)
    n_samples = 0 if end is None else end - (start or 0)
    if n_samples > _MOST_SAMPLES:
        raise AudioError(
            f"{sound.path}: is too long to be read at once: {n_samples} samples, "
            f"{n_samples / sound.samplerate / 3600:.1f} hours; cut it, or use clips "
            "with start and end"
        )
    return start, end


def mono_blocks(
    sound: Sound | AvSound,
    start: int | None = None,
    end: int | None = None,
    *,
    reuse: bool = False,
) -> Iterator[np.ndarray]:
    """Yield the mono sound of a file or a part of it, and check all of it.

    Args:
        sound: From `open_sound`.
        start: First sample; `None` goes on from where the file is.
        end: The sample after the last; `None` reads to the end.
        reuse: Whether each block may overwrite the one before.

    Yields:
        float32 of shape `(n,)`.

    Raises:
        AudioError: If the file cannot be decoded to its end, or a sample is not a
            finite number.
    """
    at = start or 0
    n_samples = None if end is None else end - at
    for block in read_blocks(sound, n_samples, start=start, reuse=reuse):
        mono = to_mono(block)  # (n, n_channels) -> (n,)
        # Whole numbers are finite.
        if not sound.subtype.startswith("PCM_"):
            _check_finite(mono, at, sound.path)
        yield mono
        at += len(mono)
    if at == (start or 0) or (end is not None and at < end):
        raise AudioError(
            f"{sound.path}: is cut short or damaged: its header promises "
            f"{'some' if end is None else end} samples, but {at} could be "
            "decoded; get the whole file again"
        )


def _check_finite(samples: np.ndarray, first: int, path: Path) -> None:
    # In pieces that need no new memory from the system: a third of the time.
    for at in range(0, len(samples), _PIECE):
        is_finite = np.isfinite(samples[at : at + _PIECE])
        if not is_finite.all():
            bad = at + int(np.argmin(is_finite))
            raise AudioError(
                f"{path}: sample {first + bad} is {samples[bad]}, not a finite "
                "number; write the file again from its source"
            )


def _interval(
    sound: Sound | AvSound, start_seconds: float | None, end_seconds: float | None
) -> tuple[int, int]:
    """Return the first sample of an interval and the one after its last."""
    begin = 0.0 if start_seconds is None else start_seconds
    to = "the end" if end_seconds is None else f"{end_seconds} s"
    words = f"{sound.path}: the interval from {begin} s to {to}"
    finish = math.nextafter(math.inf, 0) if end_seconds is None else end_seconds
    if not 0 <= begin < finish < math.inf:
        raise AudioError(f"{words} is empty or not a time")
    n_samples = count_samples(sound)
    start = round(begin * sound.samplerate)
    end = n_samples if end_seconds is None else round(finish * sound.samplerate)
    if start >= n_samples or end > n_samples:
        raise AudioError(
            f"{words} is not inside the recording, "
            f"which lasts {n_samples / sound.samplerate:.6g} s"
        )
    if start == end:
        raise AudioError(f"{words} is shorter than one sample")
    return start, end
