"""Made-up people are who they are, and differ from one another."""

import numpy as np
import pytest
import scipy.signal

from sonotype.dataset.spoken.speakers import (
    ACCENTS,
    Room,
    coloured_noise,
    draw_speaker,
    generator,
)

RATE = 16_000


def crowd(n_people: int = 300) -> list[str]:
    return [f"person {number}" for number in range(n_people)]


def test_an_identity_is_always_the_same_person() -> None:
    assert draw_speaker("ann") == draw_speaker("ann")
    assert draw_speaker("ann") != draw_speaker("bob")


def test_names_and_voices_are_all_different() -> None:
    speakers = [draw_speaker(identity) for identity in crowd()]
    assert len({speaker.name for speaker in speakers}) == len(speakers)
    assert len({speaker.voice for speaker in speakers}) == len(speakers)
    assert all(len(bytes.fromhex(speaker.name)) == 4 for speaker in speakers)


def test_a_crowd_has_every_accent() -> None:
    accents = {draw_speaker(identity).voice.language for identity in crowd()}
    assert accents == set(ACCENTS)


def test_a_generator_depends_on_every_part_of_its_key() -> None:
    keys: list[tuple[object, ...]] = [(0, "a"), (0, "b"), (1, "a"), ("0", "a"), ("0a",)]
    drawn = {generator(*key).random() for key in keys}
    assert len(drawn) == len(keys)


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_coloured_noise_falls_as_asked(slope: float) -> None:
    noise = coloured_noise(60 * RATE, slope, np.random.default_rng(0))
    hertz, power = scipy.signal.welch(noise, RATE, nperseg=2048)
    heard = (hertz > 100) & (hertz < 6000)
    fitted, _ = np.polyfit(np.log(hertz[heard]), np.log(power[heard]), 1)
    assert fitted == pytest.approx(-slope, abs=0.05)
    assert np.square(noise).mean() == pytest.approx(1)


def tone(hertz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)


def hear(room: Room, clip: np.ndarray) -> np.ndarray:
    return room.hear(clip, RATE, len(clip), np.random.default_rng(0))


def test_tilt_is_in_decibels_per_octave() -> None:
    room = Room(
        tilt_db_per_octave=-3, low_cut_hz=1, snr_db=120, noise_slope=0, level_db=0
    )
    heard = np.abs(np.fft.rfft(hear(room, tone(1000) + tone(4000))))
    assert 20 * np.log10(heard[4000] / heard[1000]) == pytest.approx(-6, abs=0.01)


def test_the_low_cut_halves_the_power_at_its_frequency() -> None:
    room = Room(
        tilt_db_per_octave=0, low_cut_hz=200, snr_db=120, noise_slope=0, level_db=0
    )
    heard = np.square(np.abs(np.fft.rfft(hear(room, tone(200) + tone(7000)))))
    assert heard[200] / heard[7000] == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_noise_is_as_far_below_as_asked(snr_db: float) -> None:
    room = Room(
        tilt_db_per_octave=0, low_cut_hz=1, snr_db=snr_db, noise_slope=0, level_db=-10
    )
    spectrum = np.square(np.abs(np.fft.rfft(hear(room, tone(1000)))))
    noise = spectrum.sum() - spectrum[1000]
    assert 10 * np.log10(spectrum[1000] / noise) == pytest.approx(snr_db, abs=0.2)


def test_level_is_the_peak_and_never_above_what_was_asked() -> None:
    room = Room(
        tilt_db_per_octave=0, low_cut_hz=50, snr_db=20, noise_slope=1, level_db=-6
    )
    peaks = [
        np.abs(room.hear(tone(440), RATE, RATE, np.random.default_rng(seed))).max()
        for seed in range(30)
    ]
    decibels = 20 * np.log10(peaks)
    assert decibels.max() <= -6
    assert decibels.min() >= -12
    assert np.ptp(decibels) > 3
