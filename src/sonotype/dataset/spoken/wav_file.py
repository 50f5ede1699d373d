"""Small 16-bit WAV files, written fast."""

import wave
from pathlib import Path

import numpy as np

from sonotype.errors import AudioError

_FULL_SCALE = 32767


def write_wav(path: Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write one channel of 16 bits.

    soundfile waits for the disk after every file, which takes longer than to make a
    clip of a second; where thousands are made, Python's own writer is the better one.

    Args:
        path: The file.
        samples: Between -1 and 1, of shape `(n_samples,)`.
        sample_rate: Samples per second.

    Raises:
        AudioError: If a sample is beyond full scale.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_wav(Path(folder) / "a.wav", np.zeros(8000), 16_000)
        ...     (Path(folder) / "a.wav").stat().st_size
        16044
    """
    peak = float(np.abs(samples).max(initial=0))
    if peak > 1:
        raise AudioError(
            f"{path}: the loudest sample is {peak:.2f} of full scale, and 1 is all "
            "that a WAV of 16 bits holds; make it quieter"
        )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.round(samples * _FULL_SCALE).astype("<i2").tobytes())
