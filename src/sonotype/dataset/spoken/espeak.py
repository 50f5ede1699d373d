"""English speech from espeak-ng (GPL-3, the extra `demo`), the same for the same call.

The library keeps one hidden state a process, and most of it survives a restart: a place
in a table of pitch flutter, a count of pitch cycles, a gain control. Its own voices
therefore never say a word twice alike. `Espeak` speaks only with voices that do not
depend on the past, and only one can be open at a time.
"""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import numpy as np

from sonotype.dataset.spoken.espeak_library import (
    DO_NOT_EXIT_PROCESS,
    PITCH,
    RANGE,
    RATE,
    SYNCHRONOUS,
    UTF8,
    VOLUME,
    Callback,
    list_languages,
    load_library,
)
from sonotype.errors import DataError, SettingError, unknown_name

_TIMBRE_NAME = "own"
# Flutter and roughness go by counters that are never reset. 8 is one more than the
# roughest: the table of roughness is then not looked at, while 0 still rolls an r.
_STATELESS = "flutter 0\nroughness 8\n"
# Near full scale the gain control steps in and holds on to the next utterance.
_LOUDEST = 30_000
_LIMITS = {
    "pitch": (0, 100),
    "pitch_range": (0, 100),
    "words_per_minute": (80, 450),
    "volume": (1, 100),
}

_in_use = threading.Lock()


@dataclass(frozen=True)
class Voice:
    """Who speaks.

    Args:
        language: An accent of English: en-us, en-gb-scotland ...
        timbre: Lines of an espeak-ng variant file: pitch, formant, breath, tone ...
            Its flutter and roughness are without effect.
    """

    language: str
    timbre: str = ""


@dataclass(frozen=True)
class Prosody:
    """How something is said, in espeak-ng's units.

    Args:
        pitch: 0 to 100; 50 is the voice's own pitch.
        pitch_range: 0 (a monotone) to 100; 50 is the voice's own.
        words_per_minute: 80 to 450.
        volume: 1 to 100; how loud a voice is at 100 depends on its timbre.

    Raises:
        SettingError: If a value is outside its range.

    Example:
        >>> Prosody(pitch=55).words_per_minute
        160
    """

    pitch: int = 50
    pitch_range: int = 50
    words_per_minute: int = 160
    volume: int = 50

    def __post_init__(self) -> None:
        """Refuse what the library would silently replace."""
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingError(
                    f"{name} must be between {low} and {high}, but it is {value}"
                )


AS_USUAL = Prosody()


