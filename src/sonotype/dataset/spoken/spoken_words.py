"""A spoken-word data set made on the spot, in the layout of Speech Commands.

    <folder>/<word>/<speaker>_nohash_<take>.wav
    <folder>/_background_noise_/{babble,hum,pink_noise,white_noise}.wav
    <folder>/spoken_words.json        what it was made with

The words are spoken by espeak-ng, which is GPL-3 and comes with an optional wheel (the
extra `demo`); it is loaded at run time, for this alone. Speech made by rule is easier
than people's: accuracy on this set is a sign that everything works, not a result.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sonotype.audio.resample import resample
from sonotype.dataset.readers.folder import BACKGROUND_NOISE
from sonotype.dataset.spoken.espeak import Espeak, Prosody
from sonotype.dataset.spoken.speakers import Speaker, draw_speaker, generator
from sonotype.dataset.spoken.spoken_background import make_background
from sonotype.dataset.spoken.wav_file import write_wav
from sonotype.errors import DataError, SettingError

WORDS = ("down", "go", "left", "no", "right", "stop", "up", "yes")
SAMPLE_RATE = 16_000
CLIP_SECONDS = 1.0
MANIFEST = "spoken_words.json"

_FORMAT = 1
_N_SAMPLES = round(CLIP_SECONDS * SAMPLE_RATE)
# Between a word and either end of its clip, so that no word looks cut off.
_MARGIN_SECONDS = 0.02
# What is this far below the loudest sample of a word is the silence around it.
_SILENCE_DB = -50
# Some voices stop dead in the middle of a vowel; people do not.
_FADE_SECONDS = 0.02
# Soft enough that no voice drives the synthesiser into distortion.
_VOLUME = 25
# A statement falls, a question rises, an exclamation is stressed.
_MELODIES = (".", ".", "?", "!")


def make_spoken_words(
    folder: Path,
    *,
    words: Sequence[str] = WORDS,
    n_speakers: int = 90,
    takes: int = 2,
    seed: int = 0,
    reuse: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Make a data set of spoken words: 16 kHz, 16 bits, mono, one second a clip.

    The set appears whole or not at all: it is made beside `folder` under a name that
    starts with a dot, which is all that a killed run leaves. The first n speakers of
    any set are the same n, with the same names; `seed` chooses how they say the words.

    Args:
        folder: Where it goes; must be missing or empty, or see `reuse`.
        words: What is spoken, one class each: lower-case letters.
        n_speakers: How many people say every word.
        takes: How often each says each word.
        seed: The same seed gives the same bytes, with the same versions of libraries.
        reuse: Leave a set alone that was made with the same arguments.
        on_progress: Called with the number of clips made and the number in all.

    Returns:
        `folder`.

    Raises:
        SettingError: If a word cannot be a class, or a number is below 1.
        DataError: If `folder` holds anything else, or a word does not fit a second.
        MissingDependencyError: If the speech synthesiser is not installed.
    """
    recipe = {
        "format": _FORMAT,
        "words": list(words),
        "n_speakers": n_speakers,
        "takes": takes,
        "seed": seed,
    }
    _check(recipe)
    if reuse and _made_with(folder) == recipe:
        return folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(
            f"{folder} is there already and is not a set of spoken words made with "
            f"{recipe}; choose another folder or remove it"
            if reuse
            else f"{folder} is there already; choose another folder or remove it"
        )
    with Espeak() as espeak:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Not `atomic_folder`, which waits for the disk after each of so many files.
        # One folder further down, as a temporary folder is closed to other users.
        with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            made = Path(beside) / folder.name
            _speak_all(espeak, made, recipe, on_progress)
            make_background(espeak, made / BACKGROUND_NOISE, SAMPLE_RATE, seed)
            (made / MANIFEST).write_text(json.dumps(recipe, indent=2) + "\n")
            if folder.exists():
                folder.rmdir()
            made.rename(folder)
    return folder


def _check(recipe: dict[str, Any]) -> None:
    words = recipe["words"]
    odd = [w for w in words if not (w.isascii() and w.isalpha() and w.islower())]
    if odd or not words or len(set(words)) < len(words):
        raise SettingError(
            f"words must be different and of lower-case letters a to z, but they are "
            f"{words}"
        )
    for name in ("n_speakers", "takes"):
        if recipe[name] < 1:
            raise SettingError(f"{name} must be at least 1, but it is {recipe[name]}")
    if recipe["seed"] < 0:
        raise SettingError(f"seed must not be negative, but it is {recipe['seed']}")


def _made_with(folder: Path) -> object:
    """Return the arguments of the set in `folder`; `None` if there is none."""
    try:
        return json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return None


def _speak_all(
    espeak: Espeak,
    made: Path,
    recipe: dict[str, Any],
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Write one file a word, speaker and take."""
    words, takes = recipe["words"], recipe["takes"]
    n_clips = recipe["n_speakers"] * len(words) * takes
    for word in words:
        (made / word).mkdir(parents=True)
    done = 0
    for number in range(recipe["n_speakers"]):
        speaker = draw_speaker(f"speaker {number}")
        for word in words:
            for take in range(takes):
                draw = generator(recipe["seed"], speaker.name, word, take)
                clip = _record(espeak, word, speaker, draw)
                path = made / word / f"{speaker.name}_nohash_{take}.wav"
                write_wav(path, clip, SAMPLE_RATE)
                done += 1
                if on_progress is not None:
                    on_progress(done, n_clips)


def _record(
    espeak: Espeak, word: str, speaker: Speaker, draw: np.random.Generator
) -> np.ndarray:
    """Return one take as a clip, float32 of shape `(n_samples,)`."""
    prosody = Prosody(
        pitch=int(draw.integers(42, 59)),
        pitch_range=speaker.pitch_range,
        words_per_minute=round(speaker.words_per_minute * draw.uniform(0.9, 1.1)),
        volume=_VOLUME,
    )
    said = espeak.say(
        word + str(draw.choice(_MELODIES)),
        speaker.voice,
        prosody,
        seed=int(draw.integers(2**31)),
    )
    said = resample(
        trim_silence(said), from_rate=espeak.sample_rate, to_rate=SAMPLE_RATE
    )
    n_fade = round(_FADE_SECONDS * SAMPLE_RATE)
    said[-n_fade:] *= np.linspace(1, 0, n_fade, dtype=np.float32)
    margin = round(_MARGIN_SECONDS * SAMPLE_RATE)
    room_left = _N_SAMPLES - 2 * margin - len(said)
    if room_left < 0:
        raise DataError(
            f"the word {word!r} takes {len(said) / SAMPLE_RATE:.2f} s, which does not "
            f"fit a clip of {CLIP_SECONDS} s; choose shorter words"
        )
    clip = np.zeros(_N_SAMPLES, np.float32)
    start = margin + int(draw.integers(room_left + 1))
    clip[start : start + len(said)] = said
    return speaker.room.hear(clip, SAMPLE_RATE, len(said), draw)


def trim_silence(samples: np.ndarray) -> np.ndarray:
    """Return a sound without the silence before and after it.

    Args:
        samples: Any sound that is not all zeros, of shape `(n_samples,)`.

    Returns:
        From its first to its last sample within 50 dB of its loudest.

    Example:
        >>> trim_silence(np.array([0.0, 0.001, 0.5, 0.0, -1.0, 0.002, 0.0]))
        array([ 0.5,  0. , -1. ])
    """
    loudness = np.abs(samples)
    heard = np.flatnonzero(loudness > loudness.max() * 10 ** (_SILENCE_DB / 20))
    return samples[heard[0] : heard[-1] + 1]
