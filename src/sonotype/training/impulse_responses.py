"""Read a folder of recorded rooms for the layers that use them."""

from pathlib import Path

import numpy as np

from sonotype.audio.io import AUDIO_SUFFIXES, read_audio
from sonotype.errors import DataError


def read_responses(folder: Path | str, sample_rate: int) -> np.ndarray:
    """Return the impulse responses in a folder.

    Args:
        folder: Where the audio files are, at any depth and of any rate.
        sample_rate: Rate wanted, in hertz.

    Returns:
        float32 of shape `(responses, samples)`, in the order of the paths; zeros after
        the shorter ones.

    Raises:
        AudioError: If a file cannot be decoded.
        DataError: If there is no audio file.

    Example:
        >>> import tempfile
        >>> import soundfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for n_samples in (400, 800):
        ...         path = f"{folder}/{n_samples}.wav"
        ...         soundfile.write(path, np.ones(n_samples), 8_000)
        ...     read_responses(folder, 8_000).shape
        (2, 800)
    """
    files = sorted(
        path
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
    )
    if not files:
        raise DataError(f"{folder} holds no audio file, so no impulse response")
    rows = [read_audio(path, sample_rate) for path in files]
    longest = max(map(len, rows))
    return np.stack([np.pad(row, (0, longest - len(row))) for row in rows])
