from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.errors import DataError
from sonotype.training import split_gap
from sonotype.training.split_gap import ModelGap, SplitGap, measure_gap

RATE = 16_000
N_SPEAKERS, N_TAKES = 12, 6


def tone(hertz: float, rng: np.random.Generator) -> np.ndarray:
    seconds = np.arange(RATE // 8) / RATE
    noise = 0.01 * rng.standard_normal(len(seconds))
    return 0.3 * np.sin(2 * np.pi * hertz * seconds + rng.uniform(0, 6)) + noise


def recordings(folder: Path, rng: np.random.Generator, *, personal: bool) -> Clips:
    """Speakers of two words: each word at a pitch of the speaker's own, or of all.

    Of pitches of their own, every second one is for the other word.
    """
    clips = []
    pitches = np.geomspace(200, 7_000, 2 * N_SPEAKERS)
    for speaker in range(N_SPEAKERS):
        for word, label in enumerate(("no", "yes")):
            pitch = pitches[2 * speaker + word] if personal else (400, 4_000)[word]
            for take in range(N_TAKES):
                path = folder / f"{speaker}_{label}_{take}.wav"
                soundfile.write(path, tone(pitch, rng), RATE)
                clips.append(Clip(path, (label,), f"speaker {speaker}"))
    return Clips.of(clips)


def test_what_only_groups_tell_is_lost_in_a_grouped_split(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    gap = measure_gap(recordings(tmp_path, rng, personal=True))
    neighbour = gap.models[0]
    assert neighbour.model == "nearest neighbour"
    assert np.mean(neighbour.random) > 0.8
    # The pitches of other speakers say nothing of the word.
    assert np.mean(neighbour.grouped) < 0.6
    assert neighbour.is_clear
    assert (gap.n_clips, gap.n_groups) == (144, 12)
    assert abs(gap.n_test - 0.2 * 144) <= 12
    assert {len(model.random) for model in gap.models} == {split_gap.N_SPLITS}
    assert "A random split flatters: a quick model (nearest neighbour)" in (
        gap.sentence()
    )


def test_what_is_heard_in_every_group_is_not_lost(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    gap = measure_gap(recordings(tmp_path, rng, personal=False), n_splits=3)
    for model in gap.models:
        assert model.random == model.grouped == (1.0, 1.0, 1.0)
        assert not model.is_clear
    assert "score alike here" in gap.sentence()
    assert gap.to_dict()["models"][0]["random"] == [1.0, 1.0, 1.0]


def test_it_is_the_same_again(tmp_path: Path, rng: np.random.Generator) -> None:
    clips = recordings(tmp_path, rng, personal=True)
    first = measure_gap(clips, seed=3, n_splits=2)
    assert measure_gap(clips, seed=3, n_splits=2) == first
    assert measure_gap(clips, seed=4, n_splits=2) != first


def test_several_labels_are_right_if_all_are(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    clips = []
    for number in range(40):
        labels = (("a",), ("a", "b"), ("b",), ())[number % 4]
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, tone(500 * (1 + number % 4), rng), RATE)
        clips.append(Clip(path, labels, str(number // 4)))
    gap = measure_gap(Clips.of(clips), n_splits=2)
    assert gap.models[0].grouped == (1.0, 1.0)


def test_a_class_of_one_group_is_left_out(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    clips = recordings(tmp_path, rng, personal=False)
    path = tmp_path / "only.wav"
    soundfile.write(path, tone(1_000, rng), RATE)
    more = [Clip(path, ("one place",), "x"), Clip(path, ("one place", "no"), "x")]
    gap = measure_gap(Clips.of([*clips, *more]), n_splits=2)
    assert gap.n_clips == len(clips)


def test_what_cannot_be_compared() -> None:
    alone = [Clip(Path(f"{n}.wav"), ("no",), str(n)) for n in range(4)]
    with pytest.raises(DataError, match=r"every clip is a group .*--group-by"):
        measure_gap(Clips.of(alone))
    one_each = [Clip(Path(f"{n}.wav"), ("ny"[n % 2],), str(n % 2)) for n in range(6)]
    with pytest.raises(DataError, match="0 of 2 classes lie in two groups or more"):
        measure_gap(Clips.of(one_each))


def test_of_many_clips_whole_groups_are_drawn(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = recordings(tmp_path, rng, personal=False)
    monkeypatch.setattr(split_gap, "MOST_CLIPS", 60)
    whole = measure_gap(clips, n_splits=2)
    assert (whole.n_clips, whole.n_groups) == (60, 5)
    # Of large groups, some clips of each.
    monkeypatch.setattr(split_gap, "_MOST_CLIPS_A_GROUP", 5)
    thinned = measure_gap(clips, n_splits=2)
    assert (thinned.n_clips, thinned.n_groups) == (60, 12)


def test_gap_and_spread() -> None:
    model = ModelGap("linear", random=(0.9, 0.8, 0.7), grouped=(0.5, 0.6, 0.4))
    assert model.gap == pytest.approx(0.3)
    assert model.spread == pytest.approx(np.std([0.4, 0.2, 0.3], ddof=1))
    assert model.is_clear
    vague = ModelGap("vague", random=(0.9, 0.1), grouped=(0.1, 0.8))
    assert not vague.is_clear
    sentence = SplitGap(10, 5, 2, (vague, model)).sentence()
    assert "(linear) is right on 80 of 100 test clips" in sentence
    assert "but on 50 if they come from groups it has not heard" in sentence
    assert "may be up to 30 points too high." in sentence
    alike = SplitGap(10, 5, 2, (vague,)).sentence()
    assert "+5.0 points, is less than it varies from split to split (106.1)" in alike
