"""Audio files to float32 mono arrays, through libsndfile.

Everything that reads a user's recording comes through here, so a broken file is found
in one place and is always an `AudioError` of one sentence.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sonotype.audio.resample import resample
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
AUDIO_SUFFIXES = frozenset(
    suffix
    for container in soundfile.available_formats()
    for suffix in _SUFFIXES.get(container, ())
)


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
    path = Path(path)
    with open_sound(path) as sound:
        sample_rate: int = sound.samplerate
        if start_seconds is None and end_seconds is None:
            start, end = 0, sound.n_samples
            blocks = list(read_blocks(sound, end))
        else:
            start, end = _interval(sound, start_seconds, end_seconds)
            blocks = list(read_blocks(sound, end - start, start=start))
    found = start + sum(len(block) for block in blocks)
    if not blocks or (end is not None and found < end):
        raise AudioError(
            f"{path}: is cut short or damaged: its header promises "
            f"{'some' if end is None else end} samples, but {found} could be "
            "decoded; get the whole file again"
        )
    # (n_samples, n_channels) -> (n_samples,)
    samples = to_mono(blocks[0] if len(blocks) == 1 else np.concatenate(blocks))
    if not np.isfinite(samples).all():
        bad = int(np.argmin(np.isfinite(samples)))
        raise AudioError(
            f"{path}: sample {start + bad} is {samples[bad]}, not a finite number; "
            "write the file again from its source"
        )
    return samples, sample_rate


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
    samples, native_rate = read_native(
        path, start_seconds=start_seconds, end_seconds=end_seconds
    )
    return resample(samples, from_rate=native_rate, to_rate=sample_rate)


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
    mono: np.ndarray = samples.mean(axis=1, dtype=np.float32)
    return mono


def _interval(
    sound: Sound, start_seconds: float | None, end_seconds: float | None
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
