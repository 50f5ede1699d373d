"""Sound that libsndfile does not read: AAC, WMA and the sound of videos, through PyAV.

PyAV brings 100 MB of FFmpeg, so it is an extra.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sonotype.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

# Names of files, and FFmpeg's of what may be in them. Without a list it would also
# open playlists, which are lists of addresses.
AV_SUFFIXES = frozenset(
    (
        *(".3gp", ".aac", ".amr", ".ape", ".avi", ".m4a", ".m4b", ".mka", ".mkv"),
        *(".mov", ".mp4", ".mpc", ".webm", ".wma", ".wmv"),
    )
)
_FORMATS = "aac,amr,ape,asf,avi,matroska,mov,mpc,mpc8"
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
# A decoder that starts anywhere needs some packets to get going.
_RUN_UP_SECONDS = 1.0
# Headers round lengths: to a millisecond, or to a packet.
_SLACK_SECONDS = 0.1
_FULL_SCALE = {"u1": 2**7, "i2": 2**15, "i4": 2**31, "i8": 2**63, "f4": 1, "f8": 1}


class AvSound:
    """An open file, with those parts of `soundfile.SoundFile` that are used here.

    What an encoder adds before and after the sound is left out where the file says how
    much that is: MP4 does, bare AAC doesn't.

    Args:
        path: A regular file with one of `AV_SUFFIXES`.

    Raises:
        AudioError: If it holds no sound.
    """

    # Nothing states it to the sample; only decoding tells.
    n_samples: int | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.format = path.suffix[1:].upper()
        self._container, self._stream = _open(path)
        codec = self._stream.codec_context
        self.subtype = codec.name.upper()
        self.samplerate: int = codec.sample_rate
        self.channels: int = codec.layout.nb_channels
        self._n_read = 0
        self._rest = np.empty((0, self.channels), np.float32)
        self._blocks = self._decode(0)

    def seek(self, sample: int) -> None:
        """Go to a sample; `read` begins there.

        The samples are those that reading from the start gives, but for the noise that
        an AAC decoder makes up where the encoder left it out.
        """
        self.close()
        with _av_errors(self.path):
            # Once more, because not every format can go back to its first packet.
            self._container, self._stream = _open(self.path)
            start = sample - round(_RUN_UP_SECONDS * self.samplerate)
            is_near = start > 0 and _survey(self.path, _state(self.path)).is_regular
            if is_near:
                at = int(start / self.samplerate / self._seconds_a_tick)
                self._container.seek(at, stream=self._stream)
        self._n_read = sample
        self._rest = self._rest[:0]
        self._blocks = self._decode(sample, is_near=is_near)

    def read(
        self,
        n_samples: int,
        dtype: str = "float32",
        *,
        always_2d: bool = True,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the next samples, float32 of shape `(n, channels)`.

        Args:
            n_samples: How many; fewer come only at the end of the file.
            dtype: As in soundfile: it must be float32.
            always_2d: Likewise: True.
            out: Likewise: memory that may be used, but is not.

        Raises:
            AudioError: If they cannot be decoded, or the file ends too early.
        """
        blocks, n_found = [self._rest], len(self._rest)
        with _av_errors(self.path):
            while n_found < n_samples:
                block = next(self._blocks, None)
                if block is None:
                    break
                blocks.append(block)
                n_found += len(block)
        joined = np.concatenate(blocks)
        self._rest = joined[n_samples:].copy()
        found = joined[:n_samples]
        self._n_read += len(found)
        if len(found) < n_samples:
            self._check_end()
        return found

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def count(self) -> int:
        """Return how many samples there are, by decoding a file once and no more."""
        return _survey(self.path, _state(self.path)).n_samples

    def survey(self) -> "_Survey":
        """Decode all of it; say how long it is, and whether its packets know."""
        n_samples, is_regular = 0, True
        with _av_errors(self.path):
            for frame, samples in self._frames():
                is_regular = is_regular and self._position(frame) == n_samples
                n_samples += len(samples)
        self._n_read = n_samples
        self._check_end()
        return _Survey(n_samples, is_regular)

    def _decode(self, start: int, *, is_near: bool = False) -> Iterator[np.ndarray]:
        """Yield all samples from `start` on, of shape `(n, channels)`."""
        at: int | None = None
        for frame, block in self._frames():
            if at is None:
                at = self._position(frame) if is_near else 0
            if at + len(block) > start:
                yield block[max(0, start - at) :]
            at += len(block)

    @property
    def _seconds_a_tick(self) -> float:
        return float(self._stream.time_base or 0)

    @property
    def _is_fine(self) -> bool:
        """Whether times are told to the sample, and not to the millisecond."""
        return 0 < self._seconds_a_tick * self.samplerate <= 1

    def _frames(self) -> "Iterator[tuple[AudioFrame, np.ndarray]]":
        frames = self._container.decode(self._stream)
        frame = next(frames, None)
        while frame is not None:
            following = next(frames, None)
            yield frame, self._samples(frame, is_last=following is None)
            frame = following

    def _position(self, frame: "AudioFrame") -> int:
        """Return which sample of the file a frame starts with."""
        first = self._stream.start_time or 0
        ticks = (first if frame.pts is None else frame.pts) - first
        return round(ticks * self._seconds_a_tick * self.samplerate)

    def _samples(self, frame: "AudioFrame", *, is_last: bool) -> np.ndarray:
        n_channels = frame.layout.nb_channels
        if (frame.sample_rate, n_channels) != (self.samplerate, self.channels):
            raise AudioError(
                f"{self.path}: changes from {self.channels} channels at "
                f"{self.samplerate} Hz to {n_channels} at {frame.sample_rate} Hz; "
                "convert it to WAV or FLAC"
            )
        raw = frame.to_ndarray()
        # (channels, samples), or (1, samples * channels) -> (samples, channels)
        raw = raw.reshape(-1, n_channels) if frame.format.is_packed else raw.T
        n_samples = len(raw)
        if is_last and frame.duration and self._is_fine:
            # The last packet of an MP4 says how much of it is sound.
            stated = round(frame.duration * self._seconds_a_tick * self.samplerate)
            n_samples = min(n_samples, stated)
        samples = raw[:n_samples].astype(np.float32)
        if raw.dtype.kind == "u":
            samples -= 128
        samples /= _FULL_SCALE[raw.dtype.str[1:]]
        return np.ascontiguousarray(samples)

    def _check_end(self) -> None:
        stated, step = self._stream.duration, self._stream.time_base
        # Bare AAC has no header that tells; FFmpeg then guesses from the bit rate.
        if stated is None or step is None or self._container.format.name == "aac":
            return
        seconds = float(stated * step)
        if self._n_read / self.samplerate < seconds - _SLACK_SECONDS:
            raise AudioError(
                f"{self.path}: is cut short or damaged: its header promises "
                f"{seconds:.6g} s, but {self._n_read / self.samplerate:.6g} s could be "
                "decoded; get the whole file again"
            )


