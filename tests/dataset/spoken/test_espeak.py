"""The speech synthesiser says the same for the same arguments, whatever came before."""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import pytest

from sonotype.dataset.spoken.espeak import Espeak, Prosody, Voice
from sonotype.dataset.spoken.speakers import ACCENTS
from sonotype.errors import DataError, MissingDependencyError, SettingError

pytest.importorskip("espeakng_loader")

BREATHY = Voice("en-us", "pitch 140 240\nbreath 0 3 3 3 3 3 3 3")
# Its r is rolled, by a counter of pitch cycles, unless roughness is switched off.
ROLLING = Voice("en-gb-scotland", "pitch 90 140")


@pytest.fixture
def espeak() -> Iterator[Espeak]:
    with Espeak() as opened:
        yield opened


def test_every_accent_of_the_speakers_is_there(espeak: Espeak) -> None:
    assert set(ACCENTS) <= set(espeak.languages)


def test_speech_is_float32_at_the_rate_of_the_library(espeak: Espeak) -> None:
    samples = espeak.say("yes", Voice("en-us"))
    assert samples.dtype == np.float32
    assert espeak.sample_rate == 22_050
    assert 0.2 < len(samples) / espeak.sample_rate < 1
    assert 0.05 < np.abs(samples).max() < 1


def test_accents_differ(espeak: Espeak) -> None:
    spoken = {espeak.say("right", Voice(accent)).tobytes() for accent in ACCENTS}
    assert len(spoken) == len(ACCENTS)


@pytest.mark.parametrize(
    ("text", "voice"), [("yes", BREATHY), ("right", ROLLING), ("no", Voice("en-029"))]
)
def test_what_was_said_before_does_not_matter(
    espeak: Espeak, text: str, voice: Voice
) -> None:
    first = espeak.say(text, voice, seed=5)
    for other in ("up", "right now", "down?", "stop!"):
        espeak.say(other, ROLLING, Prosody(pitch=70))
        espeak.say(other, BREATHY, Prosody(words_per_minute=90), seed=1)
        np.testing.assert_array_equal(espeak.say(text, voice, seed=5), first)


def test_a_fresh_process_says_the_same() -> None:
    code = (
        "import hashlib\n"
        "from sonotype.dataset.spoken.espeak import Espeak, Voice\n"
        "with Espeak() as espeak:\n"
        f"    samples = espeak.say('right', {BREATHY!r}, seed=3)\n"
        "print(hashlib.sha256(samples.tobytes()).hexdigest())\n"
    )
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, check=True, text=True)
    with Espeak() as espeak:
        espeak.say("something else", ROLLING)
        samples = espeak.say("right", BREATHY, seed=3)
    assert printed.stdout.strip() == hashlib.sha256(samples.tobytes()).hexdigest()


def test_the_seed_chooses_the_breath_alone(espeak: Espeak) -> None:
    assert np.any(
        espeak.say("no", BREATHY, seed=1) != espeak.say("no", BREATHY, seed=2)
    )
    clear = Voice("en-us", "pitch 140 240")
    np.testing.assert_array_equal(
        espeak.say("no", clear, seed=1), espeak.say("no", clear, seed=2)
    )


@pytest.mark.parametrize("pitch_hz", [100, 200])
def test_pitch_of_the_timbre_is_heard(espeak: Espeak, pitch_hz: int) -> None:
    voice = Voice("en-us", f"pitch {pitch_hz} {pitch_hz}")
    samples = espeak.say("no", voice)
    track = librosa.yin(samples, fmin=60, fmax=400, sr=espeak.sample_rate)
    assert np.median(track) == pytest.approx(pitch_hz, rel=0.1)


def test_pitch_of_the_prosody_is_heard(espeak: Espeak) -> None:
    def median_hz(pitch: int) -> float:
        samples = espeak.say("no", Voice("en-us"), Prosody(pitch=pitch))
        track = librosa.yin(samples, fmin=60, fmax=400, sr=espeak.sample_rate)
        return float(np.median(track))

    assert median_hz(30) < 0.9 * median_hz(50) < 0.8 * median_hz(70)


def test_a_faster_speaker_is_done_sooner(espeak: Espeak) -> None:
    def length(words_per_minute: int) -> int:
        prosody = Prosody(words_per_minute=words_per_minute)
        return len(espeak.say("seven", Voice("en-gb"), prosody))

    assert length(100) > 1.3 * length(200)


def test_volume_scales(espeak: Espeak) -> None:
    def peak(volume: int) -> float:
        samples = espeak.say("no", Voice("en-us"), Prosody(volume=volume))
        return float(np.abs(samples).max())

    assert peak(40) == pytest.approx(2 * peak(20), rel=0.1)


def test_a_wider_pitch_range_moves_more(espeak: Espeak) -> None:
    def spread_hz(pitch_range: int) -> float:
        prosody = Prosody(pitch_range=pitch_range, words_per_minute=80)
        samples = espeak.say("no", Voice("en-us", "pitch 100 150"), prosody)
        track = librosa.yin(samples, fmin=60, fmax=400, sr=espeak.sample_rate)
        return float(np.subtract(*np.percentile(track, [75, 25])))

    assert spread_hz(100) > 2 * spread_hz(10)


def test_an_unknown_language_names_the_nearest(espeak: Espeak) -> None:
    with pytest.raises(SettingError, match="did you mean 'en-us'"):
        espeak.say("yes", Voice("en-uss"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("pitch", 101), ("pitch_range", -1), ("words_per_minute", 79), ("volume", 0)],
)
def test_a_prosody_out_of_range_is_refused(name: str, value: int) -> None:
    with pytest.raises(SettingError, match=rf"{name} must be between .* it is {value}"):
        Prosody(**{name: value})


@pytest.mark.parametrize("text", ["", " ", "\0yes"])
def test_text_without_words_is_refused(espeak: Espeak, text: str) -> None:
    with pytest.raises(DataError, match="makes no sound"):
        espeak.say(text, Voice("en-us"))


def test_a_voice_that_would_be_distorted_is_refused(espeak: Espeak) -> None:
    loud = Voice("en-us", "\n".join(f"formant {n} 100 250 100" for n in range(9)))
    with pytest.raises(DataError, match="volume 100; lower the volume"):
        espeak.say("go", loud, Prosody(volume=100))


def test_only_one_can_be_open(espeak: Espeak) -> None:
    with pytest.raises(DataError, match="has only one state"), Espeak():
        pass
    assert len(espeak.say("still here", Voice("en-us")))


def test_one_that_does_not_open_leaves_the_way_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "espeakng_loader", None)
        with pytest.raises(MissingDependencyError), Espeak():
            pass
    with Espeak() as espeak:
        assert len(espeak.say("yes", Voice("en-us")))


def test_a_closed_one_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        with Espeak() as espeak:
            assert list(Path(folder).iterdir())
        assert not list(Path(folder).iterdir())
        with pytest.raises(AttributeError):
            espeak.say("yes", Voice("en-us"))
