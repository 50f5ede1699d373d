"""The made-up data set: its layout, its bytes, its words."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.spoken.espeak import Espeak, Prosody
from sonotype.dataset.spoken.speakers import draw_speaker
from sonotype.dataset.spoken.spoken_words import (
    MANIFEST,
    WORDS,
    make_spoken_words,
    trim_silence,
)
from sonotype.errors import DataError, SettingError

pytest.importorskip("espeakng_loader")

RATE = 16_000


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make_tiny(folder: Path, *, seed: int = 0, reuse: bool = False) -> Path:
    return make_spoken_words(
        folder, words=("no", "yes"), n_speakers=2, takes=2, seed=seed, reuse=reuse
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spoken") / "deeper" / "words"
    return make_spoken_words(folder, n_speakers=4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("spoken") / "tiny")


def test_layout_is_that_of_speech_commands(made: Path) -> None:
    names = {draw_speaker(f"speaker {number}").name for number in range(4)}
    wanted = {f"{name}_nohash_{take}.wav" for name in names for take in range(2)}
    for word in WORDS:
        assert {path.name for path in (made / word).iterdir()} == wanted
    folders = {path.name for path in made.iterdir() if path.is_dir()}
    assert folders == {*WORDS, "_background_noise_"}


def test_every_clip_is_one_second_of_16_bits_mono(made: Path) -> None:
    for word in WORDS:
        for path in (made / word).iterdir():
            info = soundfile.info(path)
            assert (info.samplerate, info.channels) == (RATE, 1)
            assert (info.format, info.subtype) == ("WAV", "PCM_16")
            assert info.frames == RATE


def test_no_clip_is_silent_or_clipped(made: Path) -> None:
    for word in WORDS:
        for path in (made / word).iterdir():
            peak = np.abs(soundfile.read(path)[0]).max()
            assert 0.03 < peak < 0.8


def test_no_word_touches_the_ends_of_its_clip(made: Path) -> None:
    n_quiet = round(0.02 * RATE)
    for word in WORDS:
        for path in (made / word).iterdir():
            samples, _ = soundfile.read(path)
            ends = np.concatenate([samples[:n_quiet], samples[-n_quiet:]])
            # What is left at the ends is the noise of the room, at least 8 dB down.
            loudest_frame = np.square(samples.reshape(-1, n_quiet)).mean(axis=1).max()
            assert np.square(ends).mean() < 0.2 * loudest_frame


def test_takes_differ(made: Path) -> None:
    for word in WORDS:
        clips = [path.read_bytes() for path in (made / word).iterdir()]
        assert len(set(clips)) == len(clips)


def test_voices_and_words_fit_a_second_unhurried() -> None:
    with Espeak() as espeak:
        for number in range(12):
            speaker = draw_speaker(f"speaker {number}")
            prosody = Prosody(words_per_minute=100, volume=25)
            for word in WORDS:
                said = trim_silence(espeak.say(word, speaker.voice, prosody))
                assert 0.2 < len(said) / espeak.sample_rate < 0.9


def test_the_same_arguments_make_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    assert hashes(make_tiny(tmp_path / "again")) == hashes(tiny)


def test_another_seed_is_the_same_people_speaking_anew(
    tiny: Path, tmp_path: Path
) -> None:
    before, after = hashes(tiny), hashes(make_tiny(tmp_path / "other", seed=1))
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before)


def test_more_speakers_and_words_leave_the_others_as_they_were(
    made: Path, tiny: Path
) -> None:
    larger = hashes(made)
    clips = {name: sha for name, sha in hashes(tiny).items() if name != MANIFEST}
    assert clips.items() <= larger.items()


def test_progress_counts_every_clip(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    make_spoken_words(
        tmp_path / "set",
        words=("go",),
        n_speakers=2,
        takes=1,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]


def test_a_set_with_the_same_arguments_is_reused_if_asked(tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "set")
    marker = folder / "no" / "mine.txt"
    marker.touch()
    assert make_tiny(folder, reuse=True) == folder
    assert marker.exists()
    with pytest.raises(DataError, match="is there already; choose another folder"):
        make_tiny(folder)
    with pytest.raises(DataError, match=r"not a set .*'seed': 7"):
        make_tiny(folder, seed=7, reuse=True)


def test_reuse_makes_what_is_missing_and_fills_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("missing", "empty"):
        folder = make_tiny(tmp_path / name, reuse=True)
        assert json.loads((folder / MANIFEST).read_text())["n_speakers"] == 2


def put_file(folder: Path) -> None:
    folder.write_text("mine")


def put_folder(folder: Path) -> None:
    folder.mkdir()
    (folder / MANIFEST).write_text("not json")


@pytest.mark.parametrize("put", [put_file, put_folder])
@pytest.mark.parametrize("reuse", [False, True])
def test_what_is_there_is_left_alone(
    tmp_path: Path, put: Callable[[Path], None], reuse: bool
) -> None:
    folder = tmp_path / "taken"
    put(folder)
    with pytest.raises(DataError, match="taken is there already"):
        make_tiny(folder, reuse=reuse)
    assert folder.is_file() or [path.name for path in folder.iterdir()] == [MANIFEST]


def test_a_run_that_dies_leaves_nothing(tmp_path: Path) -> None:
    def die(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_spoken_words(tmp_path / "set", n_speakers=1, on_progress=die)
    assert not list(tmp_path.iterdir())


def test_a_set_is_open_to_those_a_new_folder_is_open_to(
    tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "usual").mkdir()
    assert tiny.stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("words", [(), ("no", "no"), ("No",), ("a b",), ("../up",)])
def test_words_that_cannot_be_classes_are_refused(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with pytest.raises(SettingError, match="words must be different and of lower-case"):
        make_spoken_words(tmp_path / "set", words=words)


def test_numbers_below_their_least_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="n_speakers must be at least 1, but it is"):
        make_spoken_words(tmp_path / "set", n_speakers=0)
    with pytest.raises(SettingError, match="takes must be at least 1, but it is 0"):
        make_spoken_words(tmp_path / "set", takes=0)
    with pytest.raises(SettingError, match="seed must not be negative, but it is -1"):
        make_spoken_words(tmp_path / "set", seed=-1)


def test_a_word_longer_than_a_clip_is_refused(tmp_path: Path) -> None:
    word = "internationalisation"
    with pytest.raises(DataError, match=rf"'{word}' takes .* s; choose shorter words"):
        make_spoken_words(tmp_path / "set", words=(word,), n_speakers=1)
    assert not list(tmp_path.iterdir())