class _Survey(NamedTuple):
    """What decoding a file once tells.

    Args:
        n_samples: Samples of one channel.
        is_regular: Each packet says rightly which sample it begins with. Those of
            Matroska round to a millisecond, and those of some telephones vary.
    """

    n_samples: int
    is_regular: bool


@lru_cache(maxsize=2**14)
def _survey(path: Path, state: tuple[int, int]) -> _Survey:
    """Return what decoding a file of this size and time of change tells."""
    with open_av(path) as sound:
        return sound.survey()


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@contextmanager
def open_av(path: Path) -> Iterator[AvSound]:
    """Open a file that PyAV reads.

    Args:
        path: A regular file with one of `AV_SUFFIXES`.

    Yields:
        The open file, at the first sample of its first sound track.

    Raises:
        AudioError: If PyAV is not installed, or the file cannot be read or holds no
            sound.
    """
    if importlib.util.find_spec("av") is None:
        raise AudioError(
            f"{path}: {path.suffix} files need PyAV, which is not installed; "
            "run: pip install 'sonotype[av]', or convert it to WAV or FLAC"
        )
    with _av_errors(path):
        sound = AvSound(path)
    with closing(sound):
        yield sound


def _open(path: Path) -> "tuple[InputContainer, AudioStream]":
    import av

    # With its scheme, or a name with a colon would be taken for an address. Tags may
    # be in any encoding.
    container = av.open(f"file:{path}", options=_OPTIONS, metadata_errors="replace")
    reason = None
    if not container.streams.audio:
        reason = "holds no sound: no track of it is audio"
    elif (codec := container.streams.audio[0].codec_context) is None:
        reason = "cannot be read: its encoding is not supported; convert it to FLAC"
    elif codec.sample_rate < 1 or codec.layout.nb_channels < 1:
        reason = "cannot be read: its header is damaged"
    if reason:
        container.close()
        raise AudioError(f"{path}: {reason}")
    return container, container.streams.audio[0]


@contextmanager
def _av_errors(path: Path) -> Iterator[None]:
    from av.error import FFmpegError

    try:
        yield
    except FFmpegError as error:
        raise AudioError(
            f"{path}: cannot be read: it is damaged or not what its name says "
            f"({error.strerror}); convert it to WAV or FLAC"
        ) from error
