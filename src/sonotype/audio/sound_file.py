"""Opening an audio file, with every check its header allows."""

import math
import mmap
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import soundfile

from sonotype.audio.av_file import AV_SUFFIXES, AvSound, open_av
from sonotype.audio.container import Extent, check_ogg, find_extent
from sonotype.audio.mp3 import count_mp3_samples
from sonotype.errors import AudioError

_REASONS = {
    1: "it is not audio in a format that can be read here; convert it to WAV or FLAC",
    3: "its header is damaged",
    4: "its encoding is not supported; convert it to WAV or FLAC",
    # In words that fit a file: libsndfile says it is none, or speaks of its insides.
    7: "it is damaged or not what its name says",
    24: "its header is damaged",
}
# libsndfile's count for a FLAC that was written to a pipe is 2**63 - 1.
_UNKNOWN_COUNT = 2**62
_BLOCK_VALUES = 2**20
_REUSED_VALUES = 2**18
# Where 16-bit samples are stored as they are. libsndfile makes the same floats of
# them, but one at a time, which takes three times as long.
_PLAIN_16_BIT = {
    (container, "PCM_16")
    for container in ("AIFF", "AU", "CAF", "RF64", "W64", "WAV", "WAVEX")
}
_PER_INT16 = np.float32(2**-15)


class _Scratch(threading.local):
    """Memory of a thread for the block that it reads."""

    def __init__(self) -> None:
        self.values = np.empty(_REUSED_VALUES, np.float32)
        self.int16 = np.empty(_REUSED_VALUES, np.int16)


_scratch = _Scratch()


class Sound(soundfile.SoundFile):  # type: ignore[misc]
    """An open file that knows its length, or that nothing states it.

    `n_samples` is `None` in a FLAC that was written to a pipe and in MPEG layers I and
    II; only decoding tells.
    """

    path = Path()
    n_samples: int | None = None

    def seekable(self) -> bool:
        """Say no, so that soundfile does not seek after each read.

        At the end of a FLAC without a length that seek fails, and with it the read;
        `seek` itself still works.
        """
        return False


@contextmanager
def open_sound(path: Path) -> Iterator[Sound | AvSound]:
    """Open an audio file after every check its header allows.

    Args:
        path: An audio file.

    Yields:
        The open file, at its first sample; `read_blocks` reads on from there.

    Raises:
        AudioError: If the file is not there, is not audio, holds no samples, or ends
            before its header says it does.
    """
    check_file(path)
    if path.suffix.lower() in AV_SUFFIXES:
        with open_av(path) as track:
            yield track
        return
    with ExitStack() as stack:
        with _audio_errors(path):
            source: str | mmap.mmap = str(path)
            extent = find_extent(path)
            if extent is not None and extent.is_unfinished:
                source = stack.enter_context(_finish_wav(path, extent))
            sound = stack.enter_context(Sound(source))
            sound.path = path
            _read_length(sound)
        yield sound


def count_samples(sound: Sound | AvSound) -> int:
    """Return how many samples an open file has, by decoding it if nothing else tells.

    Args:
        sound: From `open_sound`; it is then at its first sample again.

    Returns:
        Samples of one channel.

    Raises:
        AudioError: If decoding fails.
    """
    if sound.n_samples is None and isinstance(sound, AvSound):
        sound.n_samples = sound.count()
    elif sound.n_samples is None:
        sound.n_samples = sum(len(block) for block in read_blocks(sound))
        with _audio_errors(sound.path):
            sound.seek(0)
    return sound.n_samples


def read_blocks(
    sound: Sound | AvSound,
    n_samples: int | None = None,
    *,
    start: int | None = None,
    reuse: bool = False,
) -> Iterator[np.ndarray]:
    """Yield samples of an open file, block by block.

    In blocks, because a damaged header may promise more than fits into memory, and a
    recording may last a week.

    Args:
        sound: From `open_sound`.
        n_samples: Most samples to read; `None` reads to the end.
        start: Sample to begin with; `None` goes on from where the file is.
        reuse: Whether each block may overwrite the one before, which takes less time
            than getting new memory for each. The blocks are then shorter, so that
            they stay in the processor's cache.

    Yields:
        float32 of shape `(n, n_channels)`, 2**20 numbers at most.

    Raises:
        AudioError: If decoding fails.
    """
    if start is not None:
        with _audio_errors(sound.path, sound.n_samples):
            sound.seek(start)
    left = math.inf if n_samples is None else n_samples
    n_block = (_REUSED_VALUES if reuse else _BLOCK_VALUES) // sound.channels
    while left > 0:
        n_wanted = int(min(left, n_block))
        shape = n_wanted, sound.channels
        room = _part(_scratch.values, shape) if reuse else np.empty(shape, np.float32)
        with _audio_errors(sound.path, sound.n_samples):
            block = _read_into(sound, room)
        if len(block) < n_wanted:
            # A copy, or the few samples would keep the whole block in memory.
            yield from [block.copy()] if len(block) else []
            return
        yield block
        left -= n_wanted


