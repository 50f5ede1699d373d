"""The espeak-ng shared library and its data, loaded with ctypes.

espeak-ng is GPL-3. It comes with the optional wheel espeakng-loader (the extra `demo`)
and is loaded here, at run time and for the demo only; no part of it is in sonotype.
The names and values are those of its public headers, speak_lib.h and espeak_ng.h.
"""

import ctypes
import shutil
from pathlib import Path
from typing import Any

from sonotype.errors import DataError, MissingDependencyError

SYNCHRONOUS = 2
DO_NOT_EXIT_PROCESS = 0x8000
UTF8 = 1
RATE, VOLUME, PITCH, RANGE = 1, 2, 3, 4

# The library keeps the folder in 160 bytes and cuts off the rest without a word.
LONGEST_FOLDER_BYTES = 159
_DATA_FILES = ("phontab", "phonindex", "phondata", "intonations", "en_dict")

Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Voice(ctypes.Structure):
    """espeak_VOICE."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_VOICE = ctypes.POINTER(_Voice)
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "espeak_Initialize": (
        ctypes.c_int,
        (ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int),
    ),
    "espeak_Info": (ctypes.c_char_p, (ctypes.POINTER(ctypes.c_char_p),)),
    "espeak_SetSynthCallback": (None, (Callback,)),
    "espeak_ListVoices": (ctypes.POINTER(_VOICE), (_VOICE,)),
    "espeak_SetVoiceByName": (ctypes.c_int, (ctypes.c_char_p,)),
    "espeak_GetCurrentVoice": (_VOICE, ()),
    "espeak_SetParameter": (ctypes.c_int, (ctypes.c_int, ctypes.c_int, ctypes.c_int)),
    "espeak_ng_SetRandSeed": (ctypes.c_int, (ctypes.c_long,)),
    "espeak_Synth": (
        ctypes.c_int,
        (
            ctypes.c_char_p,
            ctypes.c_size_t,
            *(ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
            *(ctypes.c_void_p, ctypes.c_void_p),
        ),
    ),
    "espeak_Terminate": (ctypes.c_int, ()),
}


def load_library(data: Path) -> Any:
    """Load the library and copy what English needs of the wheel's data to `data`.

    A copy, because voices of one's own must lie inside it, and because the wheel's
    own folder may have a longer path than the library can hold.

    Args:
        data: The folder to make; the library wants it to be called espeak-ng-data.

    Returns:
        The library, with the types of its functions declared.

    Raises:
        MissingDependencyError: If the wheel is not installed.
        DataError: If the path of `data` is too long or the wheel is broken.
    """
    try:
        import espeakng_loader
    except ImportError:
        raise MissingDependencyError("espeakng-loader", "demo") from None
    if len(bytes(data)) > LONGEST_FOLDER_BYTES:
        raise DataError(
            f"espeak-ng cannot use {data}, a path of more than {LONGEST_FOLDER_BYTES} "
            "bytes; set TMPDIR to a folder with a shorter one"
        )
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        _copy_english(Path(espeakng_loader.get_data_path()), data)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    # The last two: its data are gone; the library is too old to have a function.
    except (OSError, RuntimeError, AttributeError) as error:
        raise DataError(
            f"espeak-ng does not load ({error}); reinstall espeakng-loader"
        ) from error
    return library


def _copy_english(source: Path, data: Path) -> None:
    accents = data / "lang" / "gmw"
    accents.mkdir(parents=True)
    (data / "voices" / "!v").mkdir(parents=True)
    for name in _DATA_FILES:
        shutil.copyfile(source / name, data / name)
    for path in sorted((source / "lang" / "gmw").glob("en*")):
        shutil.copyfile(path, accents / path.name)


def list_languages(library: Any) -> dict[str, str]:
    """Return each language an open library has, and the identifier of its voice."""
    voices = library.espeak_ListVoices(None)
    found = {}
    position = 0
    while voices[position]:
        voice = voices[position].contents
        # One byte of priority comes before the name of the voice's main language.
        language = ctypes.string_at(voice.languages + 1).decode()
        found[language] = voice.identifier.decode()
        position += 1
    return found
