"""Where sound that is listened to comes from."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np

from sonotype.audio.io import mono_blocks
from sonotype.audio.recorded_at import recorded_at
from sonotype.audio.sound_file import open_sound
from sonotype.errors import AudioError
from sonotype.inference.live.microphone import Microphone
from sonotype.inference.live.ring_buffer import RingBuffer
from sonotype.inference.stream import Gap

BUFFER_SECONDS = 10.0
# A microphone whose plug was pulled is silent for ever with some drivers.
_PATIENCE_SECONDS = 10.0
_BLOCK_SECONDS = 0.02
_JOIN_SECONDS = 0.5


class Source(Protocol):
    """Sound, and when it was heard."""

    name: str
    sample_rate: int

    @property
    def n_dropped(self) -> int:
        """Samples that were lost, so far."""
        ...

    def notes(self) -> list[str]:
        """Return sentences about what else is to be known at the end."""
        ...

    def blocks(self) -> Iterator[np.ndarray | Gap]:
        """Yield mono float32 blocks and gaps, until it ends or is stopped."""
        ...

    def stop(self) -> None:
        """End the blocks; may be called from a signal's handler."""
        ...

    def heard_at(self, seconds: float) -> datetime | None:
        """Return when a sample was heard, `None` if nothing tells."""
        ...

    def age_seconds(self, seconds: float) -> float | None:
        """Return how long ago a sample was heard, `None` if that means nothing."""
        ...


class LiveSource:
    """Sound that comes by itself and is lost if nobody is ready for it.

    Args:
        name: What messages and events call it.
        sample_rate: In hertz.
        produce: Writes into a ring while it is entered.
        buffer_seconds: Most sound that waits.
        patience_seconds: As of `RingBuffer`.
    """

    def __init__(
        self,
        name: str,
        sample_rate: int,
        produce: Callable[[RingBuffer], AbstractContextManager[None]],
        *,
        buffer_seconds: float = BUFFER_SECONDS,
        patience_seconds: float | None = None,
    ) -> None:
        self.name = name
        self.sample_rate = sample_rate
        self._produce = produce
        n_samples = round(buffer_seconds * sample_rate)
        self.ring = RingBuffer(n_samples, patience_seconds=patience_seconds)
        self.microphone: Microphone | None = None

    @classmethod
    def of_blocks(
        cls,
        name: str,
        blocks: Iterable[np.ndarray],
        *,
        sample_rate: int,
        buffer_seconds: float = BUFFER_SECONDS,
        is_paced: bool = False,
    ) -> "LiveSource":
        """Return one that a thread feeds with blocks.

        Args:
            name: What messages and events call it.
            blocks: Mono float32.
            sample_rate: In hertz.
            buffer_seconds: Most sound that waits.
            is_paced: Whether to hold blocks back until their time has come.
        """

        def produce(ring: RingBuffer) -> AbstractContextManager[None]:
            paced = _at_real_time(blocks, sample_rate) if is_paced else blocks
            return _thread(paced, ring)

        return cls(name, sample_rate, produce, buffer_seconds=buffer_seconds)

    @property
    def n_dropped(self) -> int:
        """Samples that were lost."""
        return self.ring.n_dropped

    def notes(self) -> list[str]:
        """Return what a microphone has to say."""
        return [] if self.microphone is None else self.microphone.notes()

    def blocks(self) -> Iterator[np.ndarray | Gap]:
        """Yield what comes; the source runs only meanwhile."""
        with self._produce(self.ring):
            yield from self.ring

    def stop(self) -> None:
        """End the blocks."""
        self.ring.stop()

    def heard_at(self, seconds: float) -> datetime | None:
        """Return when a sample was heard."""
        first = self._first()
        if first is None:
            return None
        return datetime.fromtimestamp(first[1] + seconds, UTC).astimezone()

    def age_seconds(self, seconds: float) -> float | None:
        """Return how long ago a sample was heard."""
        first = self._first()
        return None if first is None else time.monotonic() - first[0] - seconds

    def _first(self) -> tuple[float, float] | None:
        """Return when the first sample was heard, by both clocks.

        A block comes when its last sample has been heard, or later, so that of the
        last blocks is right which says the earliest. Only the last ones, for no two
        clocks agree for long.
        """
        times = [
            (arrival.seconds - sound, arrival.clock_seconds - sound)
            for arrival in self.ring.arrivals()
            for sound in [arrival.position / self.sample_rate]
        ]
        return min(times, default=None)


