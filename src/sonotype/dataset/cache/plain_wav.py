"""The plainest WAV, read without libsndfile.

Most short clips are 16-bit mono WAV files whose header is the 44 bytes everyone writes.
libsndfile takes longer to open one than to decode it, and the cache has its bytes in
memory anyway, to hash them.
"""

import struct

import numpy as np

# RIFF, size, WAVE; "fmt ", its size and six fields; "data" and its size.
_HEADER = struct.Struct("<4sI4s 4sI HHIIHH 4sI")
_PCM = 1


def read_plain_wav(content: bytes | memoryview) -> tuple[np.ndarray, int] | None:
    """Return the samples of a 16-bit mono WAV that holds nothing but its sound.

    Args:
        content: All bytes of an audio file of any kind.

    Returns:
        int16 samples of shape `(n_samples,)`, which share memory with `content`, and
        the sample rate in hertz; `None` for any other file, however little is unusual
        about it.

    Example:
        >>> header = struct.pack(
        ...     "<4sI4s4sIHHIIHH4sI",
        ...     *(b"RIFF", 40, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16),
        ...     *(b"data", 4),
        ... )
        >>> read_plain_wav(header + bytes([1, 0, 255, 255]))
        (array([ 1, -1], dtype=int16), 8000)
    """
    if len(content) <= _HEADER.size:
        return None
    riff, _, wave, *form, data, n_bytes = _HEADER.unpack_from(content)
    sample_rate: int = form[4]
    if (
        (riff, wave, data) != (b"RIFF", b"WAVE", b"data")
        # The rate of bytes, after that of samples, is anyone's guess.
        or form[:4] + form[6:] != [b"fmt ", 16, _PCM, 1, 2, 16]
        or sample_rate == 0
        or n_bytes != len(content) - _HEADER.size
        or n_bytes % 2
    ):
        return None
    return np.frombuffer(content, "<i2", offset=_HEADER.size), sample_rate
