"""Microphones, through sounddevice and PortAudio."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from sonotype.audio.io import to_mono
from sonotype.errors import AudioError, MissingDependencyError, SettingError
from sonotype.inference.live.ring_buffer import RingBuffer

BLOCK_SECONDS = 0.02


class Microphone:
    """An input of this machine.

    Args:
        device: Its number, its name or a part of that; `None` is the system's choice.
        sample_rate: Rate to ask for, in hertz; where the device has not got it, its
            own is taken.

    Raises:
        MissingDependencyError: If sounddevice is not installed.
        AudioError: If PortAudio is missing, or there is no such input.
    """

    def __init__(
        self, device: int | str | None = None, *, sample_rate: int = 16_000
    ) -> None:
        self._module = import_sounddevice()
        self._device = device
        try:
            found = self._module.query_devices(device, "input")
        except (ValueError, self._module.PortAudioError) as error:
            raise AudioError(
                f"there is no input {_shown(device)}: {error}; "
                "sonotype listen --list-devices shows those there are"
            ) from error
        self.name = str(found["name"])
        self.sample_rate = self._rate(sample_rate, int(found["default_samplerate"]))
        # From the air to the program, as the driver tells it.
        self.latency_seconds = 0.0
        # How often the device has lost sound and not told how much.
        self.n_unknown_losses = 0

    def notes(self) -> list[str]:
        """Return what else there is to know once it has been heard."""
        found = [f"the device adds {1_000 * self.latency_seconds:.0f} ms"]
        if self.n_unknown_losses:
            found.append(
                f"the device lost sound {self.n_unknown_losses} times and did not say "
                "how much, so times are too early"
            )
        return found

    @contextmanager
    def produce(self, ring: RingBuffer) -> Iterator[None]:
        """Write into a ring what is heard, for as long as this lasts.

        Raises:
            AudioError: If the device cannot be opened.
        """
        callback = _Callback(self, ring)
        try:
            stream = self._module.InputStream(
                device=self._device,
                samplerate=self.sample_rate,
                channels=1,
                dtype="float32",
                blocksize=round(BLOCK_SECONDS * self.sample_rate),
                callback=callback,
                finished_callback=callback.finished,
            )
        except (ValueError, self._module.PortAudioError) as error:
            raise AudioError(f"{self.name} cannot be opened: {error}") from error
        with stream:
            self.latency_seconds = float(stream.latency)
            try:
                yield
            finally:
                callback.is_wanted.clear()

    def _rate(self, wanted: int, own: int) -> int:
        try:
            self._module.check_input_settings(
                device=self._device, channels=1, dtype="float32", samplerate=wanted
            )
        except (ValueError, self._module.PortAudioError):
            return own
        return wanted


class _Callback:
    """What PortAudio calls with each block, in a thread of its own."""

    def __init__(self, microphone: Microphone, ring: RingBuffer) -> None:
        self._microphone = microphone
        self._ring = ring
        self._expected_seconds: float | None = None
        self.is_wanted = threading.Event()
        self.is_wanted.set()

    def __call__(self, data: np.ndarray, n_frames: int, times: Any, flags: Any) -> None:
        rate = self._microphone.sample_rate
        began = float(times.inputBufferAdcTime)
        if flags.input_overflow:
            expected = self._expected_seconds
            # Some drivers tell no times: 0, always.
            n_lost = 0 if expected is None else round((began - expected) * rate)
            if n_lost > 0 and began > 0:
                self._ring.skip(n_lost)
            else:
                self._microphone.n_unknown_losses += 1
        self._expected_seconds = began + n_frames / rate
        self._ring.write(to_mono(data))

    def finished(self) -> None:
        """Tell the consumer that no more will come."""
        name = self._microphone.name
        lost = AudioError(f"{name} has stopped; is it still plugged in?")
        self._ring.close(lost if self.is_wanted.is_set() else None)


def list_devices() -> list[tuple[int, str, int, int]]:
    """Return the inputs of this machine: number, name, channels and usual rate.

    Raises:
        MissingDependencyError: If sounddevice is not installed.
        AudioError: If PortAudio is missing.
    """
    module = import_sounddevice()
    return [
        (
            number,
            str(found["name"]),
            int(found["max_input_channels"]),
            int(found["default_samplerate"]),
        )
        for number, found in enumerate(module.query_devices())
        if found["max_input_channels"] > 0
    ]


def parse_device(text: str | None) -> int | str | None:
    """Return the number or the name of a device.

    Raises:
        SettingError: If it is empty.

    Example:
        >>> parse_device("3"), parse_device("USB")
        (3, 'USB')
    """
    if text is None:
        return None
    if not text.strip():
        raise SettingError("a device needs a number or a name, not nothing")
    return int(text) if text.strip().isdecimal() else text


def import_sounddevice() -> Any:
    """Return the module, which is an extra.

    Raises:
        MissingDependencyError: If it is not installed.
        AudioError: If its library is not.
    """
    try:
        return import_module("sounddevice")
    except ModuleNotFoundError as error:
        raise MissingDependencyError("sounddevice", "listen") from error
    except OSError as error:
        # On Linux the package comes without the library.
        raise AudioError(
            f"sounddevice finds no PortAudio ({error}); install it with the system's "
            "packages, such as: apt install libportaudio2"
        ) from error


def _shown(device: int | str | None) -> str:
    return "that the system would choose" if device is None else repr(device)