class FastSource:
    """Sound that waits until somebody is ready for it, so none is lost.

    Args:
        name: What messages and events call it.
        blocks: Mono float32.
        sample_rate: In hertz.
        began: When its first sample was heard, if something tells.
    """

    n_dropped = 0

    def __init__(
        self,
        name: str,
        blocks: Iterable[np.ndarray],
        *,
        sample_rate: int,
        began: datetime | None = None,
    ) -> None:
        self.name = name
        self.sample_rate = sample_rate
        self._blocks = blocks
        self._began = began
        self._is_stopped = False

    def notes(self) -> list[str]:
        """Return nothing."""
        return []

    def blocks(self) -> Iterator[np.ndarray | Gap]:
        """Yield all blocks, or those until it is stopped."""
        for block in self._blocks:
            if self._is_stopped:
                return
            yield block

    def stop(self) -> None:
        """End the blocks."""
        self._is_stopped = True

    def heard_at(self, seconds: float) -> datetime | None:
        """Return when a sample was heard, if it is known when the first was."""
        return None if self._began is None else self._began + timedelta(seconds=seconds)

    def age_seconds(self, seconds: float) -> float | None:
        """Say that it means nothing."""
        return None


def from_microphone(
    device: int | str | None = None,
    *,
    sample_rate: int = 16_000,
    buffer_seconds: float = BUFFER_SECONDS,
) -> LiveSource:
    """Return what a microphone hears.

    Args:
        device: As of `Microphone`.
        sample_rate: Likewise.
        buffer_seconds: Most sound that waits.

    Raises:
        MissingDependencyError: If sounddevice is not installed.
        AudioError: If there is no such input.
    """
    microphone = Microphone(device, sample_rate=sample_rate)
    source = LiveSource(
        microphone.name,
        microphone.sample_rate,
        microphone.produce,
        buffer_seconds=buffer_seconds,
        patience_seconds=_PATIENCE_SECONDS,
    )
    source.microphone = microphone
    return source


def from_file(
    path: Path, *, fast: bool = False, buffer_seconds: float = BUFFER_SECONDS
) -> LiveSource | FastSource:
    """Return the sound of a file, as fast as it was recorded or as it can be scored.

    Args:
        path: An audio file.
        fast: Whether not to wait.
        buffer_seconds: Most sound that waits, if it is not fast.

    Raises:
        AudioError: If it cannot be read.
    """
    with open_sound(path) as sound:
        sample_rate = sound.samplerate
    blocks = _file_blocks(path)
    if fast:
        began = recorded_at(path)
        return FastSource(str(path), blocks, sample_rate=sample_rate, began=began)
    return LiveSource.of_blocks(
        str(path),
        blocks,
        sample_rate=sample_rate,
        buffer_seconds=buffer_seconds,
        is_paced=True,
    )


def _file_blocks(path: Path) -> Iterator[np.ndarray]:
    with open_sound(path) as sound:
        yield from mono_blocks(sound, end=sound.n_samples)


def _at_real_time(
    blocks: Iterable[np.ndarray], sample_rate: int
) -> Iterator[np.ndarray]:
    """Yield short blocks, each once so much time has passed as it and all before last.

    A machine that was asleep meanwhile gets all that it has missed at once.
    """
    n_block = max(1, round(_BLOCK_SECONDS * sample_rate))
    began, n_played = time.monotonic(), 0
    for block in blocks:
        for first in range(0, len(block), n_block):
            piece = block[first : first + n_block]
            n_played += len(piece)
            wait = began + n_played / sample_rate - time.monotonic()
            time.sleep(max(0, wait))
            yield piece


@contextmanager
def _thread(blocks: Iterable[np.ndarray], ring: RingBuffer) -> Iterator[None]:
    """Write blocks into a ring from a thread, until they end or the ring is stopped."""

    def run() -> None:
        try:
            for block in blocks:
                if ring.is_stopped:
                    break
                ring.write(block)
        except AudioError as error:
            ring.close(error)
        except OSError as error:
            ring.close(AudioError(f"no more can be read: {error.strerror}"))
        finally:
            ring.close()

    # One that waits for a pipe cannot be ended, so it must not keep the process.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ring.stop()
        thread.join(_JOIN_SECONDS)