def _read_into(sound: Sound | AvSound, room: np.ndarray) -> np.ndarray:
    """Return the next samples in the room for them, fewer at the end of the file."""
    if (sound.format, sound.subtype) not in _PLAIN_16_BIT:
        block: np.ndarray
        block = sound.read(len(room), dtype="float32", always_2d=True, out=room)
        return block
    n_most = _REUSED_VALUES // sound.channels
    for first in range(0, len(room), n_most):
        part = room[first : first + n_most]
        stored = _part(_scratch.int16, part.shape)
        stored = sound.read(len(part), dtype="int16", always_2d=True, out=stored)
        np.multiply(stored, _PER_INT16, out=part[: len(stored)])
        if len(stored) < len(part):
            return room[: first + len(stored)]
    return room


def _part(memory: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return memory for a block, the same each time."""
    return memory[: math.prod(shape)].reshape(shape)


def check_file(path: Path) -> None:
    """Check that a file can be opened, before anything waits for it or maps it.

    Args:
        path: What is said to be an audio file.

    Raises:
        AudioError: If it is missing, empty, no regular file or oddly named.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise AudioError(
            f"{path}: cannot be read: its name is not valid UTF-8; rename it"
        ) from None
    try:
        found = path.stat()
    except FileNotFoundError:
        raise AudioError(f"{path}: there is no such file") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode):
        raise AudioError(f"{path}: is a folder, not an audio file")
    # Opening a named pipe would wait for someone to write into it.
    if not stat.S_ISREG(found.st_mode):
        raise AudioError(f"{path}: is not a regular file")
    if found.st_size == 0:
        raise AudioError(f"{path}: is empty (0 bytes)")
    if path.suffix.lower() == ".raw":
        raise AudioError(
            f"{path}: has no header that says its rate and encoding; convert it to WAV"
        )


@contextmanager
def _audio_errors(path: Path, n_samples: int | None = None) -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        words = error.error_string.removeprefix("Error : ").strip(" .")
        reason = _REASONS.get(error.code) or f"it is damaged or cut short ({words})"
        if n_samples is not None:
            reason += f"; its header promises {n_samples} samples"
        raise AudioError(f"{path}: cannot be read: {reason}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise AudioError(f"{path}: cannot be read: {reason}") from error


@contextmanager
def _finish_wav(path: Path, extent: Extent) -> Iterator[mmap.mmap]:
    """Yield the content of a WAV with the length its writer never filled in."""
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    order = ">" if content[:4] == b"RIFX" else "<"
    with content:
        # The last four bytes before the sound are its length.
        length = struct.pack(f"{order}I", min(extent.found, 0xFFFF_FFFE))
        content[extent.start - 4 : extent.start] = length
        yield content


def _read_length(sound: Sound) -> None:
    n_samples: int | None = sound.frames
    if sound.format == "OGG":
        check_ogg(sound.path)
    elif sound.format == "FLAC" and sound.frames > _UNKNOWN_COUNT:
        n_samples = None
    elif sound.format == "MP3":
        n_samples = _count_mp3(sound) if sound.subtype == "MPEG_LAYER_III" else None
    if n_samples == 0:
        raise AudioError(f"{sound.path}: holds no sound: 0 samples")
    sound.n_samples = n_samples


def _count_mp3(sound: Sound) -> int:
    n_stated: int = sound.frames
    n_walked = count_mp3_samples(sound.path)
    if n_walked is None:
        return n_stated
    # libsndfile stops at its own estimate, which is off by less than one frame of 1152
    # samples if the bit rate is constant.
    if n_walked > n_stated + 1152:
        raise AudioError(
            f"{sound.path}: states no length and its bit rate varies, so only "
            f"{n_stated} of its {n_walked} samples can be read; "
            "convert it to WAV or FLAC"
        )
    return min(n_walked, n_stated)
