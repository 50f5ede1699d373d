"""Samples without a header, as a pipe brings them."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from sonotype.audio.io import to_mono
from sonotype.errors import SettingError, unknown_name

# What `ffmpeg -f` calls them: the type of a number, and what is 1.0.
ENCODINGS = {"s16le": ("<i2", 2**15), "f32le": ("<f4", 1)}
# As much as a pipe holds.
_MOST_BYTES = 2**16


class ByteStream(Protocol):
    """Anything whose `read` returns what is there, and nothing only at its end."""

    def read(self, n_bytes: int, /) -> bytes | None:
        """Return some bytes, at most so many."""
        ...


def read_pcm(
    stream: ByteStream, *, n_channels: int = 1, encoding: str = "s16le"
) -> Iterator[np.ndarray]:
    """Yield the mono sound of raw samples, as it comes.

    Args:
        stream: Where they come from; not buffered, or sound waits in the buffer.
        n_channels: Channels that take turns.
        encoding: "s16le" or "f32le": 16-bit integers or 32-bit floats, lowest byte
            first.

    Yields:
        float32 of shape `(n,)`, the same numbers as of a WAV of these samples. Bytes
        at the end that make no whole sample are left out.

    Raises:
        SettingError: If the encoding is unknown, or there is no channel.

    Example:
        >>> import io
        >>> samples = np.array([[0, 16384], [-32768, 0]], "<i2")
        >>> list(read_pcm(io.BytesIO(samples.tobytes()), n_channels=2))
        [array([ 0.25, -0.5 ], dtype=float32)]
    """
    if encoding not in ENCODINGS:
        raise unknown_name("encoding", encoding, ENCODINGS)
    if n_channels < 1:
        raise SettingError(f"sound has at least 1 channel, not {n_channels}")
    return _read_pcm(stream, n_channels, *ENCODINGS[encoding])


def _read_pcm(
    stream: ByteStream, n_channels: int, dtype: str, full_scale: int
) -> Iterator[np.ndarray]:
    n_frame = n_channels * np.dtype(dtype).itemsize
    kept = b""
    while data := stream.read(_MOST_BYTES):
        data = kept + data
        n_whole = len(data) - len(data) % n_frame
        kept = data[n_whole:]
        if n_whole:
            numbers = np.frombuffer(data[:n_whole], dtype).astype(np.float32)
            frames = numbers.reshape(-1, n_channels) / np.float32(full_scale)
            yield to_mono(frames)  # (n, n_channels) -> (n,)
