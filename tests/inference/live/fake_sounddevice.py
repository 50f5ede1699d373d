"""A module that looks like sounddevice, whose microphone is a list of blocks."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np


class PortAudioError(Exception):
    pass


@dataclass
class FakeSoundDevice:
    """Stands in for the module.

    Args:
        blocks: What is heard: `(n, 1)` float32, or a number of samples that the driver
            loses.
        rates: Rates that the device takes.
        tells_times: Whether the driver says when a block was heard.
        is_endless: Whether the device goes on when the blocks have ended, silently.
    """

    blocks: Sequence[np.ndarray | int] = ()
    rates: tuple[int, ...] = (8_000, 48_000)
    tells_times: bool = True
    is_endless: bool = False
    cannot_open: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    PortAudioError: type[Exception] = PortAudioError
    devices: Sequence[dict[str, Any]] = (
        {"name": "Speaker", "max_input_channels": 0, "default_samplerate": 48_000.0},
        {"name": "Built-in", "max_input_channels": 2, "default_samplerate": 48_000.0},
        {"name": "USB [1]", "max_input_channels": 1, "default_samplerate": 44_100.0},
    )

    def query_devices(self, device: Any = None, kind: str | None = None) -> Any:
        if kind is None:
            return self.devices
        found = [
            each
            for number, each in enumerate(self.devices)
            if device in (None, number) or str(device) in each["name"]
        ]
        inputs = [each for each in found if each["max_input_channels"]]
        if not inputs:
            raise ValueError(f"No input device matching {device!r}")
        return inputs[0]

    def check_input_settings(self, *, samplerate: int, **_: Any) -> None:
        if samplerate not in self.rates:
            raise PortAudioError("Invalid sample rate")

    def InputStream(self, **settings: Any) -> "FakeStream":  # noqa: N802 - its name
        if self.cannot_open:
            raise PortAudioError("Device unavailable")
        self.settings = settings
        return FakeStream(self)


class FakeStream:
    latency = 0.012

    def __init__(self, module: FakeSoundDevice) -> None:
        self._module = module
        self._callback: Callable[..., None] = module.settings["callback"]
        self._finished: Callable[[], None] = module.settings["finished_callback"]
        self._is_wanted = True
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "FakeStream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_wanted = False
        self._thread.join()

    def _run(self) -> None:
        rate = self._module.settings["samplerate"]
        n_heard, has_lost = 1_000 * rate, False
        for block in self._module.blocks:
            if isinstance(block, int):
                n_heard += block
                has_lost = True
                continue
            began = n_heard / rate if self._module.tells_times else 0.0
            times = SimpleNamespace(inputBufferAdcTime=began)
            flags = SimpleNamespace(input_overflow=has_lost)
            self._callback(block, len(block), times, flags)
            n_heard += len(block)
            has_lost = False
        while self._is_wanted and self._module.is_endless:
            time.sleep(0.005)
        self._finished()
