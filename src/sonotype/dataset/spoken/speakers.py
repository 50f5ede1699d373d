"""Made-up people with made-up microphones, each drawn from nothing but a name."""

import hashlib
from dataclasses import dataclass

import numpy as np

from sonotype.dataset.spoken.espeak import Voice

ACCENTS = (
    "en-029",
    "en-gb",
    "en-gb-scotland",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-gb-x-rp",
    "en-us",
    "en-us-nyc",
)
# Pitch in hertz; tract: formants against those of espeak-ng's own voice, a man.
_BODIES = {
    "man": {"pitch": (75, 140), "tract": (0.92, 1.08)},
    "woman": {"pitch": (150, 230), "tract": (1.06, 1.24)},
    "child": {"pitch": (220, 300), "tract": (1.2, 1.38)},
}
_N_FORMANTS = 9
# Below this the ear and most microphones hear nothing; the tilt stops here.
_LOWEST_HZ = 60
# How much a take may be quieter than the nearest one.
_NEARNESS_DB = 6


@dataclass(frozen=True)
class Room:
    """What becomes of a voice on its way into a file.

    Args:
        tilt_db_per_octave: How much more of the high than of the low is heard.
        low_cut_hz: Where the microphone goes deaf for the low.
        snr_db: Level of speech over noise.
        noise_slope: Power of the frequency that the noise falls with: 0 is white
            noise, 1 pink, 2 brown.
        level_db: Highest sample of a word, against full scale.
    """

    tilt_db_per_octave: float
    low_cut_hz: float
    snr_db: float
    noise_slope: float
    level_db: float

    def hear(
        self,
        clip: np.ndarray,
        sample_rate: int,
        n_spoken: int,
        draw: np.random.Generator,
    ) -> np.ndarray:
        """Return a clip as this room and microphone pass it on.

        Args:
            clip: Speech in silence, of shape `(n_samples,)`.
            sample_rate: Its samples per second.
            n_spoken: Samples that are speech; their power counts in the ratio.
            draw: Draws the noise, and how near the mouth is this time.

        Returns:
            The clip with noise, float32 of the same shape.
        """
        hertz = np.fft.rfftfreq(len(clip), 1 / sample_rate)
        octaves = np.log2(np.maximum(hertz, _LOWEST_HZ) / 1000)
        gain = 10 ** (self.tilt_db_per_octave * octaves / 20)
        # A first-order high-pass filter, without its delay.
        gain *= hertz / np.hypot(hertz, self.low_cut_hz)
        noise = coloured_noise(len(clip), self.noise_slope, draw)
        # The microphone hears both alike; rows: speech, noise.
        both = np.fft.irfft(np.fft.rfft([clip, noise]) * gain, len(clip))
        speech_power, noise_power = np.square(both).sum(axis=1) / (n_spoken, len(clip))
        ratio = 10 ** (self.snr_db / 10)
        speech = both[0] + both[1] * np.sqrt(speech_power / noise_power / ratio)
        level_db = self.level_db - draw.uniform(0, _NEARNESS_DB)
        speech *= 10 ** (level_db / 20) / np.abs(speech).max()
        return speech.astype(np.float32)


def coloured_noise(
    n_samples: int, slope: float, draw: np.random.Generator
) -> np.ndarray:
    """Return noise of unit power that falls with a power of the frequency.

    Args:
        n_samples: Its length.
        slope: The power: 0 is white noise, 1 pink, 2 brown.
        draw: Draws it.

    Returns:
        Noise of shape `(n_samples,)`, whose end meets its start.

    Example:
        >>> noise = coloured_noise(1000, 1.0, np.random.default_rng(0))
        >>> round(float(np.square(noise).mean()), 6)
        1.0
    """
    spectrum = np.fft.rfft(draw.standard_normal(n_samples))
    # The mean has no frequency; a recording has no use for it either.
    bins = np.arange(len(spectrum), dtype=float)
    bins[0] = np.inf
    noise = np.fft.irfft(spectrum * bins ** (-slope / 2), n_samples)
    return noise / np.sqrt(np.square(noise).mean())


@dataclass(frozen=True)
class Speaker:
    """A person who says words.

    Args:
        name: Eight hexadecimal digits.
        voice: How they sound.
        pitch_range: How lively their melody is, as in `Prosody`.
        words_per_minute: How fast they speak.
        room: Where they speak.
    """

    name: str
    voice: Voice
    pitch_range: int
    words_per_minute: int
    room: Room


def generator(*key: object) -> np.random.Generator:
    """Return a generator that depends on `key` alone, not on what was drawn before.

    Example:
        >>> generator("yes", 1).random() == generator("yes", 1).random()
        True
    """
    digest = hashlib.blake2s(repr(key).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest))


def draw_speaker(identity: str) -> Speaker:
    """Return the speaker who belongs to `identity`: always the same.

    Args:
        identity: Any text; another one is another person.

    Example:
        >>> ann = draw_speaker("ann")
        >>> ann.name, ann.voice.language
        ('758ae414', 'en-gb-x-gbcwmd')
    """
    draw = generator("speaker", identity)
    name = hashlib.blake2s(identity.encode(), digest_size=4).hexdigest()
    return Speaker(
        name=name,
        voice=Voice(str(draw.choice(ACCENTS)), _draw_timbre(draw)),
        pitch_range=int(draw.integers(25, 76)),
        words_per_minute=int(draw.integers(110, 191)),
        room=_draw_room(draw),
    )


def _draw_timbre(draw: np.random.Generator) -> str:
    """Return lines of an espeak-ng variant file."""
    body = _BODIES[str(draw.choice(list(_BODIES)))]
    pitch = draw.uniform(*body["pitch"])
    tract = draw.uniform(*body["tract"])
    lines = [f"pitch {pitch:.0f} {pitch * draw.uniform(1.2, 1.7):.0f}"]
    for formant in range(_N_FORMANTS):
        frequency = 100 * tract * draw.uniform(0.94, 1.06)
        height, width = draw.uniform(70, 120), draw.uniform(80, 150)
        lines.append(f"formant {formant} {frequency:.0f} {height:.0f} {width:.0f}")
    lines.append(f"voicing {draw.uniform(60, 100):.0f}")
    lines.append(f"consonants {draw.uniform(60, 130):.0f} {draw.uniform(60, 130):.0f}")
    if draw.random() < 0.5:
        breath = draw.integers(1, 5, size=_N_FORMANTS - 1)
        lines.append("breath 0 " + " ".join(map(str, breath)))
    return "\n".join(lines)


def _draw_room(draw: np.random.Generator) -> Room:
    return Room(
        tilt_db_per_octave=draw.uniform(-3, 3),
        low_cut_hz=draw.uniform(50, 250),
        snr_db=draw.uniform(8, 35),
        noise_slope=draw.uniform(0, 2),
        level_db=draw.uniform(-20, -2),
    )
