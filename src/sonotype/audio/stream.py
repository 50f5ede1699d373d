"""A recording of any length, block by block."""

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from sonotype.audio.io import mono_blocks
from sonotype.audio.resample import resample_stream
from sonotype.audio.sound_file import open_sound


class AudioStream:
    """The sound of a file in blocks, in memory that does not grow with its length.

    The file is read from its first sample to its last and never sought in, so the
    samples of an MP3 or an Ogg file are those that reading all of it gives.

    Args:
        path: An audio file.
        sample_rate: Rate wanted, in hertz.

    Example:
        >>> import tempfile
        >>> import soundfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     soundfile.write(f"{folder}/a.wav", np.zeros(12_000), 8_000)
        ...     stream = AudioStream(Path(folder) / "a.wav", 16_000)
        ...     n_samples = sum(len(block) for block in stream)
        >>> n_samples, stream.duration_seconds
        (24000, 1.5)
    """

    def __init__(self, path: Path | str, sample_rate: int) -> None:
        self.path = Path(path)
        self.sample_rate = sample_rate
        # Of what has been read; that of the recording once there are no more blocks.
        self.duration_seconds = 0.0

    def __iter__(self) -> Generator[np.ndarray, None, None]:
        """Yield mono float32 blocks of shape `(n,)`, from the start of the file.

        Joined they are, to the last bit, what `read_audio` returns.

        Raises:
            AudioError: If the file cannot be decoded to its end, or a sample is not a
                finite number.
        """
        with open_sound(self.path) as sound:
            is_other_rate = sound.samplerate != self.sample_rate
            blocks = mono_blocks(sound, end=sound.n_samples, reuse=is_other_rate)
            yield from resample_stream(
                self._measured(blocks, sound.samplerate),
                from_rate=sound.samplerate,
                to_rate=self.sample_rate,
            )

    def _measured(
        self, blocks: Iterator[np.ndarray], sample_rate: int
    ) -> Iterator[np.ndarray]:
        n_samples = 0
        for block in blocks:
            n_samples += len(block)
            # At the file's own rate: resampling rounds the length.
            self.duration_seconds = n_samples / sample_rate
            yield block
