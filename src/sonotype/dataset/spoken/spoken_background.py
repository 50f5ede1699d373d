"""Background noise for the spoken-word data set: babble, hum, pink and white noise."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sonotype.audio.resample import resample
from sonotype.dataset.spoken.espeak import Espeak, Prosody
from sonotype.dataset.spoken.speakers import coloured_noise, draw_speaker, generator
from sonotype.dataset.spoken.wav_file import write_wav

SECONDS = 12

_RMS = 0.05
_MAINS_HZ = 50
_N_HARMONICS = 20
_N_BABBLERS = 12
_N_SENTENCES = 3
# Soft enough that no voice drives the synthesiser into distortion.
_VOLUME = 25
# None of the words of the data set: babble is not to be an example of a class.
_SENTENCES = (
    "The kettle boils and the children are still asleep.",
    "She bought seven apples, a loaf of bread and some cheese at the market.",
    "Nobody could remember where the old map had been hidden.",
    "It rained the whole afternoon, so we played cards in the kitchen.",
    "My brother repairs bicycles in a small shop behind the station.",
    "When the train came in, everybody reached for their bags.",
)


def make_background(espeak: Espeak, folder: Path, sample_rate: int, seed: int) -> None:
    """Write one 16-bit file a kind of noise, `SECONDS` long, to a new `folder`.

    The people of the babble are none of those who say the words.

    Args:
        espeak: Speaks the babble.
        folder: Where the files go.
        sample_rate: Samples per second.
        seed: The same seed gives the same noise.
    """
    kinds: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
        "babble": lambda rate, draw: _babble(espeak, rate, draw),
        "hum": _hum,
        "pink_noise": lambda rate, draw: coloured_noise(SECONDS * rate, 1, draw),
        "white_noise": lambda rate, draw: coloured_noise(SECONDS * rate, 0, draw),
    }
    folder.mkdir(parents=True)
    for name, make in kinds.items():
        noise = make(sample_rate, generator(seed, name))
        noise = noise * (_RMS / np.sqrt(np.square(noise).mean()))
        write_wav(folder / f"{name}.wav", noise, sample_rate)


def _hum(sample_rate: int, draw: np.random.Generator) -> np.ndarray:
    """Return mains hum: odd harmonics above even ones, over a little pink noise."""
    seconds = np.arange(SECONDS * sample_rate) / sample_rate
    hum = 0.1 * coloured_noise(len(seconds), 1, draw)
    for harmonic in range(1, _N_HARMONICS + 1):
        level = draw.uniform(0.5, 1) / harmonic * (1 if harmonic % 2 else 0.3)
        phase = draw.uniform(0, 2 * np.pi)
        hum += level * np.sin(2 * np.pi * _MAINS_HZ * harmonic * seconds + phase)
    return hum


def _babble(espeak: Espeak, sample_rate: int, draw: np.random.Generator) -> np.ndarray:
    """Return many people talking at once, none of them to be understood."""
    babble = np.zeros(SECONDS * sample_rate)
    for number in range(_N_BABBLERS):
        speaker = draw_speaker(f"babbler {number}")
        prosody = Prosody(words_per_minute=speaker.words_per_minute, volume=_VOLUME)
        text = " ".join(draw.permutation(_SENTENCES)[:_N_SENTENCES])
        said = resample(
            espeak.say(text, speaker.voice, prosody, seed=int(draw.integers(2**31))),
            from_rate=espeak.sample_rate,
            to_rate=sample_rate,
        )
        said = said / np.sqrt(np.square(said).mean()) * 10 ** draw.uniform(-0.5, 0)
        # Each starts somewhere in the middle and goes round.
        babble += np.resize(np.roll(said, draw.integers(len(said))), len(babble))
    return babble
