"""Raw samples on stdin."""

import os
import select
import sys
from io import FileIO

from sonotype.errors import SettingError
from sonotype.inference.live.pcm import read_pcm
from sonotype.inference.live.source import BUFFER_SECONDS, FastSource, LiveSource

# How often a reader without samples looks whether it should go on.
_LOOK_SECONDS = 0.2


class Stdin:
    """Stdin without Python's buffer, in which sound would wait.

    Where the system can tell whether there is something to read, waiting for it can be
    given up.

    Raises:
        SettingError: If it is a terminal.
    """

    def __init__(self) -> None:
        if sys.stdin.isatty():
            raise SettingError(
                "stdin is a terminal; pipe raw samples into this command"
            )
        self._file = FileIO(sys.stdin.fileno(), closefd=False)
        self._is_over = False

    def read(self, n_bytes: int, /) -> bytes | None:
        """Return what is there, once there is something; nothing when it is over."""
        if os.name == "posix":
            while not self._is_over:
                if select.select([self._file], [], [], _LOOK_SECONDS)[0]:
                    break
        return b"" if self._is_over else self._file.read(n_bytes)

    def give_up(self) -> None:
        """End it; may be called from a signal's handler."""
        self._is_over = True


class FastStdin(FastSource):
    """Samples on stdin that wait until somebody is ready for them.

    Args:
        sample_rate: In hertz.
        n_channels: As of `read_pcm`.
        encoding: Likewise.

    Raises:
        SettingError: As `Stdin` and `read_pcm`.
    """

    def __init__(self, sample_rate: int, *, n_channels: int, encoding: str) -> None:
        self._stdin = Stdin()
        blocks = read_pcm(self._stdin, n_channels=n_channels, encoding=encoding)
        super().__init__("stdin", blocks, sample_rate=sample_rate)

    def stop(self) -> None:
        """End the blocks, also while none comes."""
        super().stop()
        self._stdin.give_up()


def from_stdin(
    sample_rate: int,
    *,
    n_channels: int = 1,
    encoding: str = "s16le",
    fast: bool = False,
    buffer_seconds: float = BUFFER_SECONDS,
) -> LiveSource | FastSource:
    """Return the sound of raw samples, as it comes or as fast as it can be scored.

    Args:
        sample_rate: In hertz.
        n_channels: As of `read_pcm`.
        encoding: Likewise.
        fast: Whether whoever writes them can wait.
        buffer_seconds: Most sound that waits, if it is not fast.

    Raises:
        SettingError: As `Stdin` and `read_pcm`.
    """
    if fast:
        return FastStdin(sample_rate, n_channels=n_channels, encoding=encoding)
    return LiveSource.of_blocks(
        "stdin",
        read_pcm(Stdin(), n_channels=n_channels, encoding=encoding),
        sample_rate=sample_rate,
        buffer_seconds=buffer_seconds,
    )
