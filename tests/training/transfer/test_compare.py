"""Trials of frozen backbones, on clips anyone can tell apart."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.clips import Clips
from sonotype.dataset.split import Split
from sonotype.errors import SettingError
from sonotype.settings import Settings
from sonotype.training.transfer import compare
from sonotype.training.transfer.compare import (
    backbones_at_hand,
    compare_backbones,
    settings_for,
    usual_length,
)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tiny_settings: Settings) -> Settings:
    """Every name stands for the tiny network."""
    monkeypatch.setattr(compare, "settings_for", lambda *_: tiny_settings)
    return tiny_settings


def try_tiny(clips: Clips, settings: Settings, folder: Path) -> list[compare.Candidate]:
    return list(
        compare_backbones(
            clips,
            ["one", "two"],
            like=settings,
            clip_seconds=0.25,
            task="single-label",
            cache_folder=folder,
        )
    )


def test_every_backbone_is_tried_on_the_same_clips(
    tone_split: Split, tiny: Settings, tmp_path: Path
) -> None:
    found = try_tiny(tone_split.train, tiny, tmp_path)
    assert [one.backbone for one in found] == ["one", "two"]
    assert {one.n_clips for one in found} == {len(tone_split.train)}
    # Random convolutions are enough to tell two tones from noise.
    assert all(0.8 < one.score <= 1.0 for one in found)
    assert all(one.interval.low <= one.score <= one.interval.high for one in found)
    assert found[0].n_parameters == found[1].n_parameters
    assert found[0].megabytes == pytest.approx(found[0].n_parameters * 4e-6)


def test_labels_without_sense_score_like_chance(
    tone_split: Split, tiny: Settings, tmp_path: Path
) -> None:
    clips = tone_split.train
    shuffled = clips.frame["labels"].shuffle(seed=1)
    nonsense = Clips(clips.frame.with_columns(labels=shuffled), clips.labels)
    found = try_tiny(nonsense, tiny, tmp_path)
    assert all(one.score < 0.6 for one in found)


def test_of_many_clips_whole_groups_are_tried(
    tone_split: Split,
    tiny: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compare, "MOST_CLIPS", 30)
    found = try_tiny(tone_split.train, tiny, tmp_path)
    assert found[0].n_clips == 27  # of three speakers: three takes of three sounds


def test_what_is_clearly_behind_hears_no_more(
    tone_split: Split, tiny: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "FIRST_CLIPS", 20)
    heard: list[np.ndarray] = []
    real = compare.embed_views

    def spoilt(network: Any, audio: Any, **how: Any) -> np.ndarray:
        views = real(network, audio, **how)
        heard.append(views)
        return views if spoilt.is_good else np.zeros_like(views)  # type: ignore[attr-defined]

    monkeypatch.setattr(compare, "embed_views", spoilt)
    clips = tone_split.train
    trials = compare_backbones(
        clips,
        ["good", "deaf", "good again"],
        like=tiny,
        clip_seconds=0.25,
        task="single-label",
        cache_folder=tmp_path,
    )
    found = []
    for is_good in (True, False, True):
        spoilt.is_good = is_good  # type: ignore[attr-defined]
        found.append(next(trials))
    first, rest = len(heard[1][0]), len(heard[2][0])
    assert first + rest == len(clips)
    assert [one.n_clips for one in found] == [len(clips), first, len(clips)]
    assert found[1].interval.high < found[0].interval.low


def test_hearing_clips_in_two_parts_changes_no_score(
    tone_split: Split, tiny: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shuffled = tone_split.train.frame["labels"].shuffle(seed=1)
    nonsense = tone_split.train.frame.with_columns(labels=shuffled)
    clips = Clips(nonsense, tone_split.train.labels)  # or all scores would be 1
    scores = []
    for first in (20, 1_000):
        monkeypatch.setattr(compare, "FIRST_CLIPS", first)
        keras.utils.set_random_seed(1)
        scores.append(try_tiny(clips, tiny, tmp_path)[0].score)
    assert scores[0] == scores[1]


def test_the_usual_length_holds_nearly_every_clip() -> None:
    lengths = np.array([15_900] * 99 + [90_000])
    assert usual_length(lengths, 16_000) == 1.0
    assert usual_length(np.array([80_016]), 16_000) == 5.0
    assert usual_length(np.array([81_600]), 16_000) == 5.1
    assert usual_length(np.array([800]), 16_000) == 0.5
    assert usual_length(np.array([16_000 * 60]), 16_000) == 10.0


def test_settings_are_those_of_the_backbone(tiny_settings: Settings) -> None:
    settings = settings_for("efficientat_mn04", tiny_settings, 2.5)
    assert settings.model.backbone == "efficientat_mn04"
    assert settings.audio.sample_rate == 32_000
    assert settings.n_samples == 80_000
    assert settings.data == tiny_settings.data
    with pytest.raises(SettingError, match="residual has no weights to start from"):
        settings_for("residual", tiny_settings, 2.5)


def test_a_backbone_is_at_hand_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONOTYPE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert "efficientat_mn04" in backbones_at_hand()[1]
    np.savez(tmp_path / "mn04_as_mAP_432.npz", nothing=np.zeros(1))
    here, elsewhere = backbones_at_hand()
    assert "efficientat_mn04" in here
    assert "efficientat_mn10" in elsewhere