class Espeak:
    """The speech synthesiser, open for as long as its `with` block lasts.

        with Espeak() as espeak:
            samples = espeak.say("yes", Voice("en-us"))

    Raises:
        MissingDependencyError: If the wheel espeakng-loader is not installed.
        DataError: If one is open in this process already, or it does not start.
    """

    sample_rate: int

    def __enter__(self) -> Self:
        """Start the library on a private copy of its data."""
        if not _in_use.acquire(blocking=False):
            raise DataError(
                "espeak-ng is in use in this process and has only one state; "
                "close the other Espeak first"
            )
        try:
            self._folder = TemporaryDirectory(prefix="espeak")
            try:
                self._start(Path(self._folder.name))
            except BaseException:
                self._folder.cleanup()
                raise
        except BaseException:
            _in_use.release()
            raise
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the library and remove the copy."""
        try:
            self._library.espeak_Terminate()
            # Calling a library that was shut down would end the process.
            del self._library, self._identifiers
            self._folder.cleanup()
        finally:
            _in_use.release()

    @property
    def languages(self) -> tuple[str, ...]:
        """The accents of English it has."""
        return tuple(sorted(self._identifiers))

    def say(
        self, text: str, voice: Voice, prosody: Prosody = AS_USUAL, *, seed: int = 0
    ) -> np.ndarray:
        """Return `text` spoken: the same samples for the same arguments.

        Args:
            text: What to say; punctuation shapes the melody.
            voice: Who speaks.
            prosody: How.
            seed: Chooses the noise in a breathy voice.

        Returns:
            Samples between -1 and 1 at `sample_rate`, float32 of shape `(n_samples,)`,
            with the library's own pauses around them.

        Raises:
            SettingError: If there is no such language.
            DataError: If nothing is heard, it is too loud, or the library fails.
        """
        self._choose(voice)
        self._set(prosody)
        self._call("espeak_ng_SetRandSeed", seed)
        self._chunks.clear()
        encoded = text.encode() + b"\0"
        self._call("espeak_Synth", encoded, len(encoded), 0, 0, 0, UTF8, None, None)
        samples = np.frombuffer(b"".join(self._chunks), np.int16)
        peak = int(np.abs(samples.astype(np.int32)).max(initial=0))
        if peak == 0:
            raise DataError(f"espeak-ng makes no sound of {text!r}; give it words")
        if peak > _LOUDEST:
            raise DataError(
                f"espeak-ng would distort {text!r} in this voice at volume "
                f"{prosody.volume}; lower the volume"
            )
        return samples.astype(np.float32) / 32768

    def _start(self, folder: Path) -> None:
        self._data = folder / "espeak-ng-data"
        self._library = load_library(self._data)
        self.sample_rate = self._library.espeak_Initialize(
            SYNCHRONOUS, 0, bytes(folder), DO_NOT_EXIT_PROCESS
        )
        used = ctypes.c_char_p()
        self._library.espeak_Info(ctypes.byref(used))
        # Data it cannot use make it look in other places rather than fail.
        if self.sample_rate <= 0 or used.value != bytes(self._data):
            raise DataError(
                f"espeak-ng does not start from {self._data}; reinstall espeakng-loader"
            )
        self._timbre: str | None = None
        self._chunks: list[bytes] = []
        # Kept, because the library calls it and ctypes does not keep it alive.
        self._callback = Callback(_collector(self._chunks))
        self._library.espeak_SetSynthCallback(self._callback)
        self._identifiers = list_languages(self._library)

    def _choose(self, voice: Voice) -> None:
        if voice.language not in self._identifiers:
            raise unknown_name("language", voice.language, self._identifiers)
        if voice.timbre != self._timbre:
            lines = (
                f"language variant\nname {_TIMBRE_NAME}\n{voice.timbre}\n{_STATELESS}"
            )
            (self._data / "voices" / "!v" / _TIMBRE_NAME).write_text(lines)
            self._timbre = voice.timbre
        name = f"{self._identifiers[voice.language]}+{_TIMBRE_NAME}".encode()
        # Also where the voice is the last one: this is what resets the breath filters.
        self._call("espeak_SetVoiceByName", name)
        # A variant that is not found counts as success.
        chosen = self._library.espeak_GetCurrentVoice().contents.identifier
        if chosen != name:
            raise DataError(f"espeak-ng chose the voice {chosen!r} instead of {name!r}")

    def _set(self, prosody: Prosody) -> None:
        self._call("espeak_SetParameter", PITCH, prosody.pitch, 0)
        self._call("espeak_SetParameter", RANGE, prosody.pitch_range, 0)
        self._call("espeak_SetParameter", RATE, prosody.words_per_minute, 0)
        self._call("espeak_SetParameter", VOLUME, prosody.volume, 0)

    def _call(self, function: str, *arguments: Any) -> None:
        status = getattr(self._library, function)(*arguments)
        if status != 0:
            raise DataError(f"{function} of espeak-ng failed with status {status:#x}")


def _collector(chunks: list[bytes]) -> Callable[[Any, int, Any], int]:
    def collect(samples: Any, n_samples: int, _events: Any) -> int:
        # A null pointer says that the utterance is over.
        if samples and n_samples > 0:
            chunks.append(ctypes.string_at(samples, 2 * n_samples))
        return 0

    return collect
